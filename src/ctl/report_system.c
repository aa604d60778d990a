/* SPDX-License-Identifier: Apache-2.0 */
/* The report's sections about processes: sockets, units, and the package that brought them. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/program.h"
#include "ctl/report.h"
#include "host/settings.h"

#define MAX_SOCKETS 256
#define TCP_LISTEN  0x0a
#define UNIX_LISTEN 0x10000 /* __SO_ACCEPTCON */

struct sockets {
	struct report *report;
	unsigned long inodes[MAX_SOCKETS];
	size_t n;
	bool control_found;
	long access_port;
};

/* The sockets that this process holds open; -EACCES: only root sees. */
static int read_inodes(pid_t pid, struct sockets *sockets)
{
	char path[64], link[64];
	const struct dirent *entry;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	fd = dir ? dirfd(dir) : -1;
	if (fd < 0)
		return -errno;
	while ((entry = readdir(dir)) != NULL && sockets->n < MAX_SOCKETS) {
		ssize_t n = readlinkat(fd, entry->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		if (sscanf(link, "socket:[%lu]", &sockets->inodes[sockets->n]) == 1)
			sockets->n++;
	}
	closedir(dir);
	return 0;
}

static bool is_ours(const struct sockets *sockets, unsigned long inode)
{
	for (size_t i = 0; i < sockets->n; i++)
		if (inode != 0 && sockets->inodes[i] == inode)
			return true;
	return false;
}

/* "Num: refs protocol flags type state inode path" */
static void take_unix(struct sockets *sockets, const char *line)
{
	unsigned int flags;
	unsigned long inode;
	char path[256] = "", control[PATH_MAX];

	if (sscanf(line, "%*s %*x %*x %x %*x %*x %lu %255s", &flags, &inode, path) < 2 ||
		!(flags & UNIX_LISTEN) || !is_ours(sockets, inode))
		return;
	snprintf(control, sizeof(control), "%s/control", sockets->report->ctl->runtime_dir);
	if (strcmp(path, control) != 0) {
		report_add(sockets->report, REPORT_CHANGED, "not in our records", "unix socket %s",
			path);
		return;
	}
	/* both processes hold the one socket */
	if (!sockets->control_found)
		report_add(sockets->report, REPORT_AS_RECORDED, "", "unix socket %s", path);
	sockets->control_found = true;
}

/* The port of in-band access, by the configuration; 0: it is off, or cannot be read. */
static long get_access_port(const struct ctl *ctl)
{
	_cleanup_free_ char *error = NULL;
	struct settings settings;

	if (settings_load(ctl->config, !ctl->config_given, &settings, &error) < 0)
		return 0;
	return settings.inband_access ? settings.access_port : 0;
}

/* "sl: local:port remote:port state ... inode": bmclinkd listens at one port of the network. */
static void take_inet(struct sockets *sockets, const char *line, const char *protocol)
{
	unsigned int port, remote, state;
	unsigned long inode;

	if (sscanf(line, "%*s %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x %*s %*s %*s %*s %*s %lu", &port,
		    &remote, &state, &inode) == 4 &&
		(state == TCP_LISTEN || (protocol[0] == 'u' && remote == 0)) &&
		is_ours(sockets, inode)) {
		bool access = protocol[0] == 't' && sockets->access_port == (long)port;

		report_add(sockets->report, access ? REPORT_AS_RECORDED : REPORT_CHANGED,
			access ? "in-band access" : "not in our records", "%s port %u", protocol,
			port);
	}
}

static void read_table(struct sockets *sockets, pid_t pid, const char *name)
{
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strcmp(name, "unix") == 0)
			take_unix(sockets, line);
		else
			take_inet(sockets, line, name);
	}
	if (file)
		fclose(file);
}

static int read_children(pid_t pid, struct sockets *sockets)
{
	char path[64];
	FILE *file;
	int child, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	while (file && r == 0 && fscanf(file, "%d", &child) == 1)
		r = read_inodes(child, sockets);
	if (file)
		fclose(file);
	return r;
}

