/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/state.h"
#include "base/tls.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "endpoint/admin.h"
#include "endpoint/control.h"
#include "endpoint/service.h"

struct options {
	const char *config, *state_dir, *runtime_dir;
	bool config_given, foreground, debug, check;
};

struct program {
	const struct options *options;
	struct event_base *base;
	struct service *service;
	struct control *control;
	int runtime_fd;
	struct event *signals[3];
};

static const char help[] =
	"usage: bmclink-endpoint [options] [command]\n"
	"  --config FILE       configuration (" BMCLINK_SYSCONFDIR "/endpoint.conf)\n"
	"  --state-dir DIR     trust, keys, Lifecycle log (" BMCLINK_STATEDIR "/endpoint)\n"
	"  --runtime-dir DIR   control socket (" BMCLINK_RUNDIR "-endpoint)\n"
	"  --foreground        log to stderr too\n"
	"  --debug             log more\n"
	"  -n, --check-config  read the configuration and exit\n"
	"  --version, --help\n"
	"commands (without one it serves):\n"
	"  trust list          the hosts that are known\n"
	"  trust add FILE      make the host with this certificate known\n"
	"  trust forget        forget all hosts; opens the enrolment window\n"
	"  trust open          open the enrolment window\n"
	"  certificate show    the certificate of this BMC, and the one that follows it\n"
	"  certificate renew   make the next one; it is used when every known host has it\n"
	"  features [NAME on|off]  what the host may do over the link\n"
	"  passwd              set the password of 'admin', read from stdin\n"
	"  notice host-reset   the host was reset or powered on; opens the window\n"
	"  ipmi HEX...         answer a request that the host sent over IPMI (DSP0270)\n"
	"  notice power STATE  the host's power state is now On, Off, PoweringOn, ...\n"
	"  notice inventory    ask the hook 'inventory' again\n"
	"  package add FILE    give hosts this package of the agent, signed by FILE.minisig\n"
	"  package list        the packages that hosts may fetch\n"
	"  package remove ID   take one away\n";

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"config",	   required_argument, NULL, 'c'},
		{"state-dir",	      required_argument, NULL, 's'},
		{"runtime-dir",			required_argument, NULL, 'r'},
		{"foreground",no_argument, NULL, 'f'},
		{"debug",		  no_argument, NULL, 'd'},
		{"check-config",	 no_argument, NULL, 'n'},
		{"version",		    no_argument, NULL, 'v'},
		{"help",			 no_argument, NULL, 'h'},
		{0		   },
	};
	int c;

	/* '+': what follows the command is its own. */
	while ((c = getopt_long(argc, argv, "+nh", table, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			options->config_given = true;
			break;
		case 's':
			options->state_dir = optarg;
			break;
		case 'r':
			options->runtime_dir = optarg;
			break;
		case 'f':
			options->foreground = true;
			break;
		case 'd':
			options->debug = true;
			break;
		case 'n':
			options->check = true;
			break;
		case 'v':
			puts("bmclink-endpoint " BMCLINK_VERSION);
			exit(0);
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			fputs(help, stderr);
			return -EINVAL;
		}
	}
	return 0;
}

static int load_settings(
	const struct options *options, struct endpoint_settings *settings, char **error)
{
	int r = endpoint_settings_load(options->config, !options->config_given, settings, error);

	if (r < 0 && !*error)
		*error = strdup(strerror(-r));
	return r;
}

static void reload(struct program *program)
{
	struct endpoint_settings settings;
	_cleanup_free_ char *error = NULL;
	int r = load_settings(program->options, &settings, &error);

	if (r == 0) {
		r = service_apply(program->service, &settings);
		if (r < 0 && asprintf(&error, "no TLS with these settings and the certificate: %s",
				     strerror(-r)) < 0)
			error = NULL;
	}
	if (r < 0) {
		log_error("main", "not reloaded: %s", error ? error : "no memory");
		lclog_emit(program->service->log, MSG_ISM1029, error ? error : "no memory");
	}
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	struct program *program = arg;

	if (signal == SIGHUP)
		reload(program);
	else
		event_base_loopexit(program->base, NULL);
}

