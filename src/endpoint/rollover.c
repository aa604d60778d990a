/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/rollover.h"

#include "base/renewal.h"

/*
 * A quarter of the lead before the end (a week of thirty days). A certificate that was made later
 * than that, by a BMC that was off, is announced for a day at least, unless the old one ends first.
 */
time_t rollover_get_deadline(const struct rollover_facts *facts)
{
	time_t tail = renewal_get_lead(facts->not_before, facts->not_after) / 4;
	time_t usual = facts->not_after - tail, late = facts->next_made + tail / 7;
	time_t last = facts->not_after - tail / 168;

	if (late > last)
		late = last;
	return late > usual ? late : usual;
}

static void change(struct rollover *rollover, enum rollover_reason reason)
{
	rollover->action = ROLLOVER_SWITCH;
	rollover->reason = reason;
}

static void decide_with_next(const struct rollover_facts *facts, struct rollover *rollover)
{
	time_t deadline = rollover_get_deadline(facts);

	if (!facts->clock_unset && facts->now > facts->not_after)
		change(rollover, ROLLOVER_REASON_EXPIRED);
	else if (facts->hosts_ready)
		change(rollover, ROLLOVER_REASON_READY);
	else if (!facts->clock_unset && facts->now >= deadline)
		change(rollover, ROLLOVER_REASON_DEADLINE);
	else if (!facts->clock_unset)
		rollover->until = deadline;
}

void rollover_decide(const struct rollover_facts *facts, struct rollover *rollover)
{
	time_t due = renewal_get_due(facts->not_before, facts->not_after, facts->seed);

	*rollover = (struct rollover){.action = ROLLOVER_WAIT};
	if (facts->has_next) {
		decide_with_next(facts, rollover);
		return;
	}
	if (facts->asked) {
		rollover->action = ROLLOVER_STAGE;
		return;
	}
	/* Once it has expired nobody can be told of the next one over a channel that is trusted:
	 * the administrator has to know. */
	if (!facts->automatic || facts->clock_unset || facts->now > facts->not_after)
		return;
	if (facts->now >= due)
		rollover->action = ROLLOVER_STAGE;
	else
		rollover->until = due;
}

const char *rollover_reason_text(enum rollover_reason reason)
{
	switch (reason) {
	case ROLLOVER_REASON_READY:
		return "every known host trusts it";
	case ROLLOVER_REASON_DEADLINE:
		return "the old one would expire soon";
	case ROLLOVER_REASON_EXPIRED:
		return "the old one has expired";
	}
	return "";
}
