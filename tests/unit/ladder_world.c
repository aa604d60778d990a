/* SPDX-License-Identifier: Apache-2.0 */
#include "ladder_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void world_set_facts(struct world *w)
{
	ladder_set_facts(&w->ladder, &w->facts, w->now);
}

void world_setup(struct world *w)
{
	*w = (struct world){
		.now = 1000,
		.facts = {.nic_present = true,
			  .nic_up = true,
			  .nic_carrier = true,
			  .ready = {LADDER_DISABLED, LADDER_MISSING, LADDER_COMPLETE},
			  .once = LADDER_ONCE_ARMED,
			  .can_set_ipv4 = true},
		.answer = {OUTCOME_NONE, OUTCOME_CONNECTED,		    OUTCOME_CONNECTED				     },
		.takes = {0,	     3,3}
	  };
	ladder_init(&w->ladder, 4711);
	world_set_facts(w);
}

void world_setup_refusing(struct world *w, enum outcome answer)
{
	world_setup(w);
	w->facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w->answer[LADDER_IPV4] = answer;
	w->takes[LADDER_IPV4] = 0;
	world_set_facts(w);
}

static void configure(struct world *w)
{
	w->configured++;
	w->facts.once = LADDER_ONCE_SPENT;
	ladder_configured(&w->ladder, 0, w->now);
	world_set_facts(w); /* the profile is read again at once, the address is noticed later */
	if (!w->address_fails) {
		w->facts.nic_up = true;
		if (w->facts.can_set_ipv4 && w->facts.ready[LADDER_IPV4] == LADDER_MISSING)
			w->facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
		if (w->facts.can_set_ipv6 && w->facts.ready[LADDER_IPV6] == LADDER_MISSING)
			w->facts.ready[LADDER_IPV6] = LADDER_COMPLETE;
		world_set_facts(w);
	}
}

static void begin_try(struct world *w, enum ladder_protocol protocol)
{
	assert_int_equal(w->trying, LADDER_NONE); /* never two at a time */
	assert_int_equal(ladder_get_missing(&w->ladder, protocol), LADDER_LACKS_NOTHING);
	if (w->first == LADDER_NONE)
		w->first = protocol;
	w->trying = protocol;
	w->done_at = w->now + w->takes[protocol];
	w->tries[protocol]++;
	if (w->n_tried < 64)
		w->tried_at[w->n_tried++] = w->now;
}

void world_run_to(struct world *w, uint64_t end)
{
	unsigned int steps = 0;

	for (;;) {
		struct ladder_action action = ladder_next(&w->ladder, w->now);
		uint64_t next;

		assert_true(++steps < 20000);
		switch (action.type) {
		case LADDER_CONFIGURE:
			configure(w);
			continue;
		case LADDER_SPEND:
			w->spent++;
			w->facts.once = LADDER_ONCE_SPENT;
			ladder_configured(&w->ladder, 0, w->now);
			world_set_facts(w);
			continue;
		case LADDER_TRY:
			begin_try(w, action.protocol);
			continue;
		case LADDER_CLOSE:
			w->closed++;
			if (w->trying == action.protocol)
				w->trying = LADDER_NONE;
			continue;
		case LADDER_WAIT:
			break;
		}
		next = action.until;
		if (w->trying != LADDER_NONE && w->done_at < next)
			next = w->done_at;
		if (next > end) {
			w->now = end;
			return;
		}
		assert_true(next > w->now || w->trying != LADDER_NONE);
		w->now = next > w->now ? next : w->now;
		if (w->trying != LADDER_NONE && w->now >= w->done_at) {
			enum ladder_protocol protocol = w->trying;

			w->trying = LADDER_NONE;
			ladder_attempt_done(&w->ladder, protocol, w->answer[protocol], w->now);
		}
	}
}

void world_run(struct world *w, uint64_t ms)
{
	world_run_to(w, w->now + ms);
}

void world_lose(struct world *w, enum outcome outcome)
{
	ladder_lost(&w->ladder, outcome, w->now);
}

void world_expect(const struct world *w, enum ladder_state state, enum ladder_protocol protocol)
{
	assert_string_equal(
		ladder_state_name(ladder_get_state(&w->ladder)), ladder_state_name(state));
	assert_int_equal(ladder_get_protocol(&w->ladder), protocol);
}
