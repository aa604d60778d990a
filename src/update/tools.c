/* SPDX-License-Identifier: Apache-2.0 */
#include "update/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/package_name.h"
#include "base/text.h"
#include "base/util.h"
#include "update/program.h"

#define MODULE	     "update"
#define ASK_SECS     60
#define INSTALL_SECS 600
#define MAX_PATH     256

#define DEB_FIELDS "${Package}\n${Version}\n${Architecture}\n"
#define RPM_FIELDS "%{NAME}\n%{VERSION}-%{RELEASE}\n%{ARCH}\n"

static const char *name_program(const struct tools *tools, const char *name, char path[MAX_PATH])
{
	snprintf(path, MAX_PATH, "%s/%s", tools->folder ? tools->folder : "/usr/bin", name);
	return path;
}

/* The last line that says something is the telling one. */
static void take_last_line(const char *output, const char *program, char *why)
{
	const char *end = output + strlen(output), *begin;
	char line[TOOLS_MAX_WHY - 16];

	while (end > output && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	begin = end;
	while (begin > output && begin[-1] != '\n')
		begin--;
	text_make_printable(begin, (size_t)(end - begin), line, sizeof(line));
	snprintf(why, TOOLS_MAX_WHY, "%.10s: %s", program, line[0] ? line : "it failed");
}

/* What it says goes to the journal, line by line. */
static void log_output(const char *output)
{
	char line[256];

	while (*output) {
		size_t length = strcspn(output, "\n");

		text_make_printable(output, length, line, sizeof(line));
		if (length)
			log_info(MODULE, "| %s", line);
		output += length + (output[length] == '\n');
	}
}

static int check(int r, const char *output, const char *program, char *why)
{
	if (r == 0)
		return 0;
	if (r == -ETIMEDOUT)
		snprintf(why, TOOLS_MAX_WHY, "%s did not end in its time", program);
	else if (r < 0)
		snprintf(why, TOOLS_MAX_WHY, "%s: %s", program, strerror(-r));
	else
		take_last_line(output, program, why);
	return r < 0 ? r : -EIO;
}

/* One line of output; false: there is none, or it does not fit. */
static bool take_line(const char **output, char *out, size_t size)
{
	size_t length = strcspn(*output, "\n");

	if ((*output)[length] != '\n' || !length || length >= size)
		return false;
	memcpy(out, *output, length);
	out[length] = '\0';
	*output += length + 1;
	return true;
}

static int take_package(const char *output, struct update_package *package, char *why)
{
	struct update_package taken = {0};

	if (!take_line(&output, taken.name, sizeof(taken.name)) ||
		!take_line(&output, taken.version, sizeof(taken.version)) ||
		!take_line(&output, taken.architecture, sizeof(taken.architecture))) {
		snprintf(why, TOOLS_MAX_WHY, "name, version and architecture cannot be read");
		return -EBADMSG;
	}
	*package = taken;
	return 0;
}

int tools_read_package(
	const struct tools *tools, const char *path, struct update_package *package, char *why)
{
	bool deb = tools->family == PACKAGE_DEB;
	const char *name = deb ? "dpkg-deb" : "rpm";
	char program[MAX_PATH], output[1024];
	const char *format = "--showformat=" DEB_FIELDS;
	const char *const for_deb[] = {
		name_program(tools, name, program), "--show", format, path, NULL};
	const char *const for_rpm[] = {program, "-qp", "--qf", RPM_FIELDS, path, NULL};
	int r = program_run(deb ? for_deb : for_rpm, NULL, ASK_SECS, output, sizeof(output));

	r = check(r, output, name, why);
	return r < 0 ? r : take_package(output, package, why);
}

int tools_read_installed(
	const struct tools *tools, struct update_package *package, bool *whole, char *why)
{
	bool deb = tools->family == PACKAGE_DEB;
	const char *name = deb ? "dpkg-query" : "rpm", *text;
	char program[MAX_PATH], output[1024], status[32] = "installed";
	const char *format = "-f=${db:Status-Status}\n" DEB_FIELDS;
	const char *const for_deb[] = {
		name_program(tools, name, program), "-W", format, PACKAGE_NAME_AGENT, NULL};
	const char *const for_rpm[] = {program, "-q", "--qf", RPM_FIELDS, PACKAGE_NAME_AGENT, NULL};
	int r = program_run(deb ? for_deb : for_rpm, NULL, ASK_SECS, output, sizeof(output));

	if (r == 1) { /* both, of one that they do not know */
		snprintf(why, TOOLS_MAX_WHY, "it is not installed");
		return -ENOENT;
	}
	r = check(r, output, name, why);
	text = output;
	if (r == 0 && deb && !take_line(&text, status, sizeof(status)))
		r = -EBADMSG;
	if (r == 0)
		r = take_package(text, package, why);
	if (r == 0)
		*whole = strcmp(status, "installed") == 0;
	return r;
}

/* fcntl locks, as both use them. dpkg's is taken, as every frontend does; rpm's only looked at. */
static int try_lock(int fd, bool take)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, take ? F_SETLK : F_GETLK, &lock) < 0)
		return errno == EACCES || errno == EAGAIN ? -EAGAIN : -errno;
	return take || lock.l_type == F_UNLCK ? 0 : -EAGAIN;
}

