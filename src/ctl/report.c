/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/state.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "ctl/bundle.h"
#include "ctl/print.h"

#define FORMAT	 1
#define MAX_TEXT 1024

static const struct {
	const char *name, *title;
	void (*make)(struct report *report);
} sections[] = {
	{"addresses",   "Addresses on the NIC",		      report_nic_addresses	  },
	{"sysctls",	    "Kernel settings of the NIC",		  report_nic_sysctls	    },
	{"firewall",    "Firewall",				 report_nic_firewall	    },
	{"hosts",	  "Names in /etc/hosts",			 report_files_hosts	   },
	{"snmpd",	  "Drop-in for snmpd",		       report_snmp		  },
	{"updates",	    "Updates of the agent",		    report_update		 },
	{"directories", "Configuration, state and runtime files", report_files_directories},
	{"sockets",	    "Listening sockets",			 report_system_sockets   },
	{"units",	  "Services",			       report_system_units	 },
	{"package",	    "Package and account",			   report_system_package	},
};

static const struct {
	const char *name, *label;
	enum print_color color;
} states[] = {
	[REPORT_AS_RECORDED] = {"as-recorded", "as recorded", PRINT_PLAIN },
	[REPORT_CHANGED] = {"changed",     "changed",	  PRINT_YELLOW},
	[REPORT_MISSING] = {"missing",     "missing",	  PRINT_YELLOW},
	[REPORT_FOREIGN] = {"not-ours",	"not ours",    PRINT_PLAIN },
	[REPORT_UNKNOWN] = {"unknown",     "unknown",	  PRINT_YELLOW},
};

const char *report_proc_root(const struct ctl *ctl)
{
	return ctl->roots.proc ? ctl->roots.proc : "/proc";
}

const char *report_etc_root(const struct ctl *ctl)
{
	return ctl->roots.etc ? ctl->roots.etc : "/etc";
}

void report_add(
	struct report *report, enum report_state state, const char *note, const char *format, ...)
{
	char text[MAX_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (state == REPORT_CHANGED || state == REPORT_MISSING)
		report->differences++;
	json_array_append_new(json_object_get(report->now, "items"),
		json_pack("{s:s, s:s, s:o}", "state", states[state].name, "what", text, "note",
			*note ? json_string(note) : json_null()));
}

void report_add_none(struct report *report, const char *format, ...)
{
	char text[MAX_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_set_new(report->now, "none", json_string(text));
}

void report_add_unread(struct report *report, const char *format, ...)
{
	char text[MAX_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report->unread++;
	json_array_append_new(json_object_get(report->now, "unread"), json_string(text));
}

bool report_has_records(struct report *report)
{
	if (report->monitor_fd >= 0)
		return true;
	if (report->state_error == -ENOENT)
		report_add_none(report, "%s/monitor is not there: bmclinkd has never run here",
			report->ctl->state_dir);
	else
		report_add_unread(report, "%s/monitor: %s%s", report->ctl->state_dir,
			strerror(-report->state_error),
			report->state_error == -EACCES ? " (be root)" : "");
	return false;
}

static void read_boot_id(struct report *report)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/sys/kernel/random/boot_id", report_proc_root(report->ctl));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, report->boot_id, sizeof(report->boot_id) - 1);
	report->boot_id[n > 0 ? n : 0] = '\0';
	report->boot_id[strcspn(report->boot_id, "\n")] = '\0';
}

static void read_records(struct report *report)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/monitor", report->ctl->state_dir);
	report->monitor_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (report->monitor_fd < 0) {
		report->state_error = -errno;
		return;
	}
	report->profile_error = profile_load(report->monitor_fd, &report->profile);
	report->care_error = state_read_json(report->monitor_fd, "care.json", &report->care);
	read_boot_id(report);
}

/* Who listens at the control socket: the kernel knows. */
static void find_daemon(struct report *report)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
		    report->ctl->runtime_dir) >= (int)sizeof(address.sun_path))
		return;
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		report->daemon = peer.pid;
}

static json_t *make_time(void)
{
	char text[CLOCK_TEXT];

	clock_format(time(NULL), text);
	return json_string(text);
}

json_t *report_make(const struct ctl *ctl)
{
	struct report report = {.ctl = ctl, .sections = json_array(), .monitor_fd = -1};

	find_daemon(&report);
	read_records(&report);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		report.now = json_pack("{s:s, s:s, s:[], s:n, s:[]}", "name", sections[i].name,
			"title", sections[i].title, "items", "none", "unread");
		if (json_array_append_new(report.sections, report.now) == 0)
			sections[i].make(&report);
	}
	json_decref(report.care);
	if (report.monitor_fd >= 0)
		close(report.monitor_fd);
	return json_pack("{s:i, s:s, s:o, s:b, s:I, s:i, s:i, s:o}", "format", FORMAT, "version",
		BMCLINK_VERSION, "time", make_time(), "daemon_running", ctl_daemon_runs(ctl),
		"daemon_pid", (json_int_t)report.daemon, "differences", (int)report.differences,
		"unread", (int)report.unread, "sections", report.sections);
}

static void print_item(const json_t *item)
{
	const char *state = print_string(item, "state", ""), *what = print_string(item, "what", "");
	const char *note = print_string(item, "note", NULL);

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(states[i].name, state) == 0)
			print_field(1, states[i].label, states[i].color, "%s%s%s", what,
				note ? ": " : "", note ? note : "");
}

static void print_section(const json_t *section)
{
	const char *none = print_string(section, "none", NULL);
	const json_t *item;
	size_t i;

	print_heading(print_string(section, "title", "?"));
	json_array_foreach(json_object_get(section, "items"), i, item) print_item(item);
	if (none)
		print_field(1, "nothing", PRINT_PLAIN, "%s", none);
	json_array_foreach(json_object_get(section, "unread"), i, item)
		print_field(1, "not read", PRINT_YELLOW, "%s", json_string_value(item));
}

static void print_report(const json_t *report)
{
	json_int_t differences = json_integer_value(json_object_get(report, "differences"));
	json_int_t unread = json_integer_value(json_object_get(report, "unread"));
	const json_t *section;
	size_t i;

	json_array_foreach(json_object_get(report, "sections"), i, section) print_section(section);
	print_heading("Altogether");
	print_field(1, "daemon", PRINT_PLAIN, "%s",
		json_is_true(json_object_get(report, "daemon_running")) ? "running"
									: "not running");
	print_field(1, "differences", differences ? PRINT_YELLOW : PRINT_PLAIN,
		"%" JSON_INTEGER_FORMAT, differences);
	if (unread)
		print_field(1, "not read", PRINT_YELLOW, "%" JSON_INTEGER_FORMAT, unread);
}

enum ctl_exit ctl_run_report(const struct ctl *ctl, const struct ctl_command *self)
{
	enum ctl_exit code = CTL_DONE;
	json_t *report;

	if (ctl->bundle)
		return bundle_write(ctl);
	if (ctl->keep_identifiers) {
		ctl_complain("--keep-identifiers is for --bundle");
		return CTL_USAGE;
	}
	report = report_make(ctl);
	if (!report) {
		ctl_complain("no memory");
		return CTL_FAILED;
	}
	if (ctl->json)
		print_json(report, false);
	else
		print_report(report);
	json_decref(report);
	return code;
}
