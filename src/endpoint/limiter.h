/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often the other end may write into the Lifecycle log and to the disk. What is refused: each
 * attempt counts; the first ones are recorded each, then one record a minute that carries the
 * count. What is done: so many turns at once, then one a minute. Pure: the caller brings the time
 * (milliseconds of a clock that never goes back) and arms a timer where it is told to.
 */
#ifndef BMCLINK_ENDPOINT_LIMITER_H
#define BMCLINK_ENDPOINT_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITER_FIRST	 3	/* attempts with a record each */
#define LIMITER_EVERY_MS 60000	/* then one record in this time */
#define LIMITER_CALM_MS	 600000 /* without an attempt: start over */

struct limiter {
	unsigned int first;  /* instead of LIMITER_FIRST; 0: that */
	uint64_t attempts;   /* since the last calm */
	uint64_t unrecorded; /* of these, not yet told by a record */
	int64_t last_attempt_ms, last_record_ms;
};

/*
 * One attempt. True: record it now, limiter->attempts is its number. False: it is held back, and
 * the caller shall ask limiter_flush() after limiter_wait_ms().
 */
bool limiter_attempt(struct limiter *limiter, int64_t now_ms);

/* True: attempts were held back and their record is due now; limiter->attempts is the count. */
bool limiter_flush(struct limiter *limiter, int64_t now_ms);

/* Milliseconds until limiter_flush() can be true; -1: nothing is held back. */
int64_t limiter_wait_ms(const struct limiter *limiter, int64_t now_ms);

#define LIMITER_TURNS 30 /* at once; one comes back each LIMITER_EVERY_MS */

struct limiter_turns {
	unsigned int spent;
	int64_t since_ms; /* the next one comes back so long after this */
};

/* True: it is done, and has cost a turn. */
bool limiter_take_turn(struct limiter_turns *turns, int64_t now_ms);

#endif