static int open_lock(const struct tools *tools)
{
	static const char *const rpm[] = {
		"/usr/lib/sysimage/rpm/.rpm.lock", "/var/lib/rpm/.rpm.lock"};
	char path[MAX_PATH];
	int fd = -1;

	if (tools->family == PACKAGE_DEB) {
		snprintf(path, sizeof(path), "%s/lock-frontend",
			tools->dpkg_dir ? tools->dpkg_dir : "/var/lib/dpkg");
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	}
	for (size_t i = 0; tools->family == PACKAGE_RPM && i < ARRAY_SIZE(rpm) && fd < 0; i++)
		fd = open(rpm[i], O_RDWR | O_CLOEXEC);
	if (fd < 0 && tools->family == PACKAGE_RPM)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* nobody ever took it */
	return fd < 0 ? -errno : fd;
}

int tools_wait_lock(const struct tools *tools, unsigned int seconds, char *why)
{
	const struct timespec pause = {.tv_nsec = 250000000};
	_cleanup_close_ int fd = open_lock(tools);
	unsigned int quarters = 0;
	int r = fd < 0 ? fd : -EAGAIN;

	while (r == -EAGAIN) {
		r = try_lock(fd, tools->family == PACKAGE_DEB);
		if (r != -EAGAIN || quarters++ == 4 * seconds)
			break;
		if (quarters == 1)
			log_notice(
				MODULE, "another program works on the package database: waiting");
		nanosleep(&pause, NULL);
	}
	if (r == 0)
		return util_steal_fd(&fd);
	if (r == -EAGAIN)
		snprintf(why, TOOLS_MAX_WHY, "another program held the package database for %u s",
			seconds);
	else
		snprintf(why, TOOLS_MAX_WHY, "the package database: %s", strerror(-r));
	return r;
}

int tools_install(const struct tools *tools, const char *path, char *why)
{
	bool deb = tools->family == PACKAGE_DEB;
	const char *name = deb ? "dpkg" : "rpm";
	_cleanup_free_ char *output = malloc(65536);
	char program[MAX_PATH];
	const char *const for_deb[] = {name_program(tools, name, program), "--force-confdef",
		"--force-confold", "-i", path, NULL};
	const char *const for_rpm[] = {program, "-U", "--oldpackage", "--replacepkgs", path, NULL};
	int r;

	if (!output)
		return -ENOMEM;
	r = program_run(deb ? for_deb : for_rpm, deb ? "DPKG_FRONTEND_LOCKED=1" : NULL,
		INSTALL_SECS, output, 65536);
	log_output(output);
	return check(r, output, name, why);
}

void tools_start_service(const struct tools *tools)
{
	static const char *const verbs[] = {"reset-failed", "start"};
	char program[MAX_PATH], output[512];

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *const argv[] = {name_program(tools, "systemctl", program), verbs[i],
			"bmclinkd.service", NULL};

		if (program_run(argv, NULL, ASK_SECS, output, sizeof(output)) != 0)
			log_output(output);
	}
}
