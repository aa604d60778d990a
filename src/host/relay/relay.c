/* SPDX-License-Identifier: Apache-2.0 */
#include "host/relay/relay.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "host/relay/relay_private.h"
#include "host/worker.h"

#define MODULE	     "relay"
#define MAX_EVENTS   64
#define ACCEPTS	     32 /* at a time, before others have their turn */
#define PAUSE_MS     1000
#define SWEEP_MIN_MS 100 /* between two looks at all deadlines */

static uint64_t get_now(void)
{
	return (uint64_t)clock_get_ms(CLOCK_BOOTTIME);
}

int relay_watch(struct relay *relay, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = {.events = events, .data.u64 = tag};

	return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void relay_set_paused(struct relay *relay, bool paused)
{
	if (paused == relay->paused)
		return;
	relay->paused = paused;
	for (unsigned int i = 0; i < relay->n_listeners; i++) {
		struct epoll_event event = {
			.events = paused ? 0 : EPOLLIN, .data.u64 = RELAY_TAG_LISTENER + i};

		epoll_ctl(relay->epoll, EPOLL_CTL_MOD, relay->listeners[i], &event);
	}
	if (paused)
		relay_set_sweep(relay, relay->now_ms + PAUSE_MS);
}

void relay_enqueue(struct relay *relay, struct connection *connection)
{
	if (connection->queued)
		return;
	connection->queued = true;
	relay->queue[relay->n_queue++] = connection;
}

void relay_set_sweep(struct relay *relay, uint64_t at_ms)
{
	if (at_ms < relay->sweep_ms)
		relay->sweep_ms = at_ms;
}

static void accept_clients(struct relay *relay, int listener)
{
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	uint8_t address[RELAY_ADDRESS];

	for (unsigned int i = 0; i < ACCEPTS && !relay->paused; i++) {
		socklen_t length = sizeof(from);
		int fd = accept4(
			listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
				errno == ENOMEM)
				relay_set_paused(relay, true);
			return;
		}
		if (relay_address_from(&from, address))
			connection_accept(relay, fd, address);
		else
			connection_refuse(fd);
	}
}

static void dispatch(struct relay *relay, const struct epoll_event *event)
{
	uint64_t tag = event->data.u64;

	if (tag >= RELAY_TAG_CONNECTIONS) {
		tag -= RELAY_TAG_CONNECTIONS;
		connection_event(relay, &relay->places[tag / 2], tag % 2 != 0, event->events);
	} else if (tag == RELAY_TAG_MONITOR) {
		relay_read_monitor(relay);
	} else {
		accept_clients(relay, relay->listeners[tag - RELAY_TAG_LISTENER]);
	}
}

/* Those that are queued while it runs have their turn after the next look at the sockets. */
static void run_queue(struct relay *relay)
{
	struct connection *due[RELAY_MAX_CONNECTIONS];
	unsigned int n = relay->n_queue;

	memcpy(due, relay->queue, n * sizeof(due[0]));
	relay->n_queue = 0;
	for (unsigned int i = 0; i < n; i++) {
		due[i]->queued = false;
		connection_run(relay, due[i]);
	}
}

static void sweep(struct relay *relay)
{
	uint64_t next = UINT64_MAX;

	if (relay->now_ms < relay->sweep_ms)
		return;
	relay->sweep_ms = UINT64_MAX;
	relay_set_paused(relay, false);
	for (unsigned int i = 0; i < relay->rules.max; i++) {
		if (relay->places[i].used) {
			uint64_t deadline = connection_check_time(relay, &relay->places[i]);

			next = deadline < next ? deadline : next;
		}
	}
	if (next != UINT64_MAX && next < relay->now_ms + SWEEP_MIN_MS)
		next = relay->now_ms + SWEEP_MIN_MS;
	relay_set_sweep(relay, next);
}

static int get_timeout(const struct relay *relay)
{
	uint64_t left;

	if (relay->n_queue > 0)
		return 0;
	if (relay->sweep_ms == UINT64_MAX)
		return -1;
	left = relay->sweep_ms > relay->now_ms ? relay->sweep_ms - relay->now_ms : 0;
	return left > 60000 ? 60000 : (int)left;
}

