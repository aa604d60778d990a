/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connected channel: its life line (the Server-Sent Events stream; where the BMC has none, a
 * request each 30 s), and the dates of both certificates, which end it when they pass.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

#define POLL_MAX_FAILURES 3    /* of answers that are no loss in themselves: 5xx, odd bodies */
#define STREAM_EARLY_MS	  5000 /* a stream that ends sooner was not meant to be one */
#define STREAM_MAX_EARLY  3    /* in a row; then it is not opened again */
#define STREAM_BUSY_POLLS 20   /* until a stream that was refused for now is tried again */
#define RECHECK_SECONDS	  3600 /* the clock may be set while we wait */

static void start_poll(struct channel *channel);
static void look_for_stream(struct channel *channel);
static void open_stream(struct channel *channel);

/* --- loss --- */

static enum outcome classify_loss(const struct channel *channel, const struct transfer *transfer)
{
	struct trust_facts facts = channel_gather_facts(channel, transfer);
	int error = transfer->connection ? transfer->connection->read_errno : 0;

	if (facts.own_expired)
		return OUTCOME_OWN_EXPIRED;
	if (facts.connect_errno != 0 || facts.alert_in >= 0 ||
		(!facts.plain && !facts.handshake_done))
		return trust_classify(&facts);
	if (transfer->timed_out)
		return OUTCOME_ANSWER_TIMEOUT;
	if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH)
		return OUTCOME_KEEPALIVE;
	if (transfer->too_large)
		return OUTCOME_BAD_ANSWER;
	return OUTCOME_CLOSED;
}

static void lose_as(struct channel *channel, const struct transfer *transfer, enum outcome outcome)
{
	struct channel_result result;

	channel_fill_result(channel, transfer, outcome, &result);
	channel_report(channel, &result);
}

void channel_lose(struct channel *channel, const struct transfer *transfer)
{
	lose_as(channel, transfer, classify_loss(channel, transfer));
}

/* --- dates --- */

static void check_dates(struct channel *channel)
{
	const struct connection *connection = channel->main.connection;
	struct trust_clock clock = channel_clock(channel);
	time_t end = channel->own_not_after, wait = RECHECK_SECONDS;

	if (connection && connection->has_peer && connection->peer.not_after < end)
		end = connection->peer.not_after;
	if (trust_own_expired(channel->own_not_after, &clock)) {
		lose_as(channel, &channel->main, OUTCOME_OWN_EXPIRED);
		return;
	}
	if (trust_own_expired(end, &clock)) {
		lose_as(channel, &channel->main, OUTCOME_PEER_EXPIRED);
		return;
	}
	/* not_after itself is still valid, hence one second more. */
	if (end >= clock.now && end - clock.now + 1 < wait)
		wait = end - clock.now + 1;
	channel_set_timer(channel->expiry, (unsigned int)wait * 1000);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel_enter(channel);
	if (channel->state == CHANNEL_LEAVING)
		channel_session_farewell_timeout(channel);
	else
		check_dates(channel);
	channel_leave(channel);
}

/* --- the stream --- */

static void on_event(const struct sse_event *event, void *arg)
{
	struct channel *channel = arg;
	json_t *payload;

	if (channel->state != CHANNEL_UP || !channel->handlers.pushed)
		return;
	payload = json_loadb(event->data, event->length, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(payload))
		channel->handlers.pushed(channel, payload, channel->handlers.arg);
	else
		log_debug("channel", "%s: an event that is no JSON object (%zu bytes)",
			channel->info.bmc_address, event->length);
	json_decref(payload);
}

bool channel_life_take(struct channel *channel, const char *bytes, size_t length)
{
	int r = sse_parser_feed(&channel->sse, bytes, length);

	if (r < 0)
		channel->main.too_large = true;
	return r == 0 && channel->state == CHANNEL_UP;
}

/* What people are told of the life line; the owner hears of each change. */
static void set_events(struct channel *channel, enum channel_events events, const char *reason)
{
	struct channel_info *info = &channel->info;

	if (info->events == events && strcmp(info->events_reason, reason) == 0)
		return;
	info->events = events;
	snprintf(info->events_reason, sizeof(info->events_reason), "%s", reason);
	if (channel->handlers.changed && channel->state == CHANNEL_UP)
		channel->handlers.changed(channel, channel->handlers.arg);
}

