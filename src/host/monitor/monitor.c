/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/state.h"
#include "base/util.h"
#include "bmclink-build.h"
#include "host/monitor/access.h"
#include "host/monitor/child.h"
#include "host/monitor/prepare.h"
#include "host/worker.h"

#define MODULE	    "monitor"
#define STOP_MS	    5000 /* for the worker to end in good order */
#define MAX_PENDING 8	 /* events that wait for a worker; further ones are only in the log */

enum state { STATE_STARTING, STATE_RUNNING, STATE_WAITING, STATE_STOPPING, STATE_STOPPED };

struct monitor {
	const struct monitor_options *options;
	enum state state;
	struct prepared prepared;
	struct event_base *base;
	struct event *signals[4];
	struct event *request; /* the worker asks */
	struct event *timer;   /* WAITING: start it again; STOPPING: kill it */
	struct child child;
	struct child_spec spec;
	char uid_text[16], gid_text[16];
	struct acts_environment environment;
	struct acts acts;
	struct priv_event pending[MAX_PENDING];
	unsigned int n_pending;
	bool ready; /* said so to init */
	int exit_code;
};

static void set_state(struct monitor *monitor, enum state state)
{
	static const char *const names[] = {
		"starting", "running", "waiting", "stopping", "stopped"};

	if (state != monitor->state)
		log_debug(MODULE, "%s -> %s", names[monitor->state], names[state]);
	monitor->state = state;
	if (state == STATE_STOPPED)
		event_base_loopbreak(monitor->base);
}

static uint64_t get_now(void)
{
	return (uint64_t)clock_get_ms(CLOCK_MONOTONIC);
}

static void send_event(const struct monitor *monitor, const struct priv_event *event)
{
	uint8_t buffer[WIRE_MAX_NOTICE - sizeof(uint16_t)];
	struct wire_writer out;
	unsigned int i;

	wire_writer_init(&out, buffer, sizeof(buffer));
	wire_put_u16(&out, (uint16_t)event->id);
	wire_put_u8(&out, (uint8_t)event->n_args);
	for (i = 0; i < event->n_args; i++)
		wire_put_string(&out, event->args[i]);
	if (!out.failed)
		child_notify(&monitor->child, PRIV_NOTICE_EVENT, buffer, out.used);
}

/* The worker keeps the events and logs them; one that comes while there is none waits for it. */
static void on_emit(const struct priv_event *event, void *arg)
{
	struct monitor *monitor = arg;

	if (monitor->child.up)
		send_event(monitor, event);
	else if (monitor->n_pending < MAX_PENDING)
		monitor->pending[monitor->n_pending++] = *event;
}

static void on_notify(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	struct monitor *monitor = arg;

	child_notify(&monitor->child, notice, data, length);
}

static void say_ready(struct monitor *monitor)
{
	if (monitor->ready)
		return;
	monitor->ready = true;
	notify_init("READY=1");
	if (monitor->options->ready_fd >= 0)
		(void)!write(monitor->options->ready_fd, "1", 1);
}

static void on_hello(void *arg)
{
	struct monitor *monitor = arg;
	unsigned int i;

	monitor->child.up = true;
	for (i = 0; i < monitor->n_pending; i++)
		send_event(monitor, &monitor->pending[i]);
	monitor->n_pending = 0;
	say_ready(monitor);
}

static void close_child(struct monitor *monitor)
{
	if (monitor->request != NULL)
		event_free(monitor->request);
	monitor->request = NULL;
	child_close(&monitor->child);
	acts_forget_worker(&monitor->acts);
}

/* SIGCHLD follows, and with it the next one. */
static void end_worker(struct monitor *monitor)
{
	close_child(monitor);
	if (monitor->child.pid > 0 && monitor->state == STATE_RUNNING)
		kill(monitor->child.pid, SIGKILL);
}

