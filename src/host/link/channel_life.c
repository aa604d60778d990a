/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connected channel: its life line (the Server-Sent Events stream; where the BMC has none, a
 * request each 30 s), and the dates of both certificates, which end it when they pass.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

#define POLL_MAX_FAILURES 3    /* of answers that are no loss in themselves: 5xx, odd bodies */
#define RECHECK_SECONDS	  3600 /* the clock may be set while we wait */

static void start_poll(struct channel *channel);

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

static void on_stream_end(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	bool was_stream = transfer->opened_stream;

	transfer->stream = false;
	if (was_stream || !transfer->complete) {
		channel_lose(channel, transfer);
		return;
	}
	log_info("channel", "%s: %s answered %d and opened no stream, asking each %d s",
		channel->info.bmc_address, transfer->path, transfer->status, CHANNEL_POLL_SECONDS);
	start_poll(channel);
}

static void on_event_service(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	char path[CHANNEL_MAX_PATH] = "";
	json_t *service = NULL;

	if (!transfer->complete) {
		channel_lose(channel, transfer);
		return;
	}
	if (transfer->status == 200 && transfer->body)
		service = json_loadb(transfer->body, transfer->body_length, 0, NULL);
	resource_get_link(service, "ServerSentEventUri", path, sizeof(path));
	json_decref(service);
	if (path[0] == '\0') {
		start_poll(channel);
		return;
	}
	transfer->stream = true;
	channel->life = LIFE_STREAM;
	transfer_start(transfer, "GET", path, NULL, on_stream_end);
	channel_request_next(channel);
}

/* --- without a stream --- */

static void on_polled(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	if (!transfer->complete) {
		channel_lose(channel, transfer);
		return;
	}
	if (transfer->status == 401 || transfer->status == 403) {
		lose_as(channel, transfer, channel->plain ? OUTCOME_REFUSED : OUTCOME_NOT_KNOWN);
		return;
	}
	channel->poll_failures = transfer->status == 200 ? 0 : channel->poll_failures + 1;
	if (channel->poll_failures >= POLL_MAX_FAILURES) {
		lose_as(channel, transfer, OUTCOME_BAD_ANSWER);
		return;
	}
	start_poll(channel);
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel_enter(channel);
	transfer_start(&channel->main, "GET", channel->manager, NULL, on_polled);
	channel_leave(channel);
}

static void start_poll(struct channel *channel)
{
	channel->life = LIFE_POLL;
	channel_set_timer(channel->poll, CHANNEL_POLL_SECONDS * 1000);
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
	channel->life = LIFE_LOOKING;
	if (channel->event_service[0])
		transfer_start(
			&channel->main, "GET", channel->event_service, NULL, on_event_service);
	else
		start_poll(channel);
}

void channel_life_stop(struct channel *channel)
{
	if (channel->poll)
		evtimer_del(channel->poll);
	if (channel->expiry)
		evtimer_del(channel->expiry);
}
