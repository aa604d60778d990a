/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BMC whose service hangs keeps its TCP connection: the kernel there goes on acknowledging. Our
 * endpoint says how often its streams get a comment; where twice that time passes without a byte,
 * the channel is lost. A BMC that says nothing of the kind is not judged by it.
 */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "host/link/channel_internal.h"

#define SLACK_MS 1000

/* Without the time that this machine was suspended: then nothing could be heard. */
static int64_t now_ms(void)
{
	return clock_get_ms(CLOCK_MONOTONIC);
}

static int64_t get_limit(const struct channel *channel)
{
	return (int64_t)channel->keep_alive_s * 2000 + SLACK_MS;
}

/* A wake-up for each such time, not for each byte: what was heard meanwhile only moves the end. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;
	int64_t left = channel->heard_ms + get_limit(channel) - now_ms();

	channel_enter(channel);
	if (channel->state == CHANNEL_UP && channel->main.phase == TRANSFER_STREAM) {
		if (channel->flow.paused) /* it is we who do not read */
			clock_set_timer(channel->silence, CHANNEL_FLOW_PAUSE_MS);
		else if (left > 0)
			clock_set_timer(channel->silence, (unsigned int)left);
		else
			channel_lose_as(channel, &channel->main, OUTCOME_KEEPALIVE);
	}
	channel_leave(channel);
}

int channel_silence_init(struct channel *channel)
{
	channel->silence = evtimer_new(channel->environment->base, on_timer, channel);
	return channel->silence ? 0 : -ENOMEM;
}

void channel_silence_clear(struct channel *channel)
{
	if (channel->silence)
		event_free(channel->silence);
	channel->silence = NULL;
}

void channel_silence_begin(struct channel *channel)
{
	channel_silence_heard(channel);
	if (channel->keep_alive_s > 0 && channel->silence)
		clock_set_timer(channel->silence, (unsigned int)get_limit(channel));
}

void channel_silence_heard(struct channel *channel)
{
	channel->heard_ms = now_ms();
}

void channel_silence_stop(struct channel *channel)
{
	if (channel->silence)
		evtimer_del(channel->silence);
}
