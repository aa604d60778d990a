/* SPDX-License-Identifier: Apache-2.0 */
/* bmclinkd: the command line of monitor and worker. bmclinkd(8) is the specification. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "host/monitor/monitor.h"
#include "host/monitor/package.h"
#include "host/relay/relay.h"
#include "host/worker.h"

#define EXIT_USAGE 2

enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_CLEANUP,
	MODE_INSTALLED,
	MODE_WORKER,
	MODE_RELAY,
	MODE_DONE
};

struct command_line {
	enum mode mode;
	struct monitor_options options;
	const char *installed; /* version of the package */
	enum package_family family;
};

enum option_number {
	OPTION_CONFIG = 256,
	OPTION_STATE_DIR,
	OPTION_RUNTIME_DIR,
	OPTION_FOREGROUND,
	OPTION_DEBUG,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_SYS_ROOT,
	OPTION_PROC_ROOT,
	OPTION_DMI_ROOT,
	OPTION_RUN_ROOT,
	OPTION_ETC_ROOT,
	OPTION_CLEANUP,
	OPTION_INSTALLED,
	OPTION_PACKAGE,
	OPTION_WORKER,
	OPTION_RELAY,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"config",	   required_argument, NULL, OPTION_CONFIG	 },
	{"state-dir",    required_argument, NULL, OPTION_STATE_DIR  },
	{"runtime-dir",	required_argument, NULL, OPTION_RUNTIME_DIR},
	{"foreground",   no_argument,	    NULL, OPTION_FOREGROUND },
	{"debug",	  no_argument,       NULL, OPTION_DEBUG	 },
	{"user",	 required_argument, NULL, OPTION_USER	     },
	{"group",	  required_argument, NULL, OPTION_GROUP      },
	{"sys-root",     required_argument, NULL, OPTION_SYS_ROOT   },
	{"proc-root",    required_argument, NULL, OPTION_PROC_ROOT  },
	{"dmi-root",     required_argument, NULL, OPTION_DMI_ROOT   },
	{"run-root",     required_argument, NULL, OPTION_RUN_ROOT   },
	{"etc-root",     required_argument, NULL, OPTION_ETC_ROOT   },
	{"check-config", no_argument,	      NULL, 'n'	       },
	{"cleanup",	    no_argument,	 NULL, OPTION_CLEANUP    },
	{"installed",    required_argument, NULL, OPTION_INSTALLED  },
	{"package",	    required_argument, NULL, OPTION_PACKAGE	   },
	{"worker",	   no_argument,	NULL, OPTION_WORKER	   },
	{"relay",	  no_argument,       NULL, OPTION_RELAY	 },
	{"version",	    no_argument,	 NULL, OPTION_VERSION    },
	{"help",	 no_argument,	      NULL, 'h'	       },
	{NULL,	       0,		  NULL, 0		 },
};

static const char help[] =
	"Usage: bmclinkd [OPTION]...\n"
	"Keep this server's operating system connected with its BMC.\n\n"
	"  --config FILE       configuration (default " BMCLINK_SYSCONFDIR "/bmclinkd.conf)\n"
	"  --state-dir DIR     trust, keys, profile (default " BMCLINK_STATEDIR ")\n"
	"  --runtime-dir DIR   control socket (default " BMCLINK_RUNDIR ")\n"
	"  --user NAME         unprivileged user of the worker (default bmclink)\n"
	"  --group NAME        group that may read the control socket (default bmclink)\n"
	"  --foreground        do not go to the background; log to stderr\n"
	"  --debug             log more\n"
	"  -n, --check-config  look at the configuration and end\n"
	"For the package's scripts:\n"
	"  --installed VERSION note that this version was installed, and end\n"
	"  --package deb|rpm   by which kind of package\n"
	"  --cleanup           take away address, protections, keys and trust, and end\n"
	"  --version           print the version\n"
	"  -h, --help          print this\n\n"
	"For tests, what stands for /sys, /proc, /sys/firmware/dmi, /run and /etc:\n"
	"  --sys-root DIR, --proc-root DIR, --dmi-root DIR, --run-root DIR, --etc-root DIR\n\n"
	"Exit codes: 0 done, 1 failed, 2 usage. See bmclinkd(8), bmclinkd.conf(5).\n";

