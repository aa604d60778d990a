/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/sse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/log_entry.h"
#include "endpoint/service.h"

#define BATCH	      16 /* records read at a time */
#define CONNECT_FIRST 30 /* comings and goings that are recorded each, then see limiter.h */

struct stream {
	TAILQ_ENTRY(stream) next;
	struct sse *sse;
	struct connection *connection;
	unsigned int id; /* of its subscription; never used again */
	enum role role;
	unsigned int session; /* that it rests on; 0: none */
	int64_t cursor;	      /* id of the last record sent */
	int64_t since_ms;     /* CLOCK_REALTIME */
	bool told;	      /* its coming is in the Lifecycle log, so must its going be */
	bool pumping;
};

TAILQ_HEAD(stream_list, stream);

struct sse {
	struct service *service;
	struct stream_list streams; /* oldest first */
	unsigned int n_streams, last_id;
	struct limiter comings;
	struct event *keep_alive; /* pending while there are streams */
};

static bool is_host(const struct stream *stream)
{
	return stream->role == ROLE_HOST || stream->role == ROLE_AUTH_NONE;
}

static int write_event(struct stream *stream, int64_t id, json_t *event)
{
	_cleanup_free_ char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
	_cleanup_free_ char *block = NULL;
	int n = -1;

	json_decref(event);
	if (text)
		n = asprintf(&block, "id: %lld\ndata: %s\n\n", (long long)id, text);
	if (n < 0)
		return -ENOMEM;
	return connection_stream_write(stream->connection, block, (size_t)n);
}

static bool send_record(const struct lclog_record *record, void *arg)
{
	struct stream *stream = arg;

	if (write_event(stream, record->id, log_entry_event(stream->sse->service, record)) < 0)
		return false;
	stream->cursor = record->id;
	return connection_stream_queued(stream->connection) < SSE_MAX_QUEUED;
}

/* As much as the reader takes now; the rest when it has taken that. */
static void pump(struct stream *stream)
{
	int64_t oldest, newest, before;

	if (stream->pumping)
		return;
	stream->pumping = true;
	do {
		before = stream->cursor;
		if (connection_stream_queued(stream->connection) >= SSE_MAX_QUEUED)
			break;
		lclog_read_up(
			stream->sse->service->log, stream->cursor, BATCH, send_record, stream);
		lclog_get_range(stream->sse->service->log, &oldest, &newest);
	} while (stream->cursor != before && stream->cursor < newest);
	stream->pumping = false;
}

static void on_drained(void *arg)
{
	pump(arg);
}

/* A new record: not from within the caller of lclog_append(), but that is fine: pump() only
 * queues, and never closes a connection. */
static void on_record(void *arg)
{
	struct sse *sse = arg;
	struct stream *stream;

	for (stream = TAILQ_FIRST(&sse->streams); stream; stream = TAILQ_NEXT(stream, next))
		pump(stream);
	push_wake(sse->service->push);
}

static void tell_coming(struct stream *stream)
{
	const struct connection_peer *peer = connection_get_peer(stream->connection);
	struct trust_clock clock;

	service_get_clock(&clock);
	log_info("sse", "%s: stream opened", peer->address);
	if (stream->role == ROLE_AUTH_NONE)
		service_note_plain_host(stream->sse->service);
	if (!is_host(stream) || !limiter_attempt(&stream->sse->comings, clock.mono_ms))
		return;
	stream->told = true;
	lclog_emit(stream->sse->service->log, MSG_ISM1019,
		connection_family_name(stream->connection), peer->address,
		connection_security_name(stream->connection));
}

static void arm_keep_alive(struct sse *sse)
{
	struct timeval tv = {.tv_sec = sse->service->settings.keep_alive_seconds};

	if (tv.tv_sec > 0 && sse->n_streams > 0)
		evtimer_add(sse->keep_alive, &tv);
	else
		evtimer_del(sse->keep_alive);
}

/* One wake-up for all of them. Whoever still has something to take needs no comment. */
static void on_keep_alive(evutil_socket_t fd, short what, void *arg)
{
	static const char comment[] = ": keep-alive\n\n";
	struct sse *sse = arg;
	struct stream *stream;

	for (stream = TAILQ_FIRST(&sse->streams); stream; stream = TAILQ_NEXT(stream, next)) {
		if (connection_stream_queued(stream->connection) == 0)
			connection_stream_write(stream->connection, comment, sizeof(comment) - 1);
	}
	arm_keep_alive(sse);
}

static void on_closed(const char *reason, void *arg)
{
	struct stream *stream = arg;
	struct sse *sse = stream->sse;
	const struct connection_peer *peer = connection_get_peer(stream->connection);
	bool told = stream->told;
	char address[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];

	snprintf(address, sizeof(address), "%s", peer->address);
	snprintf(local, sizeof(local), "%s", peer->local);
	TAILQ_REMOVE(&sse->streams, stream, next);
	if (--sse->n_streams == 0)
		evtimer_del(sse->keep_alive);
	session_release(&sse->service->sessions, stream->session, service_get_mono_ms());
	free(stream);
	log_info("sse", "%s: stream closed: %s", address, reason);
	if (told)
		lclog_emit(sse->service->log, MSG_ISM1032, address, local, reason);
}

