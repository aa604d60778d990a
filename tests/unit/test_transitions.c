/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder's changes of state, all of them: a walk through whatever may happen, from fixed seeds,
 * makes each change that the table allows, and none that it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/util.h"
#include "host/link/ladder.h"
#include "transitions.h"

#define N_STATES (LADDER_STATE_STOPPED + 1)
#define WALKS	 2000
#define STEPS	 300

/* From the row to the column; the order is that of enum ladder_state. */
static const char *const allowed[N_STATES] = {
	[LADDER_STATE_NO_INTERFACE] =
		".xx..x",		      /* what can be tried is tried before anything else */
	[LADDER_STATE_INCOMPLETE] = "x.x..x", /* connected only by way of an attempt */
	[LADDER_STATE_CONNECTING] = "xx.xxx",
	[LADDER_STATE_CONNECTED] = "..x..x", /* a loss is a state of its own */
	[LADDER_STATE_REFUSED] = "xxxx.x",
	[LADDER_STATE_STOPPED] = "......", /* for good */
};

struct walk {
	struct ladder ladder;
	struct ladder_facts facts;
	uint64_t now;
	struct transitions transitions;
};

static uint32_t draw(struct walk *walk, uint32_t below)
{
	return transitions_draw(&walk->transitions, below);
}

/* After each call: the owner looks at the state then. */
static void note(struct walk *walk)
{
	transitions_note(&walk->transitions, ladder_get_state(&walk->ladder));
}

static void change_facts(struct walk *walk)
{
	struct ladder_facts *facts = &walk->facts;

	facts->nic_present = draw(walk, 12) != 0;
	facts->nic_up = draw(walk, 8) != 0;
	facts->nic_carrier = draw(walk, 8) != 0;
	facts->ready[LADDER_IPV4] = (enum ladder_ready)draw(walk, LADDER_COMPLETE + 1);
	facts->ready[LADDER_IPV6] = (enum ladder_ready)draw(walk, LADDER_COMPLETE + 1);
	facts->once = (enum ladder_once)draw(walk, LADDER_ONCE_SPENT + 1);
	facts->can_set_ipv4 = draw(walk, 2);
	facts->can_set_ipv6 = draw(walk, 2);
	facts->managed = draw(walk, 8) == 0;
	facts->choosing = draw(walk, 8) == 0;
	ladder_set_facts(&walk->ladder, facts, walk->now);
	note(walk);
}

static void finish_attempt(struct walk *walk)
{
	enum outcome outcome = draw(walk, 3) == 0
				       ? OUTCOME_CONNECTED
				       : (enum outcome)(1 + draw(walk, OUTCOME_COUNT - 1));

	if (walk->ladder.trying != LADDER_NONE) {
		ladder_attempt_done(&walk->ladder, walk->ladder.trying, outcome, walk->now);
		note(walk);
	}
}

/* One of what the owner may report; and what nobody promised to leave out. */
static void happen(struct walk *walk)
{
	switch (draw(walk, 16)) {
	case 0:
		ladder_restart(&walk->ladder, walk->now);
		break;
	case 1:
		ladder_rearm(&walk->ladder, walk->now);
		break;
	case 2:
		if (ladder_get_protocol(&walk->ladder) != LADDER_NONE)
			ladder_lost(&walk->ladder, OUTCOME_CLOSED, walk->now);
		break;
	case 3:
		if (draw(walk, 20) == 0)
			ladder_stop(&walk->ladder);
		break;
	case 4:
	case 5:
	case 6:
		change_facts(walk);
		break;
	default:
		finish_attempt(walk);
	}
	note(walk);
}

static void act(struct walk *walk)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct ladder_action action = ladder_next(&walk->ladder, walk->now);

		note(walk);
		if (action.type == LADDER_WAIT) {
			if (action.until != LADDER_NEVER && draw(walk, 2))
				walk->now = action.until;
			return;
		}
		if (action.type == LADDER_TRY && draw(walk, 2))
			finish_attempt(walk);
		if (action.type == LADDER_CONFIGURE || action.type == LADDER_SPEND) {
			ladder_configured(&walk->ladder, draw(walk, 3) ? 0 : -12, walk->now);
			note(walk);
		}
	}
}

static void take_walk(struct walk *walk)
{
	ladder_init(&walk->ladder, walk->transitions.random);
	walk->transitions.before = ladder_get_state(&walk->ladder);
	walk->now = 1000;
	for (unsigned int step = 0; step < STEPS; step++) {
		walk->now += draw(walk, 2000);
		happen(walk);
		act(walk);
	}
}

static void every_change_of_state_and_no_other(void **state)
{
	static struct walk walk = {.transitions = {.random = 20261123}};
	const char *names[N_STATES];

	for (unsigned int i = 0; i < N_STATES; i++)
		names[i] = ladder_state_name((enum ladder_state)i);
	for (unsigned int i = 0; i < WALKS; i++)
		take_walk(&walk);
	transitions_judge(&walk.transitions, N_STATES, allowed, names);
}

/* A result that comes when the ladder has stopped changes nothing. */
static void late_results_of_a_stopped_ladder(void **state)
{
	struct ladder ladder;

	ladder_init(&ladder, 1);
	ladder_stop(&ladder);
	ladder_attempt_done(&ladder, LADDER_IPV4, OUTCOME_CONNECTED, 5);
	ladder_lost(&ladder, OUTCOME_CLOSED, 6);
	ladder_restart(&ladder, 7);
	assert_int_equal(ladder_get_state(&ladder), LADDER_STATE_STOPPED);
	assert_int_equal(ladder_get_protocol(&ladder), LADDER_NONE);
	assert_int_equal(ladder_next(&ladder, 8).type, LADDER_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_of_state_and_no_other),
		cmocka_unit_test(late_results_of_a_stopped_ladder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
