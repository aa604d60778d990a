/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/ladder_private.h"

#include <string.h>

static const enum ladder_protocol order[] = {LADDER_IPV4, LADDER_IPV6}; /* S2: IPv4 first */

#define N_ORDER (sizeof(order) / sizeof(order[0]))

static bool is_usable(const struct ladder *ladder, enum ladder_protocol protocol)
{
	return ladder_get_missing(ladder, protocol) == LADDER_LACKS_NOTHING;
}

static void count_failure(struct ladder *ladder, enum outcome outcome, uint64_t now)
{
	ladder->round_at = now + backoff_fail(&ladder->backoff, outcome, now);
}

static void begin_round(struct ladder *ladder)
{
	memset(ladder->tried, 0, sizeof(ladder->tried));
}

static void begin_round_now(struct ladder *ladder, uint64_t now)
{
	uint64_t floor = ladder->round_began + LADDER_ROUND_FLOOR_MS;

	begin_round(ladder);
	ladder->again = false;
	ladder->round_at = ladder->round_began != 0 && floor > now ? floor : now;
}

static void end_round(struct ladder *ladder, uint64_t now)
{
	enum outcome reason = OUTCOME_NONE;

	for (unsigned int i = 0; i < N_ORDER; i++) {
		if (ladder->tried[order[i]])
			reason = backoff_more_telling(reason, ladder->outcome[order[i]]);
	}
	ladder->reason = reason;
	ladder->state = outcome_get_class(reason) == OUTCOME_CLASS_TRUST ? LADDER_STATE_REFUSED
									 : LADDER_STATE_CONNECTING;
	count_failure(ladder, reason, now);
	if (ladder->again)
		begin_round_now(ladder, now);
	begin_round(ladder);
}

void ladder_init(struct ladder *ladder, uint32_t seed)
{
	*ladder = (struct ladder){.state = LADDER_STATE_NO_INTERFACE};
	backoff_init(&ladder->backoff, seed);
}

static bool facts_equal(const struct ladder_facts *a, const struct ladder_facts *b)
{
	return a->nic_present == b->nic_present && a->nic_up == b->nic_up &&
	       a->nic_carrier == b->nic_carrier && a->ready[LADDER_IPV4] == b->ready[LADDER_IPV4] &&
	       a->ready[LADDER_IPV6] == b->ready[LADDER_IPV6] && a->once == b->once &&
	       a->can_set_ipv4 == b->can_set_ipv4 && a->can_set_ipv6 == b->can_set_ipv6 &&
	       a->managed == b->managed && a->choosing == b->choosing;
}

void ladder_set_facts(struct ladder *ladder, const struct ladder_facts *facts, uint64_t now)
{
	bool reborn = facts->nic_present && !ladder->facts.nic_present;
	bool rearmed = facts->once != ladder->facts.once && facts->once != LADDER_ONCE_SPENT;

	if (facts_equal(&ladder->facts, facts))
		return;
	if (!facts->managed)
		ladder->managed_since = 0;
	if (reborn || rearmed)
		ladder->configured = ladder->configure_failed = false;
	ladder->facts = *facts;
	ladder->pending_since = 0;
	/* A kernel event: from the top at once; while connected over IPv6, IPv4 is probed at once.
	 */
	ladder->probe_at = now;
	ladder->probe_wait = LADDER_PROBE_MIN_MS;
	if (ladder->trying != LADDER_NONE)
		ladder->again = true;
	else
		begin_round_now(ladder, now);
}

static void connected(struct ladder *ladder, enum ladder_protocol protocol, uint64_t now)
{
	ladder->current = protocol;
	ladder->state = LADDER_STATE_CONNECTED;
	ladder->reason = OUTCOME_NONE;
	ladder->connected_at = now;
	ladder->enrolled = 0;
	ladder->probe_wait = LADDER_PROBE_MIN_MS;
	ladder->probe_at = now + backoff_shorten(&ladder->backoff, ladder->probe_wait);
	begin_round(ladder);
}

static void probe_failed(struct ladder *ladder, uint64_t now)
{
	ladder->probe_wait *= 2;
	if (ladder->probe_wait > LADDER_PROBE_MAX_MS)
		ladder->probe_wait = LADDER_PROBE_MAX_MS;
	ladder->probe_at = now + backoff_shorten(&ladder->backoff, ladder->probe_wait);
	begin_round(ladder);
}