static void run(struct relay *relay)
{
	struct epoll_event events[MAX_EVENTS];
	int n;

	while (!relay->stopping) {
		n = epoll_wait(relay->epoll, events, MAX_EVENTS, get_timeout(relay));
		relay->now_ms = get_now();
		for (int i = 0; i < n; i++)
			dispatch(relay, &events[i]);
		run_queue(relay);
		sweep(relay);
	}
	for (unsigned int i = 0; i < relay->rules.max; i++)
		connection_end(relay, &relay->places[i], RELAY_END_STOPPED);
	flow_pipes_close(&relay->pipes);
}

/* As many as there are descriptors for: then want of them is no everyday matter. */
static void bound_connections(struct relay *relay)
{
	struct rlimit limit = {.rlim_cur = 0};
	rlim_t most = 1;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 2 * RELAY_OWN_FILES)
		most = (limit.rlim_cur - RELAY_OWN_FILES) / RELAY_CONNECTION_FILES;
	if (relay->rules.max <= most)
		return;
	log_warning(MODULE, "room for %lu connections only: the limit of open files is %lu",
		(unsigned long)most, (unsigned long)limit.rlim_cur);
	relay->rules.max = (unsigned int)most;
}

static int start(struct relay *relay)
{
	int r = relay_receive_order(relay);

	if (r < 0)
		return r;
	bound_connections(relay);
	admission_init(&relay->admission, &relay->rules);
	relay->counts->now = 0;
	relay->sweep_ms = UINT64_MAX;
	relay->now_ms = get_now();
	relay->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (relay->epoll < 0)
		return -errno;
	r = relay_watch(relay, RELAY_MONITOR_FD, EPOLLIN, RELAY_TAG_MONITOR);
	for (unsigned int i = 0; i < relay->n_listeners && r == 0; i++)
		r = relay_watch(relay, relay->listeners[i], EPOLLIN, RELAY_TAG_LISTENER + i);
	return r;
}

/* The sandbox: as the worker's, with less in it. */
static int close_sandbox(const struct relay_options *options)
{
	static const struct sandbox_limits limits = {
		.files = RELAY_OWN_FILES + RELAY_MAX_CONNECTIONS * RELAY_CONNECTION_FILES,
		.file_bytes = RLIM_INFINITY, /* it opens none; the log may be one */
		.data_bytes = 16 * 1024 * 1024};
	pid_t parent = getppid();
	int r = sandbox_drop_user(options->uid, options->gid);

	if (r == 0)
		r = sandbox_bind_to_parent(parent);
	if (r == 0 && fchdir(RELAY_ROOT_FD) < 0)
		r = -errno;
	close(RELAY_ROOT_FD);
	if (r == 0)
		r = sandbox_close_files(NULL, &limits);
	if (r == 0)
		r = relay_close_syscalls();
	if (r < 0)
		log_error(MODULE, "cannot close the sandbox: %s", strerror(-r));
	return r;
}

static struct relay_counts *map_counts(void)
{
	void *page = mmap(NULL, sizeof(struct relay_counts), PROT_READ | PROT_WRITE, MAP_SHARED,
		RELAY_COUNTS_FD, 0);

	close(RELAY_COUNTS_FD);
	return page == MAP_FAILED ? NULL : page;
}

int relay_main(const struct relay_options *options)
{
	struct relay *relay;
	int r;

	log_open(
		"bmclinkd", options->foreground, options->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, "bmclinkd-access");
	sandbox_ignore_signals();
	relay = calloc(1, sizeof(*relay));
	if (relay == NULL)
		return EXIT_FAILURE;
	relay->counts = map_counts();
	if (relay->counts == NULL || close_sandbox(options) < 0) {
		free(relay);
		return WORKER_EXIT_SANDBOX;
	}
	r = start(relay);
	if (r == 0)
		run(relay);
	else
		log_error(MODULE, "cannot start: %s", strerror(-r));
	free(relay);
#ifdef WORKER_SANITIZED /* the leak check wants a process of its own */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
#endif
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