/* The id in Last-Event-ID, or the newest: what was before is in the log. */
static int64_t find_start(const struct request *request, bool *lost)
{
	const char *text = http_get_field(request->http, "Last-Event-ID");
	int64_t oldest, newest;
	long long id;
	char *end;

	lclog_get_range(request->service->log, &oldest, &newest);
	*lost = false;
	if (!text || !*text)
		return newest;
	errno = 0;
	id = strtoll(text, &end, 10);
	if (!errno && !*end && id >= oldest - 1 && id <= newest)
		return id;
	/* Overwritten meanwhile, or of another log than this one: all that there is. */
	*lost = true;
	return oldest - 1;
}

/* One more place: the oldest stream makes room. A host that comes back must not be kept out by
 * those of its connections that have not yet been found dead. */
static void make_place(struct sse *sse)
{
	if (sse->n_streams >= SSE_MAX_STREAMS)
		connection_close(
			TAILQ_FIRST(&sse->streams)->connection, "too many streams, a newer came");
}

static void begin(struct stream *stream, bool lost)
{
	static const char hello[] = ": bmclink\nretry: 1000\n\n";

	connection_stream_write(stream->connection, hello, sizeof(hello) - 1);
	if (lost)
		write_event(stream, stream->cursor, log_entry_gap_event(stream->cursor));
	tell_coming(stream);
	pump(stream);
}

void sse_open(struct sse *sse, struct request *request)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct connection_stream callbacks = {on_drained, on_closed, stream};
	bool lost;

	if (!stream) {
		request_error(request, 503, BASE_UNAVAILABLE, "30");
		return;
	}
	stream->sse = sse;
	stream->connection = request->connection;
	stream->role = request->role;
	stream->since_ms = (int64_t)time(NULL) * 1000;
	stream->cursor = find_start(request, &lost);
	if (connection_stream_open(
		    request->connection, "text/event-stream; charset=utf-8", &callbacks) < 0) {
		free(stream);
		return;
	}
	make_place(sse);
	stream->session = connection_get_principal(request->connection)->session;
	session_hold(&sse->service->sessions, stream->session);
	stream->id = ++sse->last_id;
	TAILQ_INSERT_TAIL(&sse->streams, stream, next);
	if (sse->n_streams++ == 0)
		arm_keep_alive(sse);
	begin(stream, lost);
}

int sse_new(struct service *service, struct sse **sse)
{
	struct sse *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->service = service;
	made->keep_alive = evtimer_new(service->base, on_keep_alive, made);
	if (!made->keep_alive) {
		free(made);
		return -ENOMEM;
	}
	made->comings.first = CONNECT_FIRST;
	TAILQ_INIT(&made->streams);
	lclog_listen(service->log, on_record, made);
	*sse = made;
	return 0;
}

void sse_free(struct sse *sse)
{
	if (!sse)
		return;
	lclog_listen(sse->service->log, NULL, NULL);
	event_free(sse->keep_alive);
	free(sse);
}

unsigned int sse_count(const struct sse *sse)
{
	return sse->n_streams;
}

bool sse_get_host(const struct sse *sse, struct sse_host *host)
{
	const struct stream *stream;

	for (stream = TAILQ_FIRST(&sse->streams); stream; stream = TAILQ_NEXT(stream, next)) {
		if (!is_host(stream))
			continue;
		host->protocol = connection_family_name(stream->connection);
		host->security = connection_security_name(stream->connection);
		host->since_ms = stream->since_ms;
		return true;
	}
	return false;
}

unsigned int sse_count_hosts(const struct sse *sse)
{
	const struct stream *stream;
	unsigned int n = 0;

	for (stream = TAILQ_FIRST(&sse->streams); stream; stream = TAILQ_NEXT(stream, next))
		n += is_host(stream);
	return n;
}

void sse_close_all(struct sse *sse, const char *reason)
{
	struct stream *stream;

	while ((stream = TAILQ_FIRST(&sse->streams)))
		connection_close(stream->connection, reason);
}

unsigned int sse_list(const struct sse *sse, unsigned int ids[SSE_MAX_STREAMS])
{
	const struct stream *stream;
	unsigned int n = 0;

	for (stream = TAILQ_FIRST(&sse->streams); stream; stream = TAILQ_NEXT(stream, next))
		ids[n++] = stream->id;
	return n;
}

static struct stream *find_stream(const struct sse *sse, unsigned int id)
{
	struct stream *stream = TAILQ_FIRST(&sse->streams);

	while (stream && stream->id != id)
		stream = TAILQ_NEXT(stream, next);
	return stream;
}

const char *sse_find(const struct sse *sse, unsigned int id)
{
	const struct stream *stream = find_stream(sse, id);

	return stream ? connection_get_peer(stream->connection)->address : NULL;
}

void sse_close_id(struct sse *sse, unsigned int id, const char *reason)
{
	struct stream *stream = find_stream(sse, id);

	if (stream)
		connection_close(stream->connection, reason);
}