static int watch_signals(struct program *program)
{
	static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		program->signals[i] = evsignal_new(program->base, numbers[i], on_signal, program);
		if (!program->signals[i] || event_add(program->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* One thread: locks would only cost. */
static struct event_base *make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	return base;
}

static int start(struct program *program, int state_fd)
{
	const struct options *options = program->options;
	struct service_environment environment = {
		.state_dir = options->state_dir,
		.state_fd = state_fd,
	};
	_cleanup_free_ char *error = NULL;
	struct endpoint_settings settings;
	int r = load_settings(options, &settings, &error);

	if (r < 0) {
		log_error("main", "%s", error ? error : "no memory");
		return r;
	}
	program->runtime_fd = environment.runtime_fd = state_open_dir(options->runtime_dir, 0755);
	if (program->runtime_fd < 0) {
		log_error("main", "%s: %s", options->runtime_dir, strerror(-program->runtime_fd));
		return program->runtime_fd;
	}
	umask(0077); /* what others make for us, SQLite above all, is ours alone */
	if (tls_init() < 0)
		return -ENOMEM;
	program->base = environment.base = make_base();
	if (!program->base)
		return -ENOMEM;
	r = watch_signals(program);
	if (r == 0)
		r = service_new(&environment, &settings, &program->service);
	if (r == 0)
		r = control_new(program->base, options->runtime_dir, admin_answer, program->service,
			&program->control);
	return r;
}

static void stop(struct program *program)
{
	control_free(program->control);
	service_free(program->service);
	if (program->runtime_fd >= 0)
		close(program->runtime_fd);
	for (size_t i = 0; i < ARRAY_SIZE(program->signals); i++) {
		if (program->signals[i])
			event_free(program->signals[i]);
	}
	if (program->base) {
		/* Bufferevents that had a call back pending are freed from within the loop. */
		event_base_loop(program->base, EVLOOP_NONBLOCK);
		event_base_free(program->base);
	}
	libevent_global_shutdown();
	sqlite3_shutdown();
}

static int serve(const struct options *options)
{
	struct program program = {.options = options, .runtime_fd = -1};
	_cleanup_close_ int state_fd = -1;
	_cleanup_close_ int lock = -1;
	int r;

	log_open("bmclink-endpoint", options->foreground,
		options->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	/* Keys and passwords: not into a core file, not to another process of this user; but who
	 * debugs wants to look. */
	if (!options->debug)
		prctl(PR_SET_DUMPABLE, 0);
	state_fd = state_open_dir(options->state_dir, 0700);
	lock = state_fd < 0 ? state_fd : admin_lock(state_fd);
	if (lock < 0) {
		log_error("main", "%s: %s", options->state_dir,
			lock == -EAGAIN ? "another endpoint uses it" : strerror(-lock));
		return 1;
	}
	r = start(&program, state_fd);
	if (r == 0) {
		log_notice("main", "serving (" BMCLINK_VERSION ")");
		notify_init("READY=1");
		event_base_dispatch(program.base);
	} else {
		log_error("main", "not started: %s", strerror(-r));
	}
	stop(&program);
	log_notice("main", "stopped");
	log_close();
	return r == 0 ? 0 : 1;
}

static int check_config(const struct options *options)
{
	struct endpoint_settings settings;
	char *error = NULL;
	int r = load_settings(options, &settings, &error);

	if (r < 0)
		fprintf(stderr, "%s\n", error ? error : "no memory");
	free(error);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct options options = {
		.config = BMCLINK_SYSCONFDIR "/endpoint.conf",
		.state_dir = BMCLINK_STATEDIR "/endpoint",
		.runtime_dir = BMCLINK_RUNDIR "-endpoint",
	};
	struct admin_place place;

	if (parse_options(argc, argv, &options) < 0)
		return CONTROL_EXIT_USAGE;
	if (options.check)
		return check_config(&options);
	place = (struct admin_place){options.state_dir, options.runtime_dir};
	if (optind < argc)
		return admin_run(&place, argc - optind, argv + optind);
	return serve(&options);
}
