/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bmclink-endpoint-snmp: SNMP for the host, beside bmclink-endpoint. It follows one file in the
 * endpoint's runtime directory and runs an snmpd as that says: a user, a NIC; without the file
 * there is none. bmclink-endpoint(8) is the specification.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/state.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "endpoint-snmp/processes.h"

#define MODULE	     "main"
#define FIRST_MS     500   /* after a process ended by itself: the wait, */
#define MAX_MS	     30000 /* doubling to this; */
#define LONG_LIFE_MS 60000 /* after a life as long, the first again */

enum state { STATE_IDLE, STATE_RUNNING, STATE_WAITING, STATE_STOPPED };

struct program {
	enum state state;
	struct processes processes;
	struct session session; /* RUNNING, WAITING */
	int inotify_fd, signal_fd, lock_fd;
	int64_t since_ms, retry_ms;
	unsigned int wait_ms;
	int exit_code;
};

static const char help[] =
	"usage: bmclink-endpoint-snmp [options]\n"
	"SNMP for the host, beside bmclink-endpoint.\n"
	"  --runtime-dir DIR   of bmclink-endpoint (" BMCLINK_RUNDIR "-endpoint)\n"
	"  --snmpd FILE        Net-SNMP's snmpd (where it is installed)\n"
	"  --foreground        log to stderr too\n"
	"  --debug             log more\n"
	"  --version, --help\n";

static void set_state(struct program *program, enum state state)
{
	static const char *const names[] = {"idle", "running", "waiting", "stopped"};

	if (state != program->state)
		log_info(MODULE, "%s -> %s", names[program->state], names[state]);
	program->state = state;
}

static void wait_and_retry(struct program *program, const char *what, const char *why)
{
	processes_stop(&program->processes);
	if (clock_get_ms(CLOCK_MONOTONIC) - program->since_ms > LONG_LIFE_MS ||
		program->wait_ms == 0)
		program->wait_ms = FIRST_MS;
	else
		program->wait_ms = program->wait_ms * 2 > MAX_MS ? MAX_MS : program->wait_ms * 2;
	log_warning(MODULE, "%s %s; again in %u ms", what, why, program->wait_ms);
	program->retry_ms = clock_get_ms(CLOCK_MONOTONIC) + program->wait_ms;
	set_state(program, STATE_WAITING);
}

static void start_session(struct program *program)
{
	int r = processes_start(&program->processes, &program->session);

	program->since_ms = clock_get_ms(CLOCK_MONOTONIC);
	if (r < 0)
		wait_and_retry(program, "snmpd cannot be started:", strerror(-r));
	else
		set_state(program, STATE_RUNNING);
}

/* The endpoint's file is another one, or gone. */
static void follow_file(struct program *program)
{
	struct session session;
	int r = session_load(program->processes.runtime_fd, &session);

	if (r == 0 && session.ifindex == 0)
		r = -ENODEV; /* it is written again when the NIC is back */
	if (r == 0 && program->state != STATE_IDLE &&
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): made from zeros */
		memcmp(&session, &program->session, sizeof(session)) == 0) {
		session_clear(&session);
		return;
	}
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		log_error(MODULE, SNMP_FILE ": %s", strerror(-r));
	processes_stop(&program->processes);
	session_clear(&program->session);
	set_state(program, STATE_IDLE);
	if (r == -ENOENT)
		processes_clear(&program->processes);
	if (r < 0)
		return;
	memcpy(&program->session, &session, sizeof(session));
	session_clear(&session);
	program->wait_ms = 0;
	start_session(program);
}

static void read_inotify(struct program *program)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(program->inotify_fd, buffer, sizeof(buffer));
	bool ours = false;

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		if (event->mask & (IN_IGNORED | IN_Q_OVERFLOW)) {
			log_notice(MODULE, "the endpoint's runtime directory is gone");
			set_state(program, STATE_STOPPED);
			return;
		}
		ours = ours || (event->len && strcmp(event->name, SNMP_FILE) == 0);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	if (ours)
		follow_file(program);
}