static int take_option(int option, struct command_line *line)
{
	struct monitor_options *o = &line->options;

	switch (option) {
	case OPTION_CONFIG:
		o->config = optarg;
		return 0;
	case OPTION_STATE_DIR:
		o->state_dir = optarg;
		return 0;
	case OPTION_RUNTIME_DIR:
		o->runtime_dir = optarg;
		return 0;
	case OPTION_FOREGROUND:
		o->foreground = true;
		return 0;
	case OPTION_DEBUG:
		o->debug = true;
		return 0;
	case OPTION_USER:
		o->user = optarg;
		return 0;
	case OPTION_GROUP:
		o->group = optarg;
		return 0;
	case OPTION_SYS_ROOT:
		o->roots.sys = optarg;
		return 0;
	case OPTION_PROC_ROOT:
		o->roots.proc = optarg;
		return 0;
	case OPTION_DMI_ROOT:
		o->roots.dmi = optarg;
		return 0;
	case OPTION_RUN_ROOT:
		o->roots.run = optarg;
		return 0;
	case OPTION_ETC_ROOT:
		o->roots.etc = optarg;
		return 0;
	case 'n':
		line->mode = MODE_CHECK;
		return 0;
	case OPTION_CLEANUP:
		line->mode = MODE_CLEANUP;
		return 0;
	case OPTION_INSTALLED:
		line->mode = MODE_INSTALLED;
		line->installed = optarg;
		return 0;
	case OPTION_PACKAGE:
		line->family = version_find_family(optarg);
		return 0;
	case OPTION_WORKER:
		line->mode = MODE_WORKER;
		return 0;
	case OPTION_RELAY:
		line->mode = MODE_RELAY;
		return 0;
	case OPTION_VERSION:
		puts("bmclinkd " BMCLINK_VERSION);
		line->mode = MODE_DONE;
		return 0;
	case 'h':
		fputs(help, stdout);
		line->mode = MODE_DONE;
		return 0;
	default:
		return -EINVAL;
	}
}

static int complain(const char *text, const char *what)
{
	fprintf(stderr, "bmclinkd: %s '%s'; 'bmclinkd --help' lists the options\n", text, what);
	return -EINVAL;
}

/* One clear line, not getopt's and a page of help. */
static int parse(int argc, char **argv, struct command_line *line)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":nh", long_options, NULL)) >= 0) {
		if (option == ':')
			return complain("a value is missing for", argv[optind - 1]);
		if (option == '?')
			return complain("unknown option", argv[optind - 1]);
		if (take_option(option, line) < 0 || line->mode == MODE_DONE)
			return 0;
	}
	if (optind < argc)
		return complain("unexpected argument", argv[optind]);
	return 0;
}

static int check_config(const struct monitor_options *options)
{
	_cleanup_free_ char *error = NULL;
	struct settings settings;

	if (monitor_load_settings(options, &settings, &error) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s\n", error != NULL ? error : "out of memory");
	return EXIT_FAILURE;
}

static int parse_id(const char *text, unsigned int *id)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text || value == 0 || value >= UINT32_MAX)
		return -EINVAL;
	*id = (unsigned int)value;
	return 0;
}

/* Started by the monitor, which has looked the names up: user and group are numbers here. */
static int run_worker(const struct monitor_options *options)
{
	struct worker_options worker = {.dir = options->state_dir,
		.foreground = options->foreground,
		.debug = options->debug};

	if (parse_id(options->user, &worker.uid) < 0 || parse_id(options->group, &worker.gid) < 0 ||
		fcntl(WORKER_REQUEST_FD, F_GETFD) < 0 || fcntl(WORKER_NOTICE_FD, F_GETFD) < 0 ||
		fcntl(WORKER_CONTROL_FD, F_GETFD) < 0) {
		fputs("bmclinkd: --worker is for the monitor's use only\n", stderr);
		return EXIT_USAGE;
	}
	return worker_main(&worker);
}

static int run_relay(const struct monitor_options *options)
{
	struct relay_options relay = {.foreground = options->foreground, .debug = options->debug};

	if (parse_id(options->user, &relay.uid) < 0 || parse_id(options->group, &relay.gid) < 0 ||
		fcntl(RELAY_MONITOR_FD, F_GETFD) < 0 || fcntl(RELAY_COUNTS_FD, F_GETFD) < 0 ||
		fcntl(RELAY_ROOT_FD, F_GETFD) < 0) {
		fputs("bmclinkd: --relay is for the monitor's use only\n", stderr);
		return EXIT_USAGE;
	}
	return relay_main(&relay);
}

/* The parent ends when the worker is up, with the monitor's exit code when it never comes up. */
static int wait_until_ready(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_in_background(struct monitor_options *options)
{
	int ends[2], null;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	pid = fork();
	if (pid != 0) {
		close(ends[1]);
		return pid < 0 ? EXIT_FAILURE : wait_until_ready(ends[0]);
	}
	close(ends[0]);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/") < 0)
		return EXIT_FAILURE;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	options->ready_fd = ends[1];
	return monitor_run(options);
}

int main(int argc, char **argv)
{
	struct command_line line = {
		.options = {.state_dir = BMCLINK_STATEDIR,
			    .runtime_dir = BMCLINK_RUNDIR,
			    .user = "bmclink",
			    .group = "bmclink",
			    .roots = {.sys = "/sys", .proc = "/proc", .run = "/run", .etc = "/etc"},
			    .ready_fd = -1},
	};
	struct monitor_options *options = &line.options;

	if (parse(argc, argv, &line) < 0)
		return EXIT_USAGE;
	if (line.mode == MODE_DONE)
		return EXIT_SUCCESS;
	if (line.mode == MODE_CHECK)
		return check_config(options);
	if (line.mode == MODE_WORKER)
		return run_worker(options);
	if (line.mode == MODE_RELAY)
		return run_relay(options);
	log_open(
		"bmclinkd", options->foreground, options->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (line.mode == MODE_CLEANUP)
		return package_cleanup(options);
	if (line.mode == MODE_INSTALLED)
		return package_note_installed(options, line.installed, line.family);
	return options->foreground ? monitor_run(options) : run_in_background(options);
}
