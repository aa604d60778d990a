/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint-snmp/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "endpoint-snmp/subagent.h"

#define MODULE "processes"

const char *processes_find_snmpd(void)
{
	static const char *const paths[] = {
		"/usr/sbin/snmpd", "/usr/local/sbin/snmpd", "/sbin/snmpd"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	}
	return NULL;
}

/* A folder and the plain files in it. */
static void remove_dir(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.' || entry->d_type == DT_REG)
			unlinkat(fd, entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
	}
	closedir(dir);
	unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/*
 * What snmpd keeps for its next life is how often its engine was started (RFC 3414,
 * snmpEngineBoots): the host takes no answer of an engine that starts to count again. So it stays
 * as long as the engine is the same one, and goes with it.
 */
static void remove_persist(int dir_fd, const char *except)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, SESSION_PERSIST, strlen(SESSION_PERSIST)) == 0 &&
			strcmp(entry->d_name, except) != 0)
			remove_dir(dir_fd, entry->d_name);
	}
	closedir(dir);
}

static int open_dir(const struct processes *processes)
{
	int fd = openat(processes->runtime_fd, SESSION_DIR,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int make_dir(struct processes *processes, const struct session *session)
{
	_cleanup_free_ char *text = session_make_config(session, processes->dir);
	_cleanup_close_ int fd = -1;
	int r;

	if (!text)
		return -ENOMEM;
	if (mkdirat(processes->runtime_fd, SESSION_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open_dir(processes);
	if (fd < 0)
		return fd;
	snprintf(processes->persist, sizeof(processes->persist), SESSION_PERSIST "%s",
		session->user.engine);
	remove_persist(fd, processes->persist);
	if (mkdirat(fd, processes->persist, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = state_write_file(fd, SESSION_CONFIG, text, strlen(text), 0600);
	explicit_bzero(text, strlen(text));
	return r;
}

/* In the child: nothing of the parent's signals, and no life without it. */
static void become_child(pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
}

static void run_master(const struct processes *processes)
{
	char config[PATH_MAX + 32], persist[PATH_MAX + 128], path[PATH_MAX + 32];
	char *const argv[] = {"snmpd", "-f", "-LEw", "-C", "-c", config, NULL};
	char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
		"MIBS=", "MIBDIRS=/nonexistent", persist, path, NULL};

	snprintf(config, sizeof(config), "%s/" SESSION_CONFIG, processes->dir);
	snprintf(persist, sizeof(persist), "SNMP_PERSISTENT_DIR=%s/%s", processes->dir,
		processes->persist);
	snprintf(path, sizeof(path), "SNMPCONFPATH=%s", processes->dir);
	execve(processes->snmpd, argv, environment);
	log_error(MODULE, "%s: %s", processes->snmpd, strerror(errno));
	_exit(127);
}

static pid_t start_child(const struct processes *processes, const struct session *session)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	become_child(parent);
	if (session)
		_exit(subagent_run(session, processes->runtime_dir, processes->dir));
	run_master(processes);
	return 0;
}

int processes_start(struct processes *processes, const struct session *session)
{
	int n = snprintf(
		processes->dir, sizeof(processes->dir), "%s/" SESSION_DIR, processes->runtime_dir);
	int r;

	if (n < 0 || (size_t)n >= sizeof(processes->dir))
		return -ENAMETOOLONG;
	r = make_dir(processes, session);
	if (r < 0)
		return r;
	processes->master = start_child(processes, NULL);
	processes->subagent = processes->master > 0 ? start_child(processes, session) : -1;
	if (processes->subagent > 0)
		return 0;
	r = -errno;
	processes->subagent = 0;
	processes->master = processes->master > 0 ? processes->master : 0;
	processes_stop(processes);
	return r;
}

static void end_child(pid_t *pid)
{
	/* It has nothing to save. */
	if (*pid > 0 && kill(*pid, SIGKILL) == 0)
		waitpid(*pid, NULL, 0);
	*pid = 0;
}

void processes_stop(struct processes *processes)
{
	end_child(&processes->subagent);
	end_child(&processes->master);
}

void processes_clear(struct processes *processes)
{
	int fd;

	processes_stop(processes);
	fd = open_dir(processes);
	if (fd < 0)
		return;
	remove_persist(fd, "");
	close(fd);
	remove_dir(processes->runtime_fd, SESSION_DIR);
}

const char *processes_note_end(struct processes *processes, pid_t pid)
{
	if (pid == processes->master) {
		processes->master = 0;
		return "snmpd";
	}
	if (pid == processes->subagent) {
		processes->subagent = 0;
		return "the sub-agent";
	}
	return NULL;
}
