/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/snmpd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/util.h"

#define MAX_PID 4194304 /* PID_MAX_LIMIT of the kernel */

static bool is_installed(void)
{
	static const char *const paths[] = {
		"/usr/sbin/snmpd", "/usr/local/sbin/snmpd", "/sbin/snmpd", "/usr/bin/snmpd"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (access(paths[i], X_OK) == 0)
			return true;
	}
	return false;
}

/* A small file of the kernel's or of init's. Bytes read, NUL behind them; negative errno. */
static ssize_t read_file(const char *path, char *out, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return n;
}

/* The first number of a file; 0: none. */
static pid_t read_pid(const char *root, const char *name)
{
	char path[PATH_MAX], text[64], *end;
	long pid;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	if (read_file(path, text, sizeof(text)) <= 0)
		return 0;
	pid = strtol(text, &end, 10);
	return end == text || pid <= 1 || pid > MAX_PID ? 0 : (pid_t)pid;
}

static ssize_t read_proc(
	const struct acts_roots *roots, pid_t pid, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/%s", roots->proc, (int)pid, name);
	return read_file(path, out, size);
}

/* A number of /proc/PID/status, in this base; 0 where it is not. */
static unsigned long long get_field(const char *status, const char *name, int base)
{
	const char *at = strstr(status, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, base) : 0;
}

static bool look_at(const struct acts_roots *roots, pid_t pid, struct snmpd *snmpd)
{
	struct snmpd found = {.pid = pid};
	char text[4096];
	ssize_t n;

	/* the number may be an old one's, and somebody else's today */
	if (pid == 0 || read_proc(roots, pid, "comm", text, sizeof(text)) <= 0 ||
		strcmp(text, "snmpd\n") != 0)
		return false;
	n = read_proc(roots, pid, "cmdline", found.command, sizeof(found.command));
	for (ssize_t i = 0; i < n; i++) {
		if (found.command[i] == '\0')
			found.command[i] = ' ';
	}
	if (n <= 0 || read_proc(roots, pid, "status", text, sizeof(text)) <= 0)
		return false;
	found.own_config = strstr(found.command, " -C ") != NULL;
	found.uid = (uid_t)get_field(text, "\nUid:", 10);
	found.gid = (gid_t)get_field(text, "\nGid:", 10);
	found.ready = (get_field(text, "\nSigCgt:", 16) & (1ULL << (SIGHUP - 1))) != 0;
	*snmpd = found;
	return true;
}

int snmpd_find(const struct acts_roots *roots, struct snmpd *snmpd)
{
	/* systemd's, with either kind of control groups; else what init scripts and -p write */
	static const char *const groups[] = {"fs/cgroup/system.slice/snmpd.service/cgroup.procs",
		"fs/cgroup/systemd/system.slice/snmpd.service/cgroup.procs"};

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (look_at(roots, read_pid(roots->sys, groups[i]), snmpd))
			return 0;
	}
	if (look_at(roots, read_pid(roots->run, "snmpd.pid"), snmpd))
		return 0;
	return is_installed() ? -ESRCH : -ENOPKG;
}

int snmpd_reload(const struct acts_roots *roots, const struct snmpd *snmpd, int *pidfd)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, snmpd->pid, 0);
	struct snmpd now;

	if (fd < 0)
		return -errno;
	/* still the one that was looked at, now that it is held */
	if (!look_at(roots, snmpd->pid, &now) || !now.ready)
		return -ESRCH;
	if (syscall(SYS_pidfd_send_signal, fd, SIGHUP, NULL, 0) < 0)
		return -errno;
	if (pidfd != NULL)
		*pidfd = util_steal_fd(&fd);
	return 0;
}
