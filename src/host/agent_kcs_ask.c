/* SPDX-License-Identifier: Apache-2.0 */
/* Trust over IPMI: the fingerprints of the BMC's certificates are asked for, one after the other.
 */
#include <string.h>

#include "base/log.h"
#include "host/agent_kcs.h"

#define AGAIN_MS  1000	/* between looks for the driver */
#define DRIVER_MS 10000 /* that firmware or kernel announce; at boot it may come after us */

static void ask(struct agent *agent);

static void ask_again(struct agent *agent)
{
	agent_kcs_set_state(agent, AGENT_KCS_WAITING);
	agent_kcs_arm(agent, AGAIN_MS);
}

static void not_asked(struct agent *agent, int error)
{
	struct agent_kcs *kcs = &agent->kcs;

	switch (error) {
	case -ENOENT:
		agent_kcs_be_without(
			agent, "this machine has no IPMI interface (/dev/ipmi0)", true);
		return;
	case -ENXIO:
		if (kcs->since == 0)
			kcs->since = agent_now();
		if (agent_now() - kcs->since < DRIVER_MS)
			ask_again(agent);
		else
			agent_kcs_be_without(agent,
				"this machine has an IPMI interface, and no /dev/ipmi0: load "
				"ipmi_si and ipmi_devintf",
				false);
		return;
	case -EBUSY:
		ask_again(agent);
		return;
	case -EDQUOT:
		agent_kcs_be_in_trouble(
			agent, "the BMC was asked too often over IPMI within an hour");
		return;
	default:
		snprintf(kcs->why, sizeof(kcs->why), "the BMC cannot be asked over IPMI: %s",
			strerror(-error));
		agent_kcs_be_in_trouble(agent, kcs->why);
	}
}

static void ask(struct agent *agent)
{
	int r = priv_ask_ipmi(agent->priv, IPMI_CMD_FINGERPRINT, agent->kcs.number);

	if (r < 0) {
		not_asked(agent, r);
		return;
	}
	agent_kcs_set_state(agent, AGENT_KCS_FINGERPRINT);
	agent_kcs_arm(agent, AGENT_KCS_LIMIT_MS);
}

void agent_kcs_ask(struct agent *agent)
{
	agent->kcs.number = 1;
	agent->kcs.n_named = 0;
	agent->kcs.listed = false;
	ask(agent);
}

void agent_kcs_take_fingerprint(struct agent *agent, const struct priv_ipmi *answer)
{
	struct agent_kcs *kcs = &agent->kcs;
	enum kcs_status status =
		kcs_read_fingerprint(answer->bytes, answer->length, kcs->named[kcs->n_named]);

	if (status == KCS_OK && ++kcs->n_named < KCS_MAX_CERTIFICATES) {
		kcs->number++;
		ask(agent);
		return;
	}
	if (kcs->n_named > 0) { /* CBh ends the list, and so does whatever else a BMC says here */
		agent_kcs_have_list(agent);
		return;
	}
	kcs_explain(status, answer->bytes, answer->length, kcs->why, sizeof(kcs->why));
	if (status == KCS_DISABLED || status == KCS_NOT_THERE)
		agent_kcs_be_without(agent, kcs->why, status == KCS_NOT_THERE);
	else
		agent_kcs_be_in_trouble(agent, kcs->why);
}

/* After a pause. */
void agent_kcs_ask_again(struct agent *agent)
{
	ask(agent);
}