void ladder_attempt_done(
	struct ladder *ladder, enum ladder_protocol protocol, enum outcome outcome, uint64_t now)
{
	ladder->trying = LADDER_NONE;
	if (ladder->state == LADDER_STATE_STOPPED)
		return;
	if (outcome == OUTCOME_ENROLLED && ladder->enrolled++ >= LADDER_ENROL_MAX) {
		outcome = OUTCOME_REFUSED;
		ladder->enrolled = 0;
	}
	ladder->outcome[protocol] = outcome;
	if (outcome == OUTCOME_CONNECTED) {
		connected(ladder, protocol, now);
	} else if (outcome == OUTCOME_ENROLLED) {
		ladder->tried[protocol] = false; /* the same protocol again, with the new trust */
		ladder->probe_at = now;
	} else if (ladder->current != LADDER_NONE) {
		probe_failed(ladder, now);
	} else {
		ladder->tried[protocol] = true;
	}
}

void ladder_lost(struct ladder *ladder, enum outcome outcome, uint64_t now)
{
	bool stable = now - ladder->connected_at >= LADDER_STABLE_MS;

	if (ladder->state == LADDER_STATE_STOPPED)
		return;
	ladder->current = LADDER_NONE;
	ladder->state = LADDER_STATE_CONNECTING;
	ladder->reason = outcome;
	begin_round_now(ladder, now);
	if (stable)
		backoff_reset(&ladder->backoff);
	else if (outcome != OUTCOME_ADDRESS_GONE)
		/* A BMC that accepts and then closes at once must not be hammered. */
		count_failure(ladder, outcome, now);
}

void ladder_restart(struct ladder *ladder, uint64_t now)
{
	if (ladder->state == LADDER_STATE_STOPPED)
		return;
	ladder->trying = ladder->current = LADDER_NONE;
	if (ladder->state == LADDER_STATE_CONNECTED || ladder->state == LADDER_STATE_REFUSED)
		ladder->state = LADDER_STATE_CONNECTING;
	ladder->reason = OUTCOME_NONE;
	ladder->configured = ladder->configure_failed = false;
	ladder->enrolled = 0;
	ladder->probe_at = now;
	backoff_reset(&ladder->backoff);
	begin_round_now(ladder, now);
}

void ladder_rearm(struct ladder *ladder, uint64_t now)
{
	ladder->configured = ladder->configure_failed = false;
	ladder->managed_since = 0;
	if (ladder->trying == LADDER_NONE)
		begin_round_now(ladder, now);
}

void ladder_stop(struct ladder *ladder)
{
	ladder->state = LADDER_STATE_STOPPED;
	ladder->current = ladder->trying = LADDER_NONE;
}

static struct ladder_action next_connected(struct ladder *ladder, uint64_t now)
{
	if (ladder->current == LADDER_IPV4 || !is_usable(ladder, LADDER_IPV4))
		return ladder_wait(ladder_get_retry(ladder));
	if (now < ladder->probe_at)
		return ladder_wait(ladder->probe_at);
	ladder->trying = LADDER_IPV4;
	return ladder_act(LADDER_TRY, LADDER_IPV4);
}

static bool lacks_carrier(const struct ladder *ladder)
{
	return ladder_get_missing(ladder, LADDER_IPV4) == LADDER_LACKS_CARRIER ||
	       ladder_get_missing(ladder, LADDER_IPV6) == LADDER_LACKS_CARRIER;
}

/* No protocol is left to try in this round, or none can be tried at all. */
static struct ladder_action next_idle(struct ladder *ladder, uint64_t now)
{
	bool tried = ladder->tried[LADDER_IPV4] || ladder->tried[LADDER_IPV6];
	bool pending = ladder_get_missing(ladder, LADDER_IPV6) == LADDER_LACKS_TENTATIVE;

	if (pending) {
		if (ladder->pending_since == 0)
			ladder->pending_since = now;
		if (now < ladder->pending_since + LADDER_PENDING_MS) {
			ladder->state = LADDER_STATE_CONNECTING;
			return ladder_wait(ladder->pending_since + LADDER_PENDING_MS);
		}
	}
	if (tried) {
		end_round(ladder, now);
		/* Something changed meanwhile, and long enough ago: the next round is now. */
		return now < ladder->round_at ? ladder_wait(ladder->round_at)
					      : ladder_next(ladder, now);
	}
	/* Without a carrier nothing is wrong on this side: the BMC is not there yet. */
	ladder->state = lacks_carrier(ladder) ? LADDER_STATE_CONNECTING : LADDER_STATE_INCOMPLETE;
	return ladder_wait(ladder_get_retry(ladder));
}