static void on_request(evutil_socket_t fd, short what, void *arg)
{
	struct monitor *monitor = arg;
	int r = acts_serve(&monitor->acts, fd);

	if (r >= 0)
		return;
	/* it ended, and SIGCHLD follows; or it does not play by the rules, and is ended */
	if (r != -EPIPE && r != -ECONNRESET)
		log_warning(MODULE, "the worker's socket failed: %s", strerror(-r));
	end_worker(monitor);
}

static void wait_and_start(struct monitor *monitor, const char *why)
{
	unsigned int wait = child_get_wait(&monitor->child, get_now());
	char ms[16];

	snprintf(ms, sizeof(ms), "%u", wait);
	log_warning(MODULE, "worker ended: %s; started again in %s ms", why, ms);
	acts_emit(&monitor->acts, MSG_ISM1023, why, ms);
	set_state(monitor, STATE_WAITING);
	clock_set_timer(monitor->timer, wait);
}

static void start_worker(struct monitor *monitor)
{
	int r = child_start(&monitor->child, &monitor->spec, get_now());

	if (r < 0) {
		wait_and_start(monitor, strerror(-r));
		return;
	}
	set_state(monitor, STATE_RUNNING);
	monitor->request = event_new(monitor->base, monitor->child.request_fd, EV_READ | EV_PERSIST,
		on_request, monitor);
	if (monitor->request == NULL || event_add(monitor->request, NULL) < 0) {
		log_warning(MODULE, "the worker's socket cannot be watched: the worker is ended");
		end_worker(monitor);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct monitor *monitor = arg;

	if (monitor->state == STATE_WAITING)
		start_worker(monitor);
	else if (monitor->state == STATE_STOPPING && monitor->child.pid > 0) {
		log_warning(MODULE, "the worker did not end within %d ms: killed", STOP_MS);
		kill(monitor->child.pid, SIGKILL);
	}
}

static void on_worker_end(struct monitor *monitor, int status)
{
	char why[96];

	monitor->child.pid = 0;
	close_child(monitor);
	child_describe_end(status, why, sizeof(why));
	if (monitor->state == STATE_STOPPING) {
		set_state(monitor, STATE_STOPPED);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_SANDBOX) {
		log_error(
			MODULE, "the worker's sandbox cannot be closed on this system: giving up");
		monitor->exit_code = EXIT_FAILURE;
		set_state(monitor, STATE_STOPPED);
	} else {
		wait_and_start(monitor, why);
	}
}

static void on_child(evutil_socket_t signal, short what, void *arg)
{
	struct monitor *monitor = arg;
	int status;

	access_child_ended(monitor->acts.access);
	if (monitor->child.pid > 0 &&
		waitpid(monitor->child.pid, &status, WNOHANG) == monitor->child.pid)
		on_worker_end(monitor, status);
}

static void on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct monitor *monitor = arg;

	if (monitor->state == STATE_STOPPING)
		return;
	log_info(MODULE, "stopping on signal %d", (int)signal);
	notify_init("STOPPING=1");
	evtimer_del(monitor->timer);
	set_state(monitor, STATE_STOPPING);
	if (monitor->child.pid == 0) {
		set_state(monitor, STATE_STOPPED);
		return;
	}
	child_notify(&monitor->child, PRIV_NOTICE_STOP, NULL, 0);
	clock_set_timer(monitor->timer, STOP_MS);
}

int monitor_load_settings(
	const struct monitor_options *options, struct settings *settings, char **error)
{
	const char *path = options->config;

	if (path == NULL)
		path = BMCLINK_SYSCONFDIR "/bmclinkd.conf";
	return settings_load(path, options->config == NULL, settings, error);
}

static int reload(struct monitor *monitor)
{
	_cleanup_free_ char *error = NULL;
	struct settings settings;

	if (monitor_load_settings(monitor->options, &settings, &error) < 0) {
		acts_emit(&monitor->acts, MSG_ISM1029, error != NULL ? error : "out of memory");
		return -EINVAL;
	}
	acts_set_settings(&monitor->acts, &settings);
	acts_emit(&monitor->acts, MSG_ISM1030);
	return 0;
}

