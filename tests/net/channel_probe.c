/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One channel with given options, and what became of it as one JSON object on stdout: for tests of
 * the channel against real and scripted peers. Not installed.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "channel_probe.h"
#include "host/worker.h"

static double elapsed_ms(const struct probe *probe)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - probe->started.tv_sec) * 1e3 +
	       (double)(now.tv_nsec - probe->started.tv_nsec) / 1e6;
}

/* Taken before the sandbox closes, as the monitor would hand them over. */
static int spare_sockets[8];
static unsigned int n_spare;

static int make_socket(const struct probe *probe, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -errno;
	if (probe->keep_alive) {
		int idle = 1, interval = 1, count = 2, timeout = 2000;

		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	}
	return fd;
}

static int open_socket(int family, void *arg)
{
	struct probe *probe = arg;

	probe->socket_calls++;
	if (probe->max_socket_calls >= 0 && probe->socket_calls > probe->max_socket_calls)
		return -EMFILE;
	return n_spare > 0 ? spare_sockets[--n_spare] : make_socket(probe, family);
}

static int get_password(char password[PRIV_MAX_PASSWORD + 1], void *arg)
{
	const struct probe *probe = arg;

	if (probe->password[0] == '-')
		return atoi(probe->password);
	snprintf(password, PRIV_MAX_PASSWORD + 1, "%s", probe->password);
	return 0;
}

static time_t probe_now(void *arg)
{
	const struct probe *probe = arg;

	/* An injected clock runs on, so that a date can pass while we are connected. */
	return probe->now ? probe->now + (time_t)(elapsed_ms(probe) / 1e3) : time(NULL);
}

static json_t *result_to_json(const struct probe *probe, const struct channel_result *result)
{
	char fingerprint[3 * CERT_FINGERPRINT_SIZE] = "";

	if (result->has_fingerprint)
		text_make_hex(result->fingerprint, sizeof(result->fingerprint), 0, fingerprint);
	return json_pack("{s:s, s:s, s:b, s:s, s:I, s:b, s:s, s:f}", "outcome",
		outcome_name(result->outcome), "detail", result->detail, "first_use",
		result->first_use, "fingerprint", fingerprint, "peer_not_after",
		(json_int_t)result->peer_not_after, "spoke_tls", result->spoke_tls, "peer_version",
		tls_version_name(result->peer_version), "ms", elapsed_ms(probe));
}

static json_t *info_to_json(const struct channel *channel)
{
	const struct channel_info *info = channel_get_info(channel);
	char fingerprint[3 * CERT_FINGERPRINT_SIZE] = "";

	if (info->has_fingerprint)
		text_make_hex(info->fingerprint, sizeof(info->fingerprint), 0, fingerprint);
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "local_address",
		info->local_address, "bmc_address", info->bmc_address, "encrypted", info->encrypted,
		"tls_version", tls_version_name(info->tls_version), "tls_cipher", info->tls_cipher,
		"fingerprint", fingerprint, "vendor", info->vendor, "model", info->model,
		"firmware_version", info->firmware_version, "clock_unset", info->clock_unset);
}

static void stop(struct probe *probe)
{
	event_base_loopbreak(probe->base);
}

static void on_ended(struct channel *channel, void *arg)
{
	struct probe *probe = arg;

	json_object_set_new(probe->out, "ended", json_real(elapsed_ms(probe)));
	channel_close(channel);
	probe->channel = NULL;
	stop(probe);
}

static void finish(struct probe *probe)
{
	if (!probe->end_session || !channel_end_session(probe->channel, on_ended, probe))
		stop(probe);
}

static void on_stay_over(evutil_socket_t fd, short what, void *arg)
{
	finish(arg);
}

static void on_changed(struct channel *channel, void *arg)
{
	static const char *const names[] = {"none", "stream", "polling"};
	struct probe *probe = arg;
	const struct channel_info *info = channel_get_info(channel);

	json_array_append_new(
		probe->events, json_pack("[s, s]", names[info->events], info->events_reason));
}

static void on_answer(int status, const json_t *body, void *arg)
{
	struct probe *probe = arg;

	probe->n_answers++;
	json_array_append_new(probe->answers,
		json_pack("{s:i, s:O?}", "status", status, "body", body ? (json_t *)body : NULL));
	if (probe->n_answers == probe->n_requests && probe->stay_ms == 0)
		finish(probe);
}

static void send_requests(struct probe *probe)
{
	for (unsigned int i = 0; i < probe->n_requests; i++) {
		_cleanup_free_ char *copy = strdup(probe->requests[i]);
		char *rest = copy, *method = strsep(&rest, " "), *path = strsep(&rest, " ");
		json_t *body = rest ? json_loads(rest, 0, NULL) : NULL;
		int r = channel_request(probe->channel, method, path ?: "", body, on_answer, probe);

		json_decref(body);
		if (r < 0)
			json_array_append_new(probe->answers, json_pack("{s:i}", "error", r));
	}
}

static void on_entry(const json_t *entry, void *arg)
{
	struct probe *probe = arg;

	json_array_append(probe->log, json_object_get(entry, "Id"));
}

static const char *take_page(void *core, int status, const json_t *page)
{
	return log_cursor_take(core, status == 200 ? page : NULL);
}

static void on_read(void *arg)
{
	struct probe *probe = arg;
	int r = log_cursor_end(&probe->cursor, on_entry, probe);

	json_object_set_new(probe->out, "log_result", json_integer(r));
	json_object_set_new(probe->out, "log_last", json_string(probe->cursor.last));
	if (probe->stay_ms == 0)
		finish(probe);
}

