/* SPDX-License-Identifier: Apache-2.0 */
/* A walk through all that may happen against the table of what may: by fixed seeds. */
#ifndef BMCLINK_TEST_TRANSITIONS_H
#define BMCLINK_TEST_TRANSITIONS_H

#include <stdint.h>

#define TRANSITIONS_MAX 8 /* states */

struct transitions {
	uint32_t random;
	unsigned int before;
	unsigned int seen[TRANSITIONS_MAX][TRANSITIONS_MAX];
};

uint32_t transitions_draw(struct transitions *transitions, uint32_t below);
/* The state after a call of the core. */
void transitions_note(struct transitions *transitions, unsigned int now);
/* Each change that the table allows ('x') was made, and no other one. allowed: a row of n for each
 * state, in the order of names. */
void transitions_judge(const struct transitions *transitions, unsigned int n,
	const char *const *allowed, const char *const *names);

#endif