static void poll_because(struct channel *channel, const char *reason)
{
	if (channel->life != LIFE_POLL || channel->info.events_reason[0] == '\0')
		log_info("channel", "%s: %s: asking each %d s", channel->info.bmc_address, reason,
			CHANNEL_POLL_SECONDS);
	channel->life = LIFE_POLL;
	set_events(channel, CHANNEL_EVENTS_POLLING, reason);
	if (channel->state == CHANNEL_UP)
		start_poll(channel);
}

static long stream_age_ms(const struct channel *channel)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - channel->stream_began.tv_sec) * 1000 +
	       (now.tv_nsec - channel->stream_began.tv_nsec) / 1000000;
}

/*
 * bmcweb of early 2024 dies of a subscription; others end what they have just begun. Counted over
 * channels, for such an end usually takes the connection with it.
 */
static void note_stream_end(struct channel *channel, bool opened)
{
	bool early = !opened || stream_age_ms(channel) < STREAM_EARLY_MS;

	channel->memory->stream_ends = early ? channel->memory->stream_ends + 1 : 0;
}

static bool is_stream_bad(const struct channel *channel)
{
	return !channel->info.ours && channel->memory->stream_ends >= STREAM_MAX_EARLY;
}

static void poll_for_bad_stream(struct channel *channel)
{
	char reason[96];

	snprintf(reason, sizeof(reason),
		"its event stream ended %u times right after it was opened",
		channel->memory->stream_ends);
	poll_because(channel, reason);
}

/* Refused: for good, or because all its streams are taken (iDRAC9 has two). */
static void on_stream_refused(struct channel *channel, const struct transfer *transfer)
{
	char reason[128];

	channel->main.renewed = false;
	if (transfer->status == 503 || transfer->status == 429)
		channel->reopen_after = STREAM_BUSY_POLLS;
	if (transfer->status == 200)
		snprintf(reason, sizeof(reason), "%.80s is no event stream", transfer->path);
	else
		snprintf(reason, sizeof(reason), "%.80s answered %d", transfer->path,
			transfer->status);
	poll_because(channel, reason);
}

static void on_stream_renewed(struct transfer *transfer, bool logged_in)
{
	struct channel *channel = transfer->channel;

	if (logged_in)
		open_stream(channel);
	else if (!transfer->complete)
		channel_lose(channel, transfer);
	else
		lose_as(channel, transfer, OUTCOME_LOGIN);
}

static void ask_at_once(struct channel *channel)
{
	channel_set_timer(channel->poll, 0);
}

static void on_stream_end(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	bool opened = transfer->opened_stream;

	transfer->stream = false;
	/* libcurl asked once more on a new connection: the old one died of the question. */
	if (!channel->info.ours && !opened && channel->stream_reused && transfer->connects > 0) {
		note_stream_end(channel, false);
		lose_as(channel, transfer, OUTCOME_CLOSED);
		return;
	}
	if (!opened && transfer->complete) {
		if (!channel_session_renew(transfer, on_stream_renewed))
			on_stream_refused(channel, transfer);
		return;
	}
	note_stream_end(channel, opened);
	/* Ours ends a stream only when it ends. Others do so by the clock (iDRAC9 after an hour):
	 * whether it is there is asked at once, and the stream opened again after a while. */
	if (channel->info.ours || !transfer->complete) {
		channel_lose(channel, transfer);
		return;
	}
	if (is_stream_bad(channel)) {
		poll_for_bad_stream(channel);
	} else {
		poll_because(channel, "the BMC ended its event stream: it is opened again");
		channel->reopen_after = 2;
	}
	if (channel->state == CHANNEL_UP)
		ask_at_once(channel);
}

static void open_stream(struct channel *channel)
{
	channel->main.stream = true;
	channel->stream_reused = channel->main.connection && channel->main.connection->fd >= 0;
	channel->life = LIFE_STREAM;
	channel->reopen_after = 0;
	sse_parser_clear(&channel->sse);
	sse_parser_init(&channel->sse, CHANNEL_MAX_EVENT, on_event, channel);
	transfer_start(&channel->main, "GET", channel->stream, NULL, on_stream_end);
	channel_request_next(channel);
}

void channel_life_opened(struct channel *channel)
{
	clock_gettime(CLOCK_MONOTONIC, &channel->stream_began);
	set_events(channel, CHANNEL_EVENTS_STREAM, "");
}

static void on_service_renewed(struct transfer *transfer, bool logged_in)
{
	struct channel *channel = transfer->channel;

	if (logged_in)
		look_for_stream(channel);
	else if (!transfer->complete)
		channel_lose(channel, transfer);
	else
		lose_as(channel, transfer, OUTCOME_LOGIN);
}

