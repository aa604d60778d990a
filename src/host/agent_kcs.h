/* SPDX-License-Identifier: Apache-2.0 */
/* Trust over IPMI, what its two files share: agent_kcs.c decides what an answer means for the
 * attempt, agent_kcs_ask.c asks. */
#ifndef BMCLINK_HOST_AGENT_KCS_H
#define BMCLINK_HOST_AGENT_KCS_H

#include "host/agent_private.h"

#define AGENT_KCS_LIMIT_MS 20000 /* above the monitor's own: a notice may be lost */

void agent_kcs_set_state(struct agent *agent, enum agent_kcs_state state);
void agent_kcs_arm(struct agent *agent, unsigned int ms);

/* agent_kcs_ask.c: ends in one of the three below. */
void agent_kcs_ask(struct agent *agent); /* for all, from the first */
void agent_kcs_ask_again(struct agent *agent);
void agent_kcs_take_fingerprint(struct agent *agent, const struct priv_ipmi *answer);

/* All that the BMC names are known. */
void agent_kcs_have_list(struct agent *agent);
/* There is no such word to be had here, for good; usual: nobody needs to be told. */
void agent_kcs_be_without(struct agent *agent, const char *why, bool usual);
/* It went wrong this time: that is no reason to trust somebody else's word instead. */
void agent_kcs_be_in_trouble(struct agent *agent, const char *why);

#endif
