/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One channel with given options, and what became of it as one JSON object on stdout: for tests of
 * the channel against real and scripted peers. Not installed.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "host/link/channel.h"
#include "host/link/logcursor.h"
#include "host/link/logwalk.h"
#include "host/worker.h"

#define MAX_REQUESTS 32

struct probe {
	struct event_base *base;
	struct channel *channel;
	struct settings settings;
	struct trust_store store;
	struct cert_pair pair;
	struct channel_environment environment;
	struct channel_target target;
	json_t *out, *pushed, *answers;
	struct timespec started;
	struct event *stop;
	const char *requests[MAX_REQUESTS]; /* "METHOD PATH [BODY]" */
	unsigned int n_requests, n_answers;
	time_t now; /* 0: the real clock */
	long stay_ms, max_pushed, max_socket_calls, socket_calls;
	bool keep_alive, sandbox, close_in_done, close_in_push, end_session;
	const char *password; /* "-ERRNO": as if the monitor refused it */
	struct channel_memory memory;
	json_t *events;	      /* the life line, as it changed */
	const char *read_log; /* path of a log's entries */
	struct log_cursor cursor;
	struct log_walk walk;
	json_t *log;
};

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

static int set_address(struct probe *probe, const char *text)
{
	probe->target.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(probe->target.family, text,
		       probe->target.family == AF_INET6 ? (void *)&probe->target.ipv6
							: (void *)&probe->target.ipv4) == 1
		       ? 0
		       : -EINVAL;
}

enum option_id {
	ADDRESS = 1,
	PORT,
	PLAIN_PORT,
	PAIR,
	PIN,
	STORED_PIN,
	WINDOW,
	SEEN_TLS,
	DAMAGED,
	TRUST,
	NO_TLS,
	MIN,
	MAX,
	NOW,
	BUILD,
	STAY,
	REQUEST,
	PUSHED,
	IFINDEX,
	KEEP_ALIVE,
	SANDBOX,
	SOCKETS,
	CLOSE_IN_DONE,
	CLOSE_IN_PUSH,
	USER,
	PASSWORD,
	POLL,
	END_SESSION,
	STREAM_ENDS,
	READ_LOG,
	LOG_LAST,
	DEBUG,
};

static const struct option options[] = {
	{"address",    1, NULL, ADDRESS},
	{"port",	 1, NULL, PORT},
	{"plain-port",	       1, NULL, PLAIN_PORT},
	{"pair",	 1, NULL, PAIR},
	{"pin",	1, NULL, PIN},
	{"stored-pin", 1, NULL, STORED_PIN},
	{"window",	   0, NULL, WINDOW},
	{"seen-tls",	     0, NULL, SEEN_TLS},
	{"damaged",	    0, NULL, DAMAGED},
	{"trust",	  1, NULL, TRUST},
	{"no-tls",	   0, NULL, NO_TLS},
	{"min",	1, NULL, MIN},
	{"max",		1, NULL, MAX},
	{"now",		1, NULL, NOW},
	{"build",  1, NULL, BUILD},
	{"stay",	 1, NULL, STAY},
	{"request",	    1, NULL, REQUEST},
	{"pushed",		   1, NULL, PUSHED},
	{"ifindex",1, NULL, IFINDEX},
	{"keep-alive",    0, NULL, KEEP_ALIVE},
	{"sandbox",    0, NULL, SANDBOX},
	{"sockets",	    1, NULL, SOCKETS},
	{"close-in-done",		  0, NULL, CLOSE_IN_DONE},
	{"close-in-push",	  0, NULL, CLOSE_IN_PUSH},
	{"user",	 1, NULL, USER},
	{"password",     1, NULL, PASSWORD},
	{"poll",	 1, NULL, POLL},
	{"end-session",		0, NULL, END_SESSION},
	{"stream-ends",	1, NULL, STREAM_ENDS},
	{"read-log",	     1, NULL, READ_LOG},
	{"log-last",	     1, NULL, LOG_LAST},
	{"debug",	  0, NULL, DEBUG},
	{0	   },
};

/* DIR: its agent.key and agent.crt */
static int load_pair(struct probe *probe, const char *dir)
{
	_cleanup_close_ int fd = state_open_dir(dir, 0700);

	return fd < 0 ? fd : cert_pair_load(fd, "agent.key", "agent.crt", &probe->pair);
}