static void reap(struct program *program)
{
	const char *what;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		what = processes_note_end(&program->processes, pid);
		if (what && program->state == STATE_RUNNING)
			wait_and_retry(program, what, "ended");
	}
}

static void read_signal(struct program *program)
{
	struct signalfd_siginfo info;

	if (read(program->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap(program);
	else
		set_state(program, STATE_STOPPED);
}

static void run(struct program *program)
{
	follow_file(program);
	while (program->state != STATE_STOPPED) {
		struct pollfd fds[] = {
			{.fd = program->inotify_fd, .events = POLLIN},
			{.fd = program->signal_fd,  .events = POLLIN},
		};
		int64_t left = program->retry_ms - clock_get_ms(CLOCK_MONOTONIC);
		int timeout = program->state != STATE_WAITING ? -1 : left > 0 ? (int)left : 0;
		int n = poll(fds, ARRAY_SIZE(fds), timeout);

		if (n == 0 && program->state == STATE_WAITING)
			start_session(program);
		if (n > 0 && fds[1].revents)
			read_signal(program);
		if (n > 0 && fds[0].revents && program->state != STATE_STOPPED)
			read_inotify(program);
	}
}

static int take_lock(struct program *program)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	program->lock_fd = openat(program->processes.runtime_fd, SNMP_LOCK,
		O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (program->lock_fd < 0)
		return -errno;
	return fcntl(program->lock_fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static int prepare(struct program *program)
{
	const char *dir = program->processes.runtime_dir;
	sigset_t signals;
	int r;

	program->processes.runtime_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (program->processes.runtime_fd < 0)
		return -errno;
	/* From here on the endpoint takes a user of the host. */
	r = take_lock(program);
	if (r < 0)
		return r;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	program->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	program->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (program->signal_fd < 0 || program->inotify_fd < 0 ||
		inotify_add_watch(program->inotify_fd, dir, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) <
			0)
		return -errno;
	return 0;
}

static int parse(int argc, char **argv, struct processes *processes, bool *foreground, bool *debug)
{
	static const struct option table[] = {
		{"runtime-dir",	required_argument, NULL, 'r'},
		{"snmpd",		  required_argument, NULL, 's'},
		{"foreground",		       no_argument, NULL, 'f'},
		{"debug",no_argument, NULL, 'd'},
		{"version",		    no_argument, NULL, 'v'},
		{"help",	 no_argument, NULL, 'h'},
		{0		  },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'r':
			processes->runtime_dir = optarg;
			break;
		case 's':
			processes->snmpd = optarg;
			break;
		case 'f':
			*foreground = true;
			break;
		case 'd':
			*debug = true;
			break;
		case 'v':
			puts("bmclink-endpoint-snmp " BMCLINK_VERSION);
			exit(0);
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			fputs(help, stderr);
			return -EINVAL;
		}
	}
	return optind == argc && processes->runtime_dir[0] == '/' ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct program program = {.inotify_fd = -1, .signal_fd = -1, .lock_fd = -1};
	bool foreground = false, debug = false;
	int r;

	program.processes.runtime_fd = -1;
	program.processes.runtime_dir = BMCLINK_RUNDIR "-endpoint";
	program.processes.snmpd = processes_find_snmpd();
	if (parse(argc, argv, &program.processes, &foreground, &debug) < 0)
		return 2;
	log_open("bmclink-endpoint-snmp", foreground, debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (!debug)
		prctl(PR_SET_DUMPABLE, 0); /* keys are in here */
	if (!program.processes.snmpd) {
		log_error(MODULE, "Net-SNMP's snmpd is not installed");
		return 1;
	}
	umask(0077);
	r = prepare(&program);
	if (r < 0) {
		log_error(MODULE, "%s: %s", program.processes.runtime_dir,
			r == -EAGAIN ? "another bmclink-endpoint-snmp serves it" : strerror(-r));
		return 1;
	}
	notify_init("READY=1");
	run(&program);
	processes_stop(&program.processes);
	session_clear(&program.session);
	log_close();
	return 0;
}
