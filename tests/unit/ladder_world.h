/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder in virtual time, for the tests of it. */
#ifndef BMCLINK_TESTS_LADDER_WORLD_H
#define BMCLINK_TESTS_LADDER_WORLD_H

#include "host/link/ladder.h"

/* A host, a NIC and a BMC as the ladder sees them: what an attempt ends with and how long it takes.
 */
struct world {
	struct ladder ladder;
	struct ladder_facts facts;
	enum outcome answer[LADDER_PROTOCOLS];
	uint64_t takes[LADDER_PROTOCOLS];
	uint64_t now, done_at;
	enum ladder_protocol trying;
	unsigned int tries[LADDER_PROTOCOLS], configured, spent, closed;
	uint64_t tried_at[64];
	unsigned int n_tried;
	enum ladder_protocol first;
	bool address_fails; /* configure is done, yet no address shows up */
};

/* A healthy machine: bare NIC, one-time act armed, both protocols allowed, the BMC answers over
 * both. */
void world_setup(struct world *w);
/* The same with IPv4 alone, over which each attempt ends so, at once. */
void world_setup_refusing(struct world *w, enum outcome answer);
/* To be called when facts have been changed. */
void world_set_facts(struct world *w);
/* Take actions up to (and at) the time end; the ladder may never spin. */
void world_run_to(struct world *w, uint64_t end);
void world_run(struct world *w, uint64_t ms); /* so much longer */
void world_lose(struct world *w, enum outcome outcome);
void world_expect(const struct world *w, enum ladder_state state, enum ladder_protocol protocol);

#endif