static int on_asked_reload(void *arg)
{
	return reload(arg); /* the worker that asked fetches them by itself */
}

static void on_reload(evutil_socket_t signal, short what, void *arg)
{
	struct monitor *monitor = arg;
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)get_now() * 1000);
	notify_init(text);
	if (reload(monitor) == 0)
		child_notify(&monitor->child, PRIV_NOTICE_RELOAD, NULL, 0);
	notify_init("READY=1");
}

static int make_events(struct monitor *monitor)
{
	static const struct {
		int signal;
		event_callback_fn fn;
	} signals[] = {
		{SIGTERM, on_stop	 },
		    {SIGINT,  on_stop  },
		       {SIGHUP,	on_reload},
		    {SIGCHLD, on_child }
	       };
	size_t i;

	monitor->base = event_base_new();
	if (monitor->base == NULL)
		return -ENOMEM;
	monitor->timer = evtimer_new(monitor->base, on_timer, monitor);
	if (monitor->timer == NULL)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		monitor->signals[i] =
			evsignal_new(monitor->base, signals[i].signal, signals[i].fn, monitor);
		if (monitor->signals[i] == NULL || evsignal_add(monitor->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int start(struct monitor *monitor)
{
	const struct monitor_options *options = monitor->options;
	_cleanup_free_ char *error = NULL;
	struct settings settings;
	int r;

	if (monitor_load_settings(options, &settings, &error) < 0) {
		log_error(MODULE, "%s", error != NULL ? error : "out of memory");
		return -EINVAL;
	}
	r = prepare_make(options, &monitor->prepared);
	if (r == 0)
		r = prepare_drop_privileges();
	if (r == 0)
		r = make_events(monitor);
	if (r < 0)
		return r;
	snprintf(monitor->uid_text, sizeof(monitor->uid_text), "%u", monitor->prepared.uid);
	snprintf(monitor->gid_text, sizeof(monitor->gid_text), "%u", monitor->prepared.gid);
	monitor->spec = (struct child_spec){.user_text = monitor->uid_text,
		.group_text = monitor->gid_text,
		.dir = monitor->prepared.worker_dir,
		.control_fd = monitor->prepared.control_fd,
		.foreground = options->foreground,
		.debug = options->debug};
	monitor->environment = (struct acts_environment){.base = monitor->base,
		.roots = options->roots,
		.state_fd = monitor->prepared.state_fd,
		.user_text = monitor->uid_text,
		.group_text = monitor->gid_text,
		.empty_fd = monitor->prepared.empty_fd,
		.foreground = options->foreground,
		.debug = options->debug,
		.runtime_dir = options->runtime_dir,
		.notify = on_notify,
		.emit = on_emit,
		.hello = on_hello,
		.reload = on_asked_reload,
		.arg = monitor};
	r = acts_init(&monitor->acts, &monitor->environment);
	if (r == 0)
		acts_set_settings(&monitor->acts, &settings);
	return r;
}

static void stop(struct monitor *monitor)
{
	size_t i;

	if (monitor->base == NULL) {
		prepare_clear(&monitor->prepared);
		return;
	}
	close_child(monitor);
	if (monitor->environment.base != NULL)
		acts_close(&monitor->acts);
	for (i = 0; i < ARRAY_SIZE(monitor->signals); i++)
		if (monitor->signals[i] != NULL)
			event_free(monitor->signals[i]);
	if (monitor->timer != NULL)
		event_free(monitor->timer);
	event_base_free(monitor->base);
	prepare_clear(&monitor->prepared);
}

int monitor_run(const struct monitor_options *options)
{
	struct monitor monitor = {
		.options = options, .prepared = {.state_fd = -1, .control_fd = -1, .empty_fd = -1}
	  };

	child_init(&monitor.child);
	if (start(&monitor) < 0) {
		monitor.exit_code = EXIT_FAILURE;
	} else {
		start_worker(&monitor);
		event_base_dispatch(monitor.base);
	}
	stop(&monitor);
	return monitor.exit_code;
}