void report_system_sockets(struct report *report)
{
	static const char *const tables[] = {"unix", "tcp", "tcp6", "udp", "udp6"};
	struct sockets sockets = {.report = report, .access_port = get_access_port(report->ctl)};
	int r;

	if (report->daemon == 0) {
		report_add_none(
			report, ctl_daemon_runs(report->ctl)
					? "bmclinkd runs, but its socket is not for you to open"
					: "bmclinkd does not run");
		return;
	}
	r = read_inodes(report->daemon, &sockets);
	if (r == 0)
		r = read_children(report->daemon, &sockets);
	if (r < 0) {
		report_add_unread(report, "the sockets of process %d: %s%s", (int)report->daemon,
			strerror(-r), r == -EACCES ? " (be root)" : "");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		read_table(&sockets, report->daemon, tables[i]);
	if (!sockets.control_found)
		report_add(report, REPORT_MISSING, "", "unix socket %s/control",
			report->ctl->runtime_dir);
}

static const char *find_property(char *const *lines, size_t n, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (strncmp(lines[i], name, length) == 0 && lines[i][length] == '=')
			return lines[i] + length + 1;
	return "";
}

static void report_unit(struct report *report, char *const *lines, size_t n)
{
	const char *id = find_property(lines, n, "Id"),
		   *load = find_property(lines, n, "LoadState");
	const char *active = find_property(lines, n, "ActiveState");
	const char *drop_ins = find_property(lines, n, "DropInPaths");

	if (!*id || strcmp(load, "not-found") == 0)
		return;
	report_add(report, strcmp(active, "failed") == 0 ? REPORT_CHANGED : REPORT_AS_RECORDED,
		*drop_ins ? "with drop-ins of the administrator" : "", "%s: %s (%s), %s, %s", id,
		active, find_property(lines, n, "SubState"),
		find_property(lines, n, "UnitFileState"), find_property(lines, n, "FragmentPath"));
}

/* Properties of a unit, an empty line, the next one. */
static void report_units(struct report *report, char *output)
{
	char *lines[32], *line;
	size_t n = 0;

	while ((line = strsep(&output, "\n")) != NULL) {
		if (*line != '\0' && n < ARRAY_SIZE(lines)) {
			lines[n++] = line;
		} else if (*line == '\0') {
			report_unit(report, lines, n);
			n = 0;
		}
	}
	report_unit(report, lines, n);
	if (json_array_size(json_object_get(report->now, "items")) == 0)
		report_add_none(report, "systemd knows no unit of ours");
}

void report_system_units(struct report *report)
{
	const char *const argv[] = {"systemctl", "show", "--no-pager", "-p",
		"Id,LoadState,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths",
		"bmclinkd.service", "bmclink-update.path", "bmclink-update.service",
		"bmclink-endpoint.service", NULL};
	struct program_result result;
	int r = program_run(report->ctl->program_dir, argv, &result);

	if (r < 0)
		report_add_unread(report, "systemctl: %s", strerror(-r));
	else if (result.status != 0)
		report_add_unread(
			report, "systemctl: %s", *result.error ? result.error : "it could not say");
	else
		report_units(report, result.output);
	program_clear(&result);
}

struct manager {
	const char *name, *package;
	const char *const query[5], *const verify[4];
};

static const struct manager managers[] = {
	{"dpkg", "bmclink",
		{"dpkg-query", "-W", "-f=${Package} ${Version} ${db:Status-Status}", "bmclink"},
		{"dpkg", "--verify", "bmclink"}	       },
	{"dpkg", "bmclink-endpoint",
		{"dpkg-query", "-W", "-f=${Package} ${Version} ${db:Status-Status}",
			"bmclink-endpoint"},
		{"dpkg", "--verify", "bmclink-endpoint"}},
	{"rpm",	"bmclink",	   {"rpm", "-q", "--qf=%{NAME} %{VERSION}-%{RELEASE} installed", "bmclink"},
		{"rpm", "-V", "bmclink"}		},
	{"rpm",	"bmclink-endpoint",
		{"rpm", "-q", "--qf=%{NAME} %{VERSION}-%{RELEASE} installed", "bmclink-endpoint"},
		{"rpm", "-V", "bmclink-endpoint"}	 },
};

/* A line for each file that is no longer as packed: "??5?????? c /etc/bmclink/bmclinkd.conf" */
static void verify_package(struct report *report, const struct manager *manager)
{
	struct program_result result;
	char *rest, *line;

	if (program_run(report->ctl->program_dir, manager->verify, &result) == 0) {
		rest = result.output;
		while ((line = strsep(&rest, "\n")) != NULL) {
			const char *path = strchr(line, '/');

			/* a changed configuration is what it is for */
			if (path && strstr(line, " c ") != NULL)
				report_add(report, REPORT_FOREIGN, "changed by the administrator",
					"%s", path);
			else if (path)
				report_add(report, REPORT_CHANGED, "not as packed", "%s (%.*s)",
					path, (int)strcspn(line, " "), line);
		}
	}
	program_clear(&result);
}

static void report_account(struct report *report)
{
	const struct passwd *user = getpwnam("bmclink");
	const struct group *group = getgrnam("bmclink");

	if (user)
		report_add(report, REPORT_AS_RECORDED, "", "user bmclink (%u), shell %s",
			(unsigned int)user->pw_uid, user->pw_shell);
	if (group)
		report_add(report, REPORT_AS_RECORDED, "", "group bmclink (%u)",
			(unsigned int)group->gr_gid);
}

void report_system_package(struct report *report)
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
		struct program_result result;

		if (program_run(report->ctl->program_dir, managers[i].query, &result) == 0 &&
			result.status == 0 && strstr(result.output, " installed") != NULL) {
			found = true;
			report_add(report, REPORT_AS_RECORDED, "", "%s (%s)", result.output,
				managers[i].name);
			verify_package(report, &managers[i]);
		}
		program_clear(&result);
	}
	report_account(report);
	if (!found)
		report_add_none(report, "neither dpkg nor rpm has a package of ours");
}
