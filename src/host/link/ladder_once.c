/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder's one-time act: rows 2, 3, 8 and 9 of docs/architecture.md. */
#include <errno.h>

#include "host/link/ladder_private.h"

/* Is there anything that the one-time configuration would set now? */
static bool has_to_set(const struct ladder_facts *facts)
{
	bool any_enabled = facts->ready[LADDER_IPV4] != LADDER_DISABLED ||
			   facts->ready[LADDER_IPV6] != LADDER_DISABLED;

	return (facts->ready[LADDER_IPV4] == LADDER_MISSING && facts->can_set_ipv4) ||
	       (facts->ready[LADDER_IPV6] == LADDER_MISSING && facts->can_set_ipv6) ||
	       (!facts->nic_up && any_enabled);
}

bool ladder_may_configure(const struct ladder *ladder)
{
	return ladder->facts.once == LADDER_ONCE_ARMED || ladder->facts.once == LADDER_ONCE_REAPPLY;
}

uint64_t ladder_get_retry(const struct ladder *ladder)
{
	bool failed = ladder->configured && ladder->configure_failed;

	return failed && ladder_may_configure(ladder) ? ladder->retry_at : LADDER_NEVER;
}

/* The act is spent at the first evaluation with a NIC present, also when there is nothing to set:
 * an administrator's own address, taken away later, is not to be replaced. */
bool ladder_next_once(struct ladder *ladder, uint64_t now, struct ladder_action *action)
{
	const struct ladder_facts *facts = &ladder->facts;
	uint64_t end = ladder->configured_at + LADDER_CONFIGURE_MS;

	if (facts->choosing) {
		*action = ladder_wait(LADDER_NEVER);
		return true;
	}
	if (now >= ladder_get_retry(ladder))
		ladder->configured = ladder->configure_failed = false;
	if (ladder->configured) {
		/* The address is set, the kernel's notice of it may still be on its way. */
		if (ladder->configure_failed || facts->managed || !has_to_set(facts) || now >= end)
			return false;
		*action = ladder_wait(end);
		return true;
	}
	if (!ladder_may_configure(ladder))
		return false;
	if (facts->managed && has_to_set(facts)) {
		if (ladder->managed_since == 0)
			ladder->managed_since = now;
		if (now < ladder->managed_since + LADDER_MANAGED_MS) {
			*action = ladder_wait(ladder->managed_since + LADDER_MANAGED_MS);
			return true;
		}
	}
	*action = ladder_act(has_to_set(facts) && !facts->managed ? LADDER_CONFIGURE : LADDER_SPEND,
		LADDER_NONE);
	return true;
}

void ladder_configured(struct ladder *ladder, int error, uint64_t now)
{
	ladder->configured = true;
	ladder->configure_failed = error != 0;
	ladder->configured_at = now;
	if (error == 0) {
		ladder->retry_wait = 0;
		return;
	}
	if (ladder->retry_wait == 0)
		ladder->retry_wait = LADDER_RETRY_MIN_MS;
	else if (ladder->retry_wait < LADDER_RETRY_MAX_MS / 2)
		ladder->retry_wait *= 2;
	else
		ladder->retry_wait = LADDER_RETRY_MAX_MS;
	ladder->retry_at = error == -EPERM ? LADDER_NEVER : now + ladder->retry_wait;
}
