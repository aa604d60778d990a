/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/backoff.h"

static unsigned int telling(enum outcome outcome)
{
	if (outcome_get_class(outcome) == OUTCOME_CLASS_TRUST)
		return 5;
	switch (outcome) {
	case OUTCOME_NONE:
	case OUTCOME_CONNECTED:
	case OUTCOME_ENROLLED:
		return 0;
	case OUTCOME_LOCAL:
	case OUTCOME_UNREACHABLE:
		return 1;
	case OUTCOME_NO_ANSWER:
		return 2;
	case OUTCOME_PORT_REFUSED:
		return 3;
	default:
		return 4;
	}
}

enum outcome backoff_more_telling(enum outcome a, enum outcome b)
{
	return telling(b) > telling(a) ? b : a;
}

uint64_t backoff_shorten(struct backoff *backoff, uint64_t wait)
{
	/* xorshift32: any even spread will do here, it is not a secret. */
	backoff->random ^= backoff->random << 13;
	backoff->random ^= backoff->random >> 17;
	backoff->random ^= backoff->random << 5;
	return wait - wait * (backoff->random % 100) / 1000;
}

static uint64_t doubled(uint64_t minimum, uint64_t maximum, unsigned int times)
{
	uint64_t wait = minimum;

	while (times-- > 0 && wait < maximum)
		wait *= 2;
	return wait < maximum ? wait : maximum;
}

static uint64_t get_wait(const struct backoff *backoff, uint64_t now)
{
	if (outcome_get_class(backoff->failing) == OUTCOME_CLASS_TRUST)
		return doubled(BACKOFF_TRUST_MIN_MS, BACKOFF_TRUST_MAX_MS, backoff->rounds);
	if (backoff->failing == OUTCOME_PORT_REFUSED)
		return now - backoff->since < BACKOFF_REFUSED_FAST_MS ? BACKOFF_REFUSED_MS
								      : BACKOFF_REFUSED_LONG_MS;
	return doubled(BACKOFF_SILENT_MIN_MS, BACKOFF_SILENT_MAX_MS, backoff->rounds);
}

void backoff_init(struct backoff *backoff, uint32_t seed)
{
	*backoff = (struct backoff){.random = seed != 0 ? seed : 1};
}

uint64_t backoff_fail(struct backoff *backoff, enum outcome outcome, uint64_t now)
{
	uint64_t wait;

	if (backoff->failing != outcome) {
		backoff->failing = outcome;
		backoff->since = now;
		backoff->rounds = 0;
	}
	wait = backoff_shorten(backoff, get_wait(backoff, now));
	backoff->rounds++;
	return wait;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failing = OUTCOME_NONE;
	backoff->rounds = 0;
}
