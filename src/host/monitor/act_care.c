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
	care_renew(acts->care, why, sizeof(why));
	if (why[0] != '\0')
		log_warning("acts", "care of NIC %u: %s", acts->ifindex, why);
	report(acts, why);
}

void act_care_stop(struct acts *acts)
{
	if (acts->care_timer != NULL)
		event_free(acts->care_timer);
	acts->care_timer = NULL;
	acts->care_wait_ms = 0;
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
	care_set_filter(acts->care, settings->nic_filter == FILTER_REPLIES, why, sizeof(why));
	report(acts, why);
}
