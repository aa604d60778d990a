/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life line of a connected channel: the Server-Sent Events stream. Where it cannot be had, or
 * is not to be trusted, the BMC is asked instead (channel_life.c), and info says why.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

#define STREAM_EARLY_MS	  5000 /* a stream that ends sooner was not meant to be one */
#define STREAM_MAX_EARLY  3    /* in a row; then it is left alone for a while, */
#define STREAM_HOLD_POLLS 120  /* this long (an hour), */
#define STREAM_MAX_DOUBLE 4    /* doubled each time, up to 16 hours */
#define STREAM_BUSY_POLLS 20   /* until a stream that was refused for now is tried again */
#define STREAM_AGAIN	  2    /* one that was ended: iDRAC9 wants 20 to 30 s between */

/* It goes into a header line of the next stream: nothing but plain characters. */
static void note_id(struct channel *channel, const char *id)
{
	char *kept = channel->memory->last_event_id;

	for (const char *c = id; *c; c++) {
		if (*c < ' ' || *c > '~')
			id = "";
	}
	snprintf(kept, sizeof(channel->memory->last_event_id), "%s", id);
}

static void on_event(const struct sse_event *event, void *arg)
{
	struct channel *channel = arg;
	json_t *payload;

	channel_flow_count_event(channel);
	if (event->id[0])
		note_id(channel, event->id);
	if (channel->state != CHANNEL_UP || !channel->handlers.pushed)
		return;
	payload = json_text_load(event->data, event->length, JSON_REJECT_DUPLICATES);
	if (json_is_object(payload))
		channel->handlers.pushed(channel, payload, channel->handlers.arg);
	else
		log_debug("channel", "%s: an event that is no JSON object (%zu bytes)",
			channel->info.bmc_address, event->length);
	json_decref(payload);
}

bool channel_stream_take(struct channel *channel, const char *bytes, size_t length)
{
	int r;

	channel_silence_heard(channel);
	r = sse_parser_feed(&channel->sse, bytes, length);
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
		channel_life_poll(channel);
}

static long stream_age_ms(const struct channel *channel)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - channel->stream_began.tv_sec) * 1000 +
	       (now.tv_nsec - channel->stream_began.tv_nsec) / 1000000;
}

static int64_t poll_ms(const struct channel *channel)
{
	unsigned int ms = channel->environment->poll_ms;

	return ms ? ms : CHANNEL_POLL_SECONDS * 1000;
}

/* Until it is tried once more, which also a BMC may expect whose firmware was mended. */
static void hold_stream(struct channel *channel)
{
	struct channel_memory *memory = channel->memory;
	unsigned int times = memory->stream_ends - STREAM_MAX_EARLY;

	if (times > STREAM_MAX_DOUBLE)
		times = STREAM_MAX_DOUBLE;
	memory->stream_hold_ms =
		clock_get_ms(CLOCK_BOOTTIME) + (poll_ms(channel) * STREAM_HOLD_POLLS << times);
}

/*
 * bmcweb of early 2024 dies of a subscription; others end what they have just begun. Counted over
 * channels, for such an end usually takes the connection with it.
 */
static void note_stream_end(struct channel *channel, bool opened)
{
	bool early = !opened || stream_age_ms(channel) < STREAM_EARLY_MS;

	channel->memory->stream_ends = early ? channel->memory->stream_ends + 1 : 0;
	if (channel->memory->stream_ends >= STREAM_MAX_EARLY)
		hold_stream(channel);
}

static bool is_stream_bad(const struct channel *channel)
{
	return !channel->info.ours && channel->memory->stream_ends >= STREAM_MAX_EARLY &&
	       clock_get_ms(CLOCK_BOOTTIME) < channel->memory->stream_hold_ms;
}

static void poll_for_bad_stream(struct channel *channel)
{
	int64_t left = channel->memory->stream_hold_ms - clock_get_ms(CLOCK_BOOTTIME);
	char reason[96];

	channel->reopen_after = (unsigned int)(left / poll_ms(channel)) + 1;
	snprintf(reason, sizeof(reason),
		"its event stream ended %u times right after it was opened",
		channel->memory->stream_ends);
	poll_because(channel, reason);
}

