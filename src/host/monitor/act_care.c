/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/monitor/access.h"
#include "host/monitor/acts.h"

static void report(struct acts *acts, const char *why)
{
	if (why[0] != '\0')
		acts_emit(acts, MSG_ISM1035, why);
}

int act_care(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	const struct care_target target = {.state_fd = acts->environment->state_fd,
		.proc_root = acts->environment->roots.proc,
		.boot_id = acts->birth.boot_id,
		.ifindex = acts->ifindex};
	bool on = wire_get_bool(in);
	char why[256];
	int r;

	/* Not off: a worker that was taken over by the BMC would let it in. At stop the monitor
	 * puts everything back by itself. */
	if (!wire_is_done(in) || !on)
		return -EPERM;
	if (acts->care != NULL) { /* of this index: a claim of another stops it */
		care_renew(acts->care, why, sizeof(why));
		if (why[0] != '\0') /* the event came when it was first claimed */
			log_warning("acts", "care of NIC %u: %s", acts->ifindex, why);
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
	char why[256];

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
