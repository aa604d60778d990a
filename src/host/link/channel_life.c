/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connected channel: where the BMC has no stream (channel_stream.c) a request each 30 s, and the
 * dates of both certificates, which end it when they pass.
 */
#include <errno.h>

#include "base/clock.h"
#include "host/link/channel_internal.h"

#define POLL_MAX_FAILURES 3    /* of answers that are no loss in themselves: 5xx, odd bodies */
#define RECHECK_SECONDS	  3600 /* the clock may be set while we wait */

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
	if (transfer->too_large || transfer->barren)
		return OUTCOME_BAD_ANSWER;
	return OUTCOME_CLOSED;
}

void channel_lose_as(struct channel *channel, const struct transfer *transfer, enum outcome outcome)
{
	struct channel_result result;

	channel_fill_result(channel, transfer, outcome, &result);
	channel_report(channel, &result);
}

void channel_lose(struct channel *channel, const struct transfer *transfer)
{
	channel_lose_as(channel, transfer, classify_loss(channel, transfer));
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
		channel_lose_as(channel, &channel->main, OUTCOME_OWN_EXPIRED);
		return;
	}
	if (trust_own_expired(end, &clock)) {
		channel_lose_as(channel, &channel->main, OUTCOME_PEER_EXPIRED);
		return;
	}
	/* not_after itself is still valid, hence one second more. */
	if (end >= clock.now && end - clock.now + 1 < wait)
		wait = end - clock.now + 1;
	clock_set_timer(channel->expiry, (unsigned int)wait * 1000);
}

void channel_recheck_dates(struct channel *channel)
{
	if (!channel || channel->state != CHANNEL_UP || channel->plain || !channel->expiry)
		return;
	channel_enter(channel);
	check_dates(channel);
	channel_leave(channel);
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

		channel_lose_as(channel, transfer, channel->plain ? OUTCOME_REFUSED : outcome);
		return;
	}
	channel->poll_failures = transfer->status == 200 ? 0 : channel->poll_failures + 1;
	if (channel->poll_failures >= POLL_MAX_FAILURES) {
		channel_lose_as(channel, transfer, OUTCOME_BAD_ANSWER);
		return;
	}
	if (channel->reopen_after == 0 || --channel->reopen_after > 0)
		channel_life_poll(channel);
	else if (channel->stream[0])
		channel_stream_open(channel);
	else
		channel_stream_look(channel);
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
		channel_lose_as(channel, transfer, OUTCOME_LOGIN);
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel_enter(channel);
	/* A log-in of the other transfer is not disturbed, nor is ours. */
	if (channel->session.by == &channel->main)
		channel_life_poll(channel);
	else
		ask(channel);
	channel_leave(channel);
}

void channel_life_poll(struct channel *channel)
{
	unsigned int ms = channel->environment->poll_ms;

	clock_set_timer(channel->poll, ms ? ms : CHANNEL_POLL_SECONDS * 1000);
	channel_request_next(channel);
}

/* --- start and stop --- */

void channel_life_start(struct channel *channel)
{
	struct event_base *base = channel->environment->base;

	channel->poll = evtimer_new(base, on_poll, channel);
	channel->expiry = evtimer_new(base, on_expiry, channel);
	if (!channel->poll || !channel->expiry || channel_flow_init(channel) < 0 ||
		channel_silence_init(channel) < 0) {
		channel_lose_as(channel, &channel->main, OUTCOME_LOCAL);
		return;
	}
	if (!channel->plain)
		check_dates(channel);
	if (channel->state != CHANNEL_UP)
		return;
	channel_session_clean(channel);
	channel->life = LIFE_LOOKING;
	channel_stream_look(channel);
}

void channel_life_stop(struct channel *channel)
{
	if (channel->poll)
		evtimer_del(channel->poll);
	if (channel->expiry)
		evtimer_del(channel->expiry);
	if (channel->flow.timer)
		evtimer_del(channel->flow.timer);
	channel_silence_stop(channel);
}