/* Questions until it is looked for again. Refused for now: all its streams are taken (iDRAC9 has
 * two). Ours has streams: whatever was the matter there, it was not meant to last. */
static unsigned int get_hold(const struct channel *channel, int status)
{
	if (channel->info.ours)
		return STREAM_AGAIN;
	return status == 503 || status == 429 ? STREAM_BUSY_POLLS : STREAM_HOLD_POLLS;
}

static void on_stream_refused(struct channel *channel, const struct transfer *transfer)
{
	char reason[128], location[64];

	text_make_printable(
		transfer->location, strlen(transfer->location), location, sizeof(location));
	channel->main.renewed = false;
	channel->reopen_after = get_hold(channel, transfer->status);
	channel->memory->last_event_id[0] = '\0'; /* it may have been that */
	/* Lenovo's TSM has it on another listener. No token goes there, nor does our trust. */
	if (transfer->status / 100 == 3 && transfer->location[0])
		snprintf(reason, sizeof(reason), "%.50s leads to %.50s: not followed",
			transfer->path, location);
	else if (transfer->status == 200)
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
		channel_stream_open(channel);
	else if (!transfer->complete)
		channel_lose(channel, transfer);
	else
		channel_lose_as(channel, transfer, OUTCOME_LOGIN);
}

static void ask_at_once(struct channel *channel)
{
	clock_set_timer(channel->poll, 0);
}

static void on_stream_end(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	bool opened = transfer->opened_stream;

	transfer->stream = false;
	/* libcurl asked once more on a new connection: the old one died of the question. */
	if (!channel->info.ours && !opened && channel->stream_reused && transfer->connects > 0) {
		note_stream_end(channel, false);
		channel_lose_as(channel, transfer, OUTCOME_CLOSED);
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
		channel->reopen_after = STREAM_AGAIN;
	}
	if (channel->state == CHANNEL_UP)
		ask_at_once(channel);
}

void channel_stream_open(struct channel *channel)
{
	channel->main.stream = true;
	channel->stream_reused = channel->main.connection && channel->main.connection->fd >= 0;
	channel->life = LIFE_STREAM;
	channel->reopen_after = 0;
	sse_parser_clear(&channel->sse);
	sse_parser_init(&channel->sse, CHANNEL_MAX_EVENT, on_event, channel);
	channel_flow_begin(channel);
	transfer_start(&channel->main, "GET", channel->stream, NULL, on_stream_end);
	channel_request_next(channel);
}

void channel_stream_opened(struct channel *channel)
{
	clock_gettime(CLOCK_MONOTONIC, &channel->stream_began);
	channel_silence_begin(channel);
	set_events(channel, CHANNEL_EVENTS_STREAM, "");
}

static void on_service_renewed(struct transfer *transfer, bool logged_in)
{
	struct channel *channel = transfer->channel;

	if (logged_in)
		channel_stream_look(channel);
	else if (!transfer->complete)
		channel_lose(channel, transfer);
	else
		channel_lose_as(channel, transfer, OUTCOME_LOGIN);
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
		service = json_text_load(transfer->body, transfer->body_length, 0);
	channel->stream[0] = '\0';
	resource_get_link(service, "ServerSentEventUri", channel->stream, sizeof(channel->stream));
	explain_no_stream(transfer, service, reason, sizeof(reason));
	json_decref(service);
	channel->reopen_after = get_hold(channel, transfer->status);
	if (channel->stream[0] == '\0')
		poll_because(channel, reason);
	else if (is_stream_bad(channel))
		poll_for_bad_stream(channel);
	else
		channel_stream_open(channel);
}

void channel_stream_look(struct channel *channel)
{
	if (channel->event_service[0])
		transfer_start(
			&channel->main, "GET", channel->event_service, NULL, on_event_service);
	else
		poll_because(channel, "its ServiceRoot names no event service");
}
