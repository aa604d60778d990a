/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/limiter.h"

static bool record(struct limiter *limiter, int64_t now_ms)
{
	limiter->last_record_ms = now_ms;
	limiter->unrecorded = 0;
	return true;
}

bool limiter_attempt(struct limiter *limiter, int64_t now_ms)
{
	/* What is held back belongs to the old row of attempts: calm only when all is told. */
	if (limiter->attempts && !limiter->unrecorded &&
		now_ms - limiter->last_attempt_ms >= LIMITER_CALM_MS)
		*limiter = (struct limiter){.first = limiter->first};
	limiter->attempts++;
	limiter->unrecorded++;
	limiter->last_attempt_ms = now_ms;
	if (limiter->attempts <= (limiter->first ? limiter->first : LIMITER_FIRST))
		return record(limiter, now_ms);
	return limiter_flush(limiter, now_ms);
}

bool limiter_flush(struct limiter *limiter, int64_t now_ms)
{
	if (limiter_wait_ms(limiter, now_ms) != 0)
		return false;
	return record(limiter, now_ms);
}

int64_t limiter_wait_ms(const struct limiter *limiter, int64_t now_ms)
{
	int64_t due = limiter->last_record_ms + LIMITER_EVERY_MS;

	if (!limiter->unrecorded)
		return -1;
	return due > now_ms ? due - now_ms : 0;
}

bool limiter_take_turn(struct limiter_turns *turns, int64_t now_ms)
{
	int64_t back = (now_ms - turns->since_ms) / LIMITER_EVERY_MS;

	if (back >= turns->spent) {
		turns->spent = 0;
		turns->since_ms = now_ms;
	} else {
		turns->spent -= (unsigned int)back;
		turns->since_ms += back * LIMITER_EVERY_MS;
	}
	if (turns->spent >= LIMITER_TURNS)
		return false;
	turns->spent++;
	return true;
}
