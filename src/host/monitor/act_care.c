/* SPDX-License-Identifier: Apache-2.0 */
/* The protections of the NIC; what could not be done is tried again, less and less often. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/monitor/access.h"
#include "host/monitor/acts.h"

#define AGAIN_MS     5000 /* until the next try, doubling to */
#define AGAIN_MAX_MS 300000
/* A table that was removed is set again when whoever did it is at the end: a firewall's start is
 * one removal. What removes it again and again gets it less and less often, and nobody a busy nft.
 */
#define LOST_MS	     100
#define LOST_TIMES   4	    /* the next wait, up to AGAIN_MAX_MS, */
#define LOST_CALM_MS 600000 /* unless it stood for so long */

static void on_again(evutil_socket_t fd, short what, void *arg);

static void plan_again(struct acts *acts)
{
	unsigned int *ms = &acts->care_wait_ms;

	if (acts->care_timer == NULL)
		acts->care_timer = evtimer_new(acts->environment->base, on_again, acts);
	if (acts->care_timer == NULL) {
		log_error("acts", "the NIC's protection is not tried again: no memory");
		return;
	}
	if (!care_is_unfinished(acts->care)) {
		*ms = 0;
		evtimer_del(acts->care_timer);
		return;
	}
	*ms = *ms == 0 ? AGAIN_MS : *ms < AGAIN_MAX_MS / 2 ? *ms * 2 : AGAIN_MAX_MS;
	event_base_update_cache_time(acts->environment->base); /* nft may have taken its time */
	clock_set_timer(acts->care_timer, *ms);
}

/* The worker shows it as long as it is so; an event is for the change. */
static void report(struct acts *acts, const char *why)
{
	uint8_t buffer[PRIV_MAX_CARE + sizeof(uint32_t)];
	struct wire_writer out;

	if (why[0] != '\0' && strcmp(why, acts->care_why) != 0)
		acts_emit(acts, MSG_ISM1035, why);
	else if (why[0] == '\0' && acts->care_why[0] != '\0')
		acts_emit(acts, MSG_ISM1044);
	snprintf(acts->care_why, sizeof(acts->care_why), "%s", why);
	wire_writer_init(&out, buffer, sizeof(buffer));
	wire_put_string(&out, acts->care_why);
	acts->environment->notify(PRIV_NOTICE_CARE, buffer, out.used, acts->environment->arg);
	plan_again(acts);
}

/* The monitor waits for nft meanwhile, 5 s at most, as at the first time. */
static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct acts *acts = arg;
	char why[PRIV_MAX_CARE];

	if (acts->care == NULL)
		return;
	care_retry(acts->care, why, sizeof(why));
	if (why[0] != '\0')
		log_warning("acts", "care of NIC %u: %s", acts->ifindex, why);
	report(acts, why);
}

static void on_filter_news(enum nft_news news, void *arg)
{
	struct acts *acts = arg;
	int64_t now = clock_get_ms(CLOCK_MONOTONIC);
	unsigned int *ms = &acts->filter_wait_ms;
	char why[PRIV_MAX_CARE];

	if (acts->care == NULL ||
		!care_lose_filter(acts->care, news == NFT_NEWS_GONE, why, sizeof(why)))
		return;
	if (*ms == 0 || now - acts->filter_lost_ms > LOST_CALM_MS)
		*ms = LOST_MS;
	else
		*ms = *ms < AGAIN_MAX_MS / LOST_TIMES ? *ms * LOST_TIMES : AGAIN_MAX_MS;
	acts->filter_lost_ms = now;
	if (news == NFT_NEWS_GONE) {
		log_warning("acts", "care of NIC %u: %s; it is set again in %u ms", acts->ifindex,
			why, *ms);
		report(acts, why);
	} else {
		plan_again(acts);
	}
	if (acts->care_timer != NULL)
		clock_set_timer(acts->care_timer, *ms);
}

/* Before the table is made, and as long as it is meant to stand. */
static void watch_filter(struct acts *acts)
{
	int r;

	if (acts->settings.nic_filter != FILTER_REPLIES) {
		nft_watch_stop(acts->nft_watch);
		acts->nft_watch = NULL;
		return;
	}
	if (acts->nft_watch != NULL)
		return;
	r = nft_watch_start(
		acts->environment->base, acts->ifindex, on_filter_news, acts, &acts->nft_watch);
	if (r < 0)
		log_warning("acts",
			"nftables cannot be watched: %s; if another program removes the NIC's "
			"table, it is set again at the NIC's next birth only",
			strerror(-r));
}

void act_care_stop(struct acts *acts)
{
	if (acts->care_timer != NULL)
		event_free(acts->care_timer);
	acts->care_timer = NULL;
	acts->care_wait_ms = 0;
	nft_watch_stop(acts->nft_watch); /* what goes now is taken by us */
	acts->nft_watch = NULL;
	acts->filter_wait_ms = 0;
	acts->care_why[0] = '\0';
	care_stop(acts->care);
	acts->care = NULL;
}

int act_care(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	const struct care_target target = {.state_fd = acts->environment->state_fd,
		.proc_root = acts->environment->roots.proc,
		.boot_id = acts->birth.boot_id,
		.ifindex = acts->ifindex};
	bool on = wire_get_bool(in);
	char why[PRIV_MAX_CARE];
	int r;

	/* Not off: a worker that was taken over by the BMC would let it in. At stop the monitor
	 * puts everything back by itself. */
	if (!wire_is_done(in) || !on)
		return -EPERM;
	watch_filter(acts);
	if (acts->care != NULL) { /* of this index: a claim of another stops it */
		care_renew(acts->care, why, sizeof(why));
		if (why[0] != '\0')
			log_warning("acts", "care of NIC %u: %s", acts->ifindex, why);
		report(acts, why);
		return 0;
	}
	r = care_start(&target, acts->settings.nic_filter == FILTER_REPLIES, &acts->care, why,
		sizeof(why));
	if (r == 0)
		report(acts, why);
	return r;
}

void acts_set_settings(struct acts *acts, const struct settings *settings)
{
	bool filter_changed = settings->nic_filter != acts->settings.nic_filter;
	char why[PRIV_MAX_CARE];

	/* the administrator points to another NIC: the worker may follow */
	if (strcmp(settings->interface, acts->settings.interface) != 0)
		acts->claim_may_move = true;
	acts->settings = *settings;
	if (!settings->snmp_get)
		act_snmp_end(acts);
	if (acts->claim_may_move && acts->ifindex != 0)
		act_nic_review_claim(acts);
	access_review(acts->access);
	if (!filter_changed || acts->care == NULL)
		return;
	watch_filter(acts);
	care_set_filter(acts->care, settings->nic_filter == FILTER_REPLIES, why, sizeof(why));
	report(acts, why);
}
