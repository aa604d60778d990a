/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait before the next round: it depends on where the last one failed. Pure;
 * milliseconds of one monotonic clock. Jitter only shortens (up to a tenth), so that a stated wait
 * is the longest there is.
 */
#ifndef BMCLINK_HOST_BACKOFF_H
#define BMCLINK_HOST_BACKOFF_H

#include <stdint.h>

#include "host/link/outcome.h"

#define BACKOFF_REFUSED_MS	1000   /* while the port is refused, */
#define BACKOFF_REFUSED_LONG_MS 5000   /* and after */
#define BACKOFF_REFUSED_FAST_MS 600000 /* this long */
#define BACKOFF_SILENT_MIN_MS	1000
#define BACKOFF_SILENT_MAX_MS	4000
#define BACKOFF_TRUST_MIN_MS	5000
#define BACKOFF_TRUST_MAX_MS	300000

struct backoff {
	enum outcome failing; /* what the last rounds failed with */
	uint64_t since;
	unsigned int rounds;
	uint32_t random;
};

/* seed: anything that differs between machines, so that a fleet does not knock in step. */
void backoff_init(struct backoff *backoff, uint32_t seed);
/* A round failed with this outcome: how long to wait, in ms. */
uint64_t backoff_fail(struct backoff *backoff, enum outcome outcome, uint64_t now);
void backoff_reset(struct backoff *backoff);
uint64_t backoff_shorten(struct backoff *backoff, uint64_t wait);
/* Which failure tells an administrator more? Trust before service before port before silence. */
enum outcome backoff_more_telling(enum outcome a, enum outcome b);

#endif