static void read_log(struct probe *probe)
{
	probe->walk = (struct log_walk){
		.core = &probe->cursor, .take = take_page, .done = on_read, .arg = probe};
	if (log_walk_start(&probe->walk, probe->channel,
		    log_cursor_begin(&probe->cursor, probe->read_log)) < 0)
		on_read(probe);
}

static void on_done(struct channel *channel, const struct channel_result *result, void *arg)
{
	struct probe *probe = arg;
	struct timeval tv = {.tv_sec = probe->stay_ms / 1000,
		.tv_usec = (suseconds_t)(probe->stay_ms % 1000) * 1000};

	json_object_set_new(probe->out, "done", result_to_json(probe, result));
	json_object_set_new(probe->out, "info", info_to_json(channel));
	json_object_set_new(probe->out, "ours", json_boolean(channel_get_info(channel)->ours));
	json_object_set_new(probe->out, "login", json_integer(channel_get_info(channel)->login));
	if (probe->close_in_done) {
		channel_close(channel);
		probe->channel = NULL;
	}
	if (result->outcome != OUTCOME_CONNECTED || !probe->channel ||
		(probe->stay_ms == 0 && probe->n_requests == 0 && !probe->read_log)) {
		stop(probe);
		return;
	}
	send_requests(probe);
	if (probe->read_log)
		read_log(probe);
	if (probe->stay_ms > 0) {
		probe->stop = evtimer_new(probe->base, on_stay_over, probe);
		evtimer_add(probe->stop, &tv);
	}
}

static void on_lost(struct channel *channel, const struct channel_result *result, void *arg)
{
	struct probe *probe = arg;

	json_object_set_new(probe->out, "lost", result_to_json(probe, result));
	stop(probe);
}

static void on_pushed(struct channel *channel, const json_t *payload, void *arg)
{
	struct probe *probe = arg;

	json_array_append_new(probe->pushed, json_deep_copy(payload));
	if (probe->close_in_push) {
		channel_close(channel);
		probe->channel = NULL;
		stop(probe);
	} else if ((long)json_array_size(probe->pushed) == probe->max_pushed) {
		stop(probe);
	}
}

/* As the worker: the library first, then the wall. */
static int close_sandbox(struct probe *probe)
{
	if (!probe->sandbox)
		return 0;
	while (n_spare < ARRAY_SIZE(spare_sockets)) {
		int fd = make_socket(probe, probe->target.family);

		if (fd < 0)
			return fd;
		spare_sockets[n_spare++] = fd;
	}
	return sandbox_close_syscalls();
}

/* Descriptors that a channel leaves behind; the spare ones of ours not counted. */
static long count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	long n = -(long)n_spare;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int run(struct probe *probe)
{
	long before;

	struct channel_handlers handlers = {.done = on_done,
		.lost = on_lost,
		.pushed = on_pushed,
		.changed = on_changed,
		.arg = probe};
	int r = channel_init_library();

	probe->base = event_base_new();
	if (r < 0 || !probe->base)
		return r < 0 ? r : -ENOMEM;
	r = close_sandbox(probe);
	if (r < 0)
		return r;
	probe->environment.base = probe->base;
	probe->environment.settings = &probe->settings;
	probe->environment.store = &probe->store;
	probe->environment.pair = &probe->pair;
	probe->environment.open_socket = open_socket;
	probe->environment.now = probe_now;
	probe->environment.get_password = get_password;
	probe->environment.memory = &probe->memory;
	probe->environment.arg = probe;
	clock_gettime(CLOCK_MONOTONIC, &probe->started);
	before = count_fds();
	r = channel_open(&probe->environment, &probe->target, &handlers, &probe->channel);
	if (r == 0)
		event_base_dispatch(probe->base);
	channel_close(probe->channel);
	json_object_set_new(probe->out, "leaked_fds", json_integer(count_fds() - before));
	return r;
}

int main(int argc, char **argv)
{
	struct probe probe = {0};
	int r;

	log_open("channel_probe", true, LOG_LEVEL_WARNING);
	probe.out = json_object();
	probe.pushed = json_array();
	probe.answers = json_array();
	probe.events = json_array();
	probe.log = json_array();
	r = probe_parse_options(&probe, argc, argv);
	if (r < 0) {
		fprintf(stderr, "channel_probe: bad option\n");
		return 2;
	}
	r = run(&probe);
	if (r < 0)
		fprintf(stderr, "channel_probe: %s\n", strerror(-r));
	json_object_set_new(probe.out, "pushed", probe.pushed);
	json_object_set_new(probe.out, "answers", probe.answers);
	json_object_set_new(probe.out, "events", probe.events);
	json_object_set_new(probe.out, "log", probe.log);
	json_object_set_new(probe.out, "stale", json_integer(probe.memory.n_stale));
	json_object_set_new(probe.out, "stream_ends", json_integer(probe.memory.stream_ends));
	json_object_set_new(probe.out, "refused", json_integer(probe.memory.hold.refused));
	json_object_set_new(probe.out, "sockets", json_integer(probe.socket_calls));
	json_object_set_new(probe.out, "ms", json_real(elapsed_ms(&probe)));
	json_dumpf(probe.out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(probe.out);
	if (probe.stop)
		event_free(probe.stop);
	if (probe.base)
		event_base_free(probe.base);
	cert_pair_clear(&probe.pair);
	return r < 0;
}