/* What was begun over a protocol that cannot be used any more is to be dropped: row 10. */
static bool next_close(struct ladder *ladder, uint64_t now, struct ladder_action *action)
{
	enum ladder_protocol trying = ladder->trying, current = ladder->current;

	if (trying != LADDER_NONE && !is_usable(ladder, trying)) {
		ladder_attempt_done(ladder, trying, OUTCOME_ADDRESS_GONE, now);
		*action = ladder_act(LADDER_CLOSE, trying);
		return true;
	}
	if (current != LADDER_NONE && !is_usable(ladder, current)) {
		ladder_lost(ladder, OUTCOME_ADDRESS_GONE, now);
		*action = ladder_act(LADDER_CLOSE, current);
		return true;
	}
	return false;
}

struct ladder_action ladder_next(struct ladder *ladder, uint64_t now)
{
	struct ladder_action action;

	if (ladder->state == LADDER_STATE_STOPPED)
		return ladder_wait(LADDER_NEVER);
	if (next_close(ladder, now, &action))
		return action;
	if (!ladder->facts.nic_present) {
		ladder->state = LADDER_STATE_NO_INTERFACE;
		return ladder_wait(LADDER_NEVER);
	}
	if (ladder->state == LADDER_STATE_NO_INTERFACE)
		ladder->state = LADDER_STATE_CONNECTING;
	if (ladder_next_once(ladder, now, &action))
		return action;
	if (ladder->trying != LADDER_NONE)
		return ladder_wait(LADDER_NEVER);
	if (ladder->current != LADDER_NONE)
		return next_connected(ladder, now);
	if (now < ladder->round_at)
		return ladder_wait(ladder->round_at);
	for (unsigned int i = 0; i < N_ORDER; i++) {
		enum ladder_protocol protocol = order[i];

		if (ladder->tried[protocol] || !is_usable(ladder, protocol))
			continue;
		if (ladder->state != LADDER_STATE_REFUSED)
			ladder->state = LADDER_STATE_CONNECTING;
		ladder->trying = protocol;
		ladder->round_began = now;
		return ladder_act(LADDER_TRY, protocol);
	}
	return next_idle(ladder, now);
}

enum ladder_state ladder_get_state(const struct ladder *ladder)
{
	return ladder->state;
}

enum ladder_protocol ladder_get_protocol(const struct ladder *ladder)
{
	return ladder->current;
}

enum outcome ladder_get_reason(const struct ladder *ladder)
{
	return ladder->reason;
}

enum ladder_missing ladder_get_missing(const struct ladder *ladder, enum ladder_protocol protocol)
{
	const struct ladder_facts *facts = &ladder->facts;

	if (!facts->nic_present)
		return LADDER_LACKS_NIC;
	if (facts->ready[protocol] == LADDER_DISABLED)
		return LADDER_LACKS_ENABLED;
	if (!facts->nic_up)
		return LADDER_LACKS_UP;
	if (facts->ready[protocol] == LADDER_MISSING)
		return LADDER_LACKS_ADDRESS;
	if (facts->ready[protocol] == LADDER_NO_PEER)
		return LADDER_LACKS_PEER;
	if (!facts->nic_carrier)
		return LADDER_LACKS_CARRIER;
	return facts->ready[protocol] == LADDER_PENDING ? LADDER_LACKS_TENTATIVE
							: LADDER_LACKS_NOTHING;
}

const char *ladder_state_name(enum ladder_state state)
{
	static const char *const names[] = {
		[LADDER_STATE_NO_INTERFACE] = "no-interface",
		[LADDER_STATE_INCOMPLETE] = "incomplete-configuration",
		[LADDER_STATE_CONNECTING] = "connecting",
		[LADDER_STATE_CONNECTED] = "connected",
		[LADDER_STATE_REFUSED] = "refused",
		[LADDER_STATE_STOPPED] = "stopped",
	};

	return names[state];
}

const char *ladder_protocol_name(enum ladder_protocol protocol)
{
	return protocol == LADDER_IPV4 ? "IPv4" : protocol == LADDER_IPV6 ? "IPv6" : "none";
}
