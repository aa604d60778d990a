/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a stream is read: a BMC that floods it costs a bounded share of the CPU. What is above
 * the rate waits in the kernel's buffers and then at the BMC (TCP's flow control), nothing is
 * dropped here.
 */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/link/channel_internal.h"

static void refill(struct channel_flow *flow)
{
	int64_t now = clock_get_ms(CLOCK_MONOTONIC), passed = now - flow->at;

	flow->at = now;
	if (passed < 0 || passed > CHANNEL_FLOW_BURST / CHANNEL_FLOW_PER_MS)
		flow->used = 0;
	else
		flow->used -= passed * CHANNEL_FLOW_PER_MS;
	if (flow->used < 0)
		flow->used = 0;
}

void channel_flow_begin(struct channel *channel)
{
	struct channel_flow *flow = &channel->flow;

	flow->used = 0;
	flow->at = clock_get_ms(CLOCK_MONOTONIC);
	flow->paused = false;
	if (flow->timer)
		evtimer_del(flow->timer);
}

bool channel_flow_allows(struct channel *channel, size_t bytes)
{
	struct channel_flow *flow = &channel->flow;

	if (flow->paused)
		return false;
	refill(flow);
	if (flow->used < CHANNEL_FLOW_BURST || !flow->timer) {
		flow->used += (int64_t)bytes;
		return true;
	}
	if (channel->info.stream_pauses++ == 0)
		log_warning("channel", "%s: its event stream brings more than is read at a time",
			channel->info.bmc_address);
	flow->paused = true;
	clock_set_timer(flow->timer, CHANNEL_FLOW_PAUSE_MS);
	return false;
}

void channel_flow_count_event(struct channel *channel)
{
	channel->flow.used += CHANNEL_FLOW_EVENT;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel_enter(channel);
	channel->flow.paused = false;
	/* What libcurl holds comes from within this call. */
	if (channel->state == CHANNEL_UP && channel->main.phase == TRANSFER_STREAM)
		curl_easy_pause(channel->main.easy, CURLPAUSE_CONT);
	channel_leave(channel);
}

int channel_flow_init(struct channel *channel)
{
	channel->flow.timer = evtimer_new(channel->environment->base, on_timer, channel);
	return channel->flow.timer ? 0 : -ENOMEM;
}

void channel_flow_clear(struct channel *channel)
{
	if (channel->flow.timer)
		event_free(channel->flow.timer);
	channel->flow.timer = NULL;
}