static void explain_no_stream(
	const struct transfer *transfer, const json_t *service, char *reason, size_t size)
{
	if (transfer->status != 200)
		snprintf(reason, size, "%.80s answered %d", transfer->path, transfer->status);
	else if (!json_is_object(service))
		snprintf(reason, size, "%.80s is no Redfish resource", transfer->path);
	else
		snprintf(reason, size, "its event service has no ServerSentEventUri");
}

static void on_event_service(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	char reason[128];
	json_t *service = NULL;

	if (!transfer->complete) {
		channel_lose(channel, transfer);
		return;
	}
	if (channel_session_renew(transfer, on_service_renewed))
		return;
	transfer->renewed = false;
	if (transfer->status == 200 && transfer->body)
		service = json_loadb(transfer->body, transfer->body_length, 0, NULL);
	channel->stream[0] = '\0';
	resource_get_link(service, "ServerSentEventUri", channel->stream, sizeof(channel->stream));
	explain_no_stream(transfer, service, reason, sizeof(reason));
	json_decref(service);
	if (channel->stream[0] == '\0')
		poll_because(channel, reason);
	else if (is_stream_bad(channel))
		poll_for_bad_stream(channel);
	else
		open_stream(channel);
}

static void look_for_stream(struct channel *channel)
{
	if (channel->event_service[0])
		transfer_start(
			&channel->main, "GET", channel->event_service, NULL, on_event_service);
	else
		poll_because(channel, "its ServiceRoot names no event service");
}

/* --- without a stream --- */

static void on_poll_renewed(struct transfer *transfer, bool logged_in);

static void on_polled(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	if (!transfer->complete) {
		channel_lose(channel, transfer);
		return;
	}
	if (channel_session_renew(transfer, on_poll_renewed))
		return;
	transfer->renewed = false;
	if (transfer->status == 401 || transfer->status == 403) {
		enum outcome outcome =
			channel->session.generation > 0 ? OUTCOME_LOGIN : OUTCOME_NOT_KNOWN;

		lose_as(channel, transfer, channel->plain ? OUTCOME_REFUSED : outcome);
		return;
	}
	channel->poll_failures = transfer->status == 200 ? 0 : channel->poll_failures + 1;
	if (channel->poll_failures >= POLL_MAX_FAILURES) {
		lose_as(channel, transfer, OUTCOME_BAD_ANSWER);
		return;
	}
	if (channel->reopen_after > 0 && --channel->reopen_after == 0)
		open_stream(channel);
	else
		start_poll(channel);
}

static void ask(struct channel *channel)
{
	transfer_start(&channel->main, "GET", channel->manager, NULL, on_polled);
}

static void on_poll_renewed(struct transfer *transfer, bool logged_in)
{
	struct channel *channel = transfer->channel;

	if (logged_in)
		ask(channel);
	else if (!transfer->complete)
		channel_lose(channel, transfer);
	else
		lose_as(channel, transfer, OUTCOME_LOGIN);
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel_enter(channel);
	/* A log-in of the other transfer is not disturbed, nor is ours. */
	if (channel->session.by == &channel->main)
		start_poll(channel);
	else
		ask(channel);
	channel_leave(channel);
}

static void start_poll(struct channel *channel)
{
	unsigned int ms = channel->environment->poll_ms;

	channel_set_timer(channel->poll, ms ? ms : CHANNEL_POLL_SECONDS * 1000);
	channel_request_next(channel);
}

/* --- start and stop --- */

void channel_life_start(struct channel *channel)
{
	struct event_base *base = channel->environment->base;

	sse_parser_init(&channel->sse, CHANNEL_MAX_EVENT, on_event, channel);
	channel->poll = evtimer_new(base, on_poll, channel);
	channel->expiry = evtimer_new(base, on_expiry, channel);
	if (!channel->poll || !channel->expiry) {
		lose_as(channel, &channel->main, OUTCOME_LOCAL);
		return;
	}
	if (!channel->plain)
		check_dates(channel);
	if (channel->state != CHANNEL_UP)
		return;
	channel_session_clean(channel);
	channel->life = LIFE_LOOKING;
	look_for_stream(channel);
}

void channel_life_stop(struct channel *channel)
{
	if (channel->poll)
		evtimer_del(channel->poll);
	if (channel->expiry)
		evtimer_del(channel->expiry);
}