static int set_trust_option(struct probe *probe, int id, const char *value)
{
	switch (id) {
	case PAIR:
		return load_pair(probe, value);
	case PIN:
		snprintf(probe->settings.pin, sizeof(probe->settings.pin), "%s", value);
		return 0;
	case STORED_PIN:
		probe->store.pinned = probe->store.seen_tls = true;
		return text_parse_hex(value, probe->store.pin, sizeof(probe->store.pin));
	case WINDOW:
		probe->store.window_open = true;
		return 0;
	case SEEN_TLS:
		probe->store.seen_tls = true;
		return 0;
	case DAMAGED:
		probe->store.damaged = true;
		return 0;
	case TRUST:
		probe->settings.trust =
			strcmp(value, "pinned") == 0 ? TRUST_PINNED : TRUST_FIRST_USE;
		return 0;
	case NO_TLS:
		probe->settings.tls = false;
		return 0;
	case MIN:
		probe->settings.tls_min_version = TLS_1_0 + atoi(value + 2);
		return 0;
	case MAX:
		probe->settings.tls_max_version = TLS_1_0 + atoi(value + 2);
		return 0;
	default:
		return -EINVAL;
	}
}

static int set_option(struct probe *probe, int id, const char *value)
{
	switch (id) {
	case ADDRESS:
		return set_address(probe, value);
	case PORT:
		probe->target.port = (uint16_t)atoi(value);
		return 0;
	case PLAIN_PORT:
		probe->target.plain_port = (uint16_t)atoi(value);
		return 0;
	case IFINDEX:
		probe->target.ifindex = if_nametoindex(value);
		return 0;
	case NOW:
		probe->now = (time_t)atoll(value);
		return 0;
	case BUILD:
		probe->environment.build_epoch = (time_t)atoll(value);
		return 0;
	case STAY:
		probe->stay_ms = atol(value);
		return 0;
	case REQUEST:
		if (probe->n_requests == MAX_REQUESTS)
			return -E2BIG;
		probe->requests[probe->n_requests++] = value;
		return 0;
	case PUSHED:
		probe->max_pushed = atol(value);
		return 0;
	case SOCKETS:
		probe->max_socket_calls = atol(value);
		return 0;
	case KEEP_ALIVE:
		probe->keep_alive = true;
		return 0;
	case SANDBOX:
		probe->sandbox = true;
		return 0;
	case CLOSE_IN_DONE:
		probe->close_in_done = true;
		return 0;
	case CLOSE_IN_PUSH:
		probe->close_in_push = true;
		return 0;
	case READ_LOG:
		probe->read_log = value;
		return 0;
	case LOG_LAST:
		log_cursor_init(&probe->cursor, value);
		return 0;
	case USER:
		snprintf(probe->settings.login_user, sizeof(probe->settings.login_user), "%s",
			value);
		return 0;
	case PASSWORD:
		probe->password = value;
		snprintf(probe->settings.login_password_file,
			sizeof(probe->settings.login_password_file), "/nowhere");
		return 0;
	case POLL:
		probe->environment.poll_ms = (unsigned int)atoi(value);
		return 0;
	case END_SESSION:
		probe->end_session = true;
		return 0;
	case STREAM_ENDS:
		probe->memory.stream_ends = (unsigned int)atoi(value);
		return 0;
	case DEBUG:
		log_set_level(LOG_LEVEL_DEBUG);
		return 0;
	default:
		return set_trust_option(probe, id, value);
	}
}

static int parse(struct probe *probe, int argc, char **argv)
{
	int id;

	probe->settings.tls = true;
	probe->settings.plain = true;
	probe->settings.trust = TRUST_FIRST_USE;
	probe->settings.tls_min_version = TLS_1_1;
	probe->settings.tls_max_version = TLS_1_3;
	probe->environment.build_epoch = 1767225600;
	probe->max_socket_calls = -1;
	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (set_option(probe, id, optarg) < 0)
			return -EINVAL;
	}
	return probe->target.family ? 0 : -EINVAL;
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
	r = parse(&probe, argc, argv);
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
