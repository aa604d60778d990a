/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder in virtual time: rows 1 to 11 of docs/architecture.md, the mandate's S1 to S12 by
 * name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

static void set_facts(struct world *w)
{
	ladder_set_facts(&w->ladder, &w->facts, w->now);
}

/* A healthy machine: bare NIC, one-time act armed, both protocols allowed, the BMC answers over
 * both. */
static void setup(struct world *w)
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
	set_facts(w);
}

static void configure(struct world *w)
{
	w->configured++;
	w->facts.once = LADDER_ONCE_SPENT;
	ladder_configured(&w->ladder, 0, w->now);
	set_facts(w); /* the profile is read again at once, the address is noticed later */
	if (!w->address_fails) {
		w->facts.nic_up = true;
		if (w->facts.can_set_ipv4 && w->facts.ready[LADDER_IPV4] == LADDER_MISSING)
			w->facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
		if (w->facts.can_set_ipv6 && w->facts.ready[LADDER_IPV6] == LADDER_MISSING)
			w->facts.ready[LADDER_IPV6] = LADDER_COMPLETE;
		set_facts(w);
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

/* Take actions up to (and at) the time end; the ladder may never spin. */
static void run_to(struct world *w, uint64_t end)
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
			set_facts(w);
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

static void run(struct world *w, uint64_t ms)
{
	run_to(w, w->now + ms);
}

static void lose(struct world *w, enum outcome outcome)
{
	ladder_lost(&w->ladder, outcome, w->now);
}

static void expect(const struct world *w, enum ladder_state state, enum ladder_protocol protocol)
{
	assert_string_equal(
		ladder_state_name(ladder_get_state(&w->ladder)), ladder_state_name(state));
	assert_int_equal(ladder_get_protocol(&w->ladder), protocol);
}

static void s02_ipv4_is_tried_first(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	set_facts(&w);
	run(&w, 100);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.first, LADDER_IPV4);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
	assert_int_equal(w.configured, 0);
	assert_int_equal(w.spent, 1); /* the NIC was complete: the act is spent all the same */
}

static void s03_bare_nic_is_configured(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 100);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.configured, 1);
}

static void s03_nic_that_is_down_is_brought_up(void **state)
{
	struct world w;

	setup(&w);
	w.facts.nic_up = w.facts.nic_carrier = false;
	set_facts(&w);
	run(&w, 10);
	assert_int_equal(w.configured, 1);
	expect(&w, LADDER_STATE_CONNECTING, LADDER_NONE); /* no carrier yet: nothing is wrong */
	assert_int_equal(w.n_tried, 0);
	w.facts.nic_carrier = true;
	set_facts(&w);
	run(&w, LADDER_ROUND_FLOOR_MS);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s04_configured_only_once(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 100);
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING; /* an administrator removed it */
	set_facts(&w);
	run(&w, 3600 * 1000);
	assert_int_equal(w.configured, 1);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
}

static void s05_incomplete_stays_disconnected_and_connects_when_completed(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	run(&w, 100);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING;
	set_facts(&w);
	w.n_tried = 0;
	run(&w, 24 * 3600 * 1000);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.closed, 1);
	assert_int_equal(w.n_tried, 0);
	assert_int_equal(w.configured, 1);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV4), LADDER_LACKS_ADDRESS);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV6), LADDER_LACKS_ENABLED);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	set_facts(&w);
	run(&w, 10);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s06_ipv4_failed_for_whatever_reason_then_ipv6(void **state)
{
	for (int o = OUTCOME_PORT_REFUSED; o < OUTCOME_COUNT; o++) {
		struct world w;

		setup(&w);
		w.answer[LADDER_IPV4] = (enum outcome)o;
		w.takes[LADDER_IPV4] = 700;
		run(&w, 900);
		expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
		assert_int_equal(w.first, LADDER_IPV4);
		assert_int_equal(w.tries[LADDER_IPV4], 1);
		assert_int_equal(w.tries[LADDER_IPV6], 1);
	}
}

static void s06_ipv6_once_a_round_and_the_more_telling_reason(void **state)
{
	struct world w;

	setup(&w);
	w.answer[LADDER_IPV4] = OUTCOME_IDENTITY_CHANGED;
	w.answer[LADDER_IPV6] = OUTCOME_NO_ANSWER;
	run(&w, 1000);
	expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
	assert_int_equal(ladder_get_reason(&w.ladder), OUTCOME_IDENTITY_CHANGED);
	assert_int_equal(w.tries[LADDER_IPV4], 1);
	assert_int_equal(w.tries[LADDER_IPV6], 1);

	setup(&w);
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.answer[LADDER_IPV6] = OUTCOME_OWN_EXPIRED;
	run(&w, 1000);
	expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
	assert_int_equal(ladder_get_reason(&w.ladder), OUTCOME_OWN_EXPIRED);
}

static void s08_without_ipv6_stack_ipv4_again_and_again(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	set_facts(&w);
	run(&w, 60 * 1000);
	assert_in_range(w.tries[LADDER_IPV4], 12, 20);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	run(&w, 5000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s09_disabled_is_never_tried(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	set_facts(&w);
	run(&w, 3600 * 1000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	lose(&w, OUTCOME_CLOSED);
	w.answer[LADDER_IPV6] = OUTCOME_NO_ANSWER;
	run(&w, 3600 * 1000);
	assert_int_equal(w.tries[LADDER_IPV4], 0);
	assert_int_equal(w.configured, 0);
}

static void s09_both_disabled(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV4] = w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	run(&w, 3600 * 1000);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.n_tried, 0);
	assert_int_equal(w.configured, 0);
}

static void s09_disabled_while_connected(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 100);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	set_facts(&w);
	run(&w, 200);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.closed, 1);
}

static void s10_bmc_without_ipv6(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_NO_PEER;
	w.answer[LADDER_IPV4] = OUTCOME_PORT_REFUSED;
	set_facts(&w);
	run(&w, 10000);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	run(&w, 1100);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s12_only_ipv6_address_at_installation(void **state)
{
	struct world w;

	setup(&w); /* IPv6 is complete, IPv4 is not, the act is armed: as installed on such a NIC */
	w.answer[LADDER_IPV6] = OUTCOME_CONNECTED;
	run(&w, 100);
	assert_int_equal(w.first, LADDER_IPV4);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
}

static void row8_spent_and_one_incomplete_uses_the_other(void **state)
{
	struct world w;

	setup(&w);
	w.facts.once = LADDER_ONCE_SPENT;
	set_facts(&w);
	run(&w, 100);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.tries[LADDER_IPV4], 0);
	assert_int_equal(w.configured, 0);
}

static void row8_configure_never(void **state)
{
	struct world w;

	setup(&w);
	w.facts.once = LADDER_ONCE_NEVER;
	w.facts.ready[LADDER_IPV6] = LADDER_MISSING;
	set_facts(&w);
	run(&w, 100000);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.configured + w.spent, 0);
}

static void row8_down_after_spent_is_said(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 10000);
	w.facts.nic_up = w.facts.nic_carrier = false;
	set_facts(&w);
	run(&w, 100000);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV4), LADDER_LACKS_UP);
	assert_int_equal(w.configured, 1);
}

static void row8_set_but_no_address_shows_up(void **state)
{
	struct world w;

	setup(&w);
	w.address_fails = true;
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	run(&w, 60 * 1000);
	assert_int_equal(w.configured, 1);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
}

static void row9_reconfigure_arms_again(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 100);
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING;
	set_facts(&w);
	run(&w, 1000);
	w.facts.once = LADDER_ONCE_ARMED;
	set_facts(&w);
	run(&w, 1000);
	assert_int_equal(w.configured, 2);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4); /* and back from IPv6 at once */
}

static void row9_birth_applies_again_but_removal_does_not(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	run(&w, 100);
	for (unsigned int birth = 2; birth < 5; birth++) { /* re-plugged */
		w.facts.nic_present = false;
		set_facts(&w);
		run(&w, 500);
		expect(&w, LADDER_STATE_NO_INTERFACE, LADDER_NONE);
		w.facts.nic_present = true;
		w.facts.ready[LADDER_IPV4] = LADDER_MISSING;
		w.facts.once = LADDER_ONCE_REAPPLY;
		set_facts(&w);
		run(&w, 500);
		assert_int_equal(w.configured, birth);
		expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	}
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING; /* removed from the living NIC */
	set_facts(&w);
	run(&w, 3600 * 1000);
	assert_int_equal(w.configured, 4);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
}

static void row9_birth_with_address_already_there_is_marked(void **state)
{
	struct world w;

	setup(&w);
	w.facts.once = LADDER_ONCE_REAPPLY;
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	set_facts(&w);
	run(&w, 100);
	assert_int_equal(w.spent, 1);
	assert_int_equal(w.configured, 0);
}

static void row10_refused_port_each_second_then_five(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_PORT_REFUSED;
	w.takes[LADDER_IPV4] = 0;
	set_facts(&w);
	run(&w, 20 * 1000);
	for (unsigned int i = 1; i < w.n_tried; i++)
		assert_in_range(w.tried_at[i] - w.tried_at[i - 1], 900, 1000);
	run(&w, 600 * 1000);
	w.n_tried = 0;
	run(&w, 60 * 1000);
	for (unsigned int i = 1; i < w.n_tried; i++)
		assert_in_range(w.tried_at[i] - w.tried_at[i - 1], 4500, 5000);
	assert_in_range(w.n_tried, 12, 14);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	run(&w, 5000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row10_trust_refusal_doubles_to_five_minutes(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_NOT_KNOWN;
	w.takes[LADDER_IPV4] = 0;
	set_facts(&w);
	run(&w, 2 * 3600 * 1000);
	expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
	assert_in_range(w.tried_at[1] - w.tried_at[0], 4500, 5000);
	assert_in_range(w.tried_at[2] - w.tried_at[1], 9000, 10000);
	assert_in_range(w.tried_at[20] - w.tried_at[19], 270000, 300000);
	ladder_restart(&w.ladder, w.now); /* trust reset */
	w.answer[LADDER_IPV4] = OUTCOME_ENROLLED;
	w.takes[LADDER_IPV4] = 5;
	run(&w, 5);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	run(&w, 10);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row10_kernel_event_ends_a_long_wait(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_NOT_KNOWN;
	set_facts(&w);
	run(&w, 3600 * 1000);
	w.n_tried = 0;
	w.facts.nic_carrier = false;
	set_facts(&w);
	run(&w, 10);
	w.facts.nic_carrier = true;
	set_facts(&w);
	run(&w, 10);
	assert_int_equal(w.n_tried, 1);
}

static void row10_flapping_does_not_hammer(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_PORT_REFUSED;
	w.takes[LADDER_IPV4] = 0;
	set_facts(&w);
	run(&w, 100);
	w.tries[LADDER_IPV4] = 0;
	for (unsigned int i = 0; i < 2000; i++) { /* one change a millisecond */
		w.facts.nic_carrier = i % 2;
		set_facts(&w);
		run(&w, 1);
	}
	assert_in_range(w.tries[LADDER_IPV4], 10, 2000 / LADDER_ROUND_FLOOR_MS + 1);
}

static void row10_accept_and_close_is_not_hammered(void **state)
{
	struct world w;
	unsigned int losses = 0;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	while (w.now < 61000) {
		run(&w, 50);
		if (ladder_get_protocol(&w.ladder) != LADDER_NONE) {
			lose(&w, OUTCOME_CLOSED);
			losses++;
		}
	}
	assert_in_range(losses, 14, 22);
}

static void row10_loss_is_retried_at_once_from_the_top(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 60 * 1000);
	w.n_tried = 0;
	lose(&w, OUTCOME_CLOSED);
	run(&w, 10);
	assert_int_equal(w.n_tried, 1);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row10_nic_gone_while_trying(void **state)
{
	struct world w;

	setup(&w);
	w.takes[LADDER_IPV4] = 700;
	run(&w, 300);
	assert_int_equal(w.trying, LADDER_IPV4);
	w.facts.nic_present = false;
	set_facts(&w);
	run(&w, 0);
	assert_int_equal(w.trying, LADDER_NONE);
	assert_int_equal(w.closed, 1);
	expect(&w, LADDER_STATE_NO_INTERFACE, LADDER_NONE);
}

static void row11_connected_over_ipv6_probes_and_moves(void **state)
{
	struct world w;

	setup(&w);
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	run(&w, 2000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	w.n_tried = 0;
	run(&w, 3600 * 1000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6); /* a failed probe breaks nothing */
	assert_int_equal(w.closed, 0);
	assert_int_equal(w.tries[LADDER_IPV6], 1);
	assert_in_range(w.tried_at[1] - w.tried_at[0], 9000, 10700);
	assert_in_range(w.n_tried, 14, 20); /* 5 s doubling to 5 min */
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	run(&w, LADDER_PROBE_MAX_MS);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row11_kernel_event_probes_at_once(void **state)
{
	struct world w;

	setup(&w);
	w.facts.once = LADDER_ONCE_SPENT;
	set_facts(&w);
	run(&w, 60 * 1000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.tries[LADDER_IPV4], 0);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE; /* an administrator completed it */
	set_facts(&w);
	run(&w, 10);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row11_not_back_without_need(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 24 * 3600 * 1000);
	assert_int_equal(w.tries[LADDER_IPV4], 1); /* connected over IPv4: nothing is ever probed */
	assert_int_equal(w.tries[LADDER_IPV6], 0);
}

static void managed_nic_is_left_to_its_manager(void **state)
{
	struct world w;

	setup(&w);
	w.facts.managed = true;
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	run(&w, LADDER_MANAGED_MS - 100);
	assert_int_equal(w.spent, 0);
	run(&w, 1000);
	assert_int_equal(w.configured, 0);
	assert_int_equal(w.spent, 1);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	set_facts(&w);
	run(&w, 10);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void tentative_address_is_waited_for(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	w.facts.ready[LADDER_IPV6] = LADDER_PENDING;
	set_facts(&w);
	run(&w, 60);
	expect(&w, LADDER_STATE_CONNECTING, LADDER_NONE);
	assert_int_equal(w.n_tried, 0);
	w.facts.ready[LADDER_IPV6] = LADDER_COMPLETE;
	set_facts(&w);
	run(&w, 10);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
}

static void tentative_for_ever_is_said(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	w.facts.ready[LADDER_IPV6] = LADDER_PENDING;
	set_facts(&w);
	run(&w, LADDER_PENDING_MS + 100);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV6), LADDER_LACKS_TENTATIVE);
}

static void ipv6_ready_during_the_ipv4_attempt_is_used_in_that_round(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_PENDING;
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	set_facts(&w);
	run(&w, 100);
	w.facts.ready[LADDER_IPV6] = LADDER_COMPLETE;
	set_facts(&w);
	run(&w, 650);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.tries[LADDER_IPV4], 1);
}

/* While the BMC's address is being found out nothing is configured, and what stands goes on. */
static void choosing_holds_the_act_and_nothing_else(void **state)
{
	struct world w;

	setup(&w);
	w.facts.choosing = true;
	set_facts(&w);
	run(&w, 500);
	expect(&w, LADDER_STATE_CONNECTING, LADDER_NONE);
	assert_int_equal(w.configured + w.n_tried, 0);
	w.facts.choosing = false;
	set_facts(&w);
	run(&w, 500);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	w.facts.once = LADDER_ONCE_ARMED;
	w.facts.choosing = true;
	ladder_rearm(&w.ladder, w.now);
	set_facts(&w);
	run(&w, 500);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.configured + w.spent, 1);
	w.facts.nic_carrier = false; /* what is lost is lost also then */
	set_facts(&w);
	run(&w, 500);
	assert_int_equal(ladder_get_protocol(&w.ladder), LADDER_NONE);
}

/* Refused once (its address was in use); an administrator mended that, and asks again. */
static void row9_reconfigure_after_a_failed_act(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	assert_int_equal(ladder_next(&w.ladder, w.now).type, LADDER_CONFIGURE);
	ladder_configured(&w.ladder, -EADDRINUSE, w.now);
	run(&w, LADDER_RETRY_MIN_MS - 1);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	ladder_rearm(&w.ladder, w.now);
	run(&w, 5000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

/* It is not spent: who mends the cause need not know of us. */
static void failed_act_is_tried_again(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	for (uint64_t wait = LADDER_RETRY_MIN_MS; wait < 2 * LADDER_RETRY_MAX_MS; wait *= 2) {
		uint64_t at = w.now,
			 bounded = wait < LADDER_RETRY_MAX_MS ? wait : LADDER_RETRY_MAX_MS;
		struct ladder_action action = ladder_next(&w.ladder, w.now);

		assert_int_equal(action.type, LADDER_CONFIGURE);
		ladder_configured(&w.ladder, -ENOMEM, w.now);
		action = ladder_next(&w.ladder, w.now);
		assert_int_equal(action.type, LADDER_WAIT);
		assert_int_equal(action.until, at + bounded);
		assert_int_equal(ladder_get_state(&w.ladder), LADDER_STATE_INCOMPLETE);
		w.now = action.until;
	}
	run(&w, 100);
	assert_int_equal(w.configured, 1);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void failed_act_is_tried_again_beside_ipv6(void **state)
{
	struct world w;

	setup(&w);
	assert_int_equal(ladder_next(&w.ladder, w.now).type, LADDER_CONFIGURE);
	ladder_configured(&w.ladder, -ENOMEM, w.now);
	run(&w, LADDER_RETRY_MIN_MS - 1);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	run(&w, 10000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.configured, 1);
}

static void refused_act_is_not_tried_again(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	set_facts(&w);
	assert_int_equal(ladder_next(&w.ladder, w.now).type, LADDER_CONFIGURE);
	ladder_configured(&w.ladder, -EPERM, w.now);
	run(&w, 24 * 3600 * 1000);
	expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.configured, 0);
}

static void restart_while_trying_tries_again(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	set_facts(&w);
	run(&w, 100);
	assert_int_equal(w.trying, LADDER_IPV4);
	w.trying = LADDER_NONE; /* the owner drops it, and nothing of it is reported */
	ladder_restart(&w.ladder, w.now);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	run(&w, 1000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	ladder_restart(&w.ladder, w.now);
	expect(&w, LADDER_STATE_CONNECTING, LADDER_NONE);
	run(&w, 1000);
	expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void enrolment_that_never_ends_is_a_refusal(void **state)
{
	struct world w;

	setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_ENROLLED;
	set_facts(&w);
	run(&w, 1000);
	assert_int_equal(w.tries[LADDER_IPV4], LADDER_ENROL_MAX + 1);
	expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
}

static void stopped_does_nothing(void **state)
{
	struct world w;

	setup(&w);
	run(&w, 100);
	ladder_stop(&w.ladder);
	w.facts.nic_carrier = false;
	set_facts(&w);
	ladder_restart(&w.ladder, w.now);
	ladder_lost(&w.ladder, OUTCOME_CLOSED, w.now);
	w.n_tried = 0;
	run(&w, 3600 * 1000);
	expect(&w, LADDER_STATE_STOPPED, LADDER_NONE);
	assert_int_equal(w.n_tried, 0);
}

/* Any order of facts and results: what must hold always, in a million random steps from fixed
 * seeds. */
static void random_walk_keeps_the_invariants(void **state)
{
	uint32_t random = 20261122;

	for (unsigned int walk = 0; walk < 200; walk++) {
		struct world w;

		setup(&w);
		for (unsigned int step = 0; step < 500; step++) {
			uint32_t r = random = random * 1664525 + 1013904223;

			r >>= 8;
			w.facts.nic_present = r % 16 != 0;
			w.facts.nic_up = r / 16 % 8 != 0;
			w.facts.nic_carrier = r / 128 % 8 != 0;
			w.facts.ready[LADDER_IPV4] = (enum ladder_ready)(r / 1024 % 5);
			w.facts.ready[LADDER_IPV6] = (enum ladder_ready)(r / 5120 % 5);
			w.answer[LADDER_IPV4] = (enum outcome)(1 + r % (OUTCOME_COUNT - 1));
			w.answer[LADDER_IPV6] = (enum outcome)(1 + r / 7 % (OUTCOME_COUNT - 1));
			set_facts(&w);
			run(&w, r % 3000); /* begin_try() asserts: never two at once, never over
					      what lacks something */
			if (w.facts.once == LADDER_ONCE_SPENT)
				assert_true(w.configured <= 1);
			if (ladder_get_protocol(&w.ladder) != LADDER_NONE && r % 3 == 0)
				lose(&w, OUTCOME_KEEPALIVE);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s02_ipv4_is_tried_first),
		cmocka_unit_test(s03_bare_nic_is_configured),
		cmocka_unit_test(s03_nic_that_is_down_is_brought_up),
		cmocka_unit_test(s04_configured_only_once),
		cmocka_unit_test(s05_incomplete_stays_disconnected_and_connects_when_completed),
		cmocka_unit_test(s06_ipv4_failed_for_whatever_reason_then_ipv6),
		cmocka_unit_test(s06_ipv6_once_a_round_and_the_more_telling_reason),
		cmocka_unit_test(s08_without_ipv6_stack_ipv4_again_and_again),
		cmocka_unit_test(s09_disabled_is_never_tried),
		cmocka_unit_test(s09_both_disabled),
		cmocka_unit_test(s09_disabled_while_connected),
		cmocka_unit_test(s10_bmc_without_ipv6),
		cmocka_unit_test(s12_only_ipv6_address_at_installation),
		cmocka_unit_test(row8_spent_and_one_incomplete_uses_the_other),
		cmocka_unit_test(row8_configure_never),
		cmocka_unit_test(row8_down_after_spent_is_said),
		cmocka_unit_test(row8_set_but_no_address_shows_up),
		cmocka_unit_test(row9_reconfigure_arms_again),
		cmocka_unit_test(row9_birth_applies_again_but_removal_does_not),
		cmocka_unit_test(row9_birth_with_address_already_there_is_marked),
		cmocka_unit_test(row10_refused_port_each_second_then_five),
		cmocka_unit_test(row10_trust_refusal_doubles_to_five_minutes),
		cmocka_unit_test(row10_kernel_event_ends_a_long_wait),
		cmocka_unit_test(row10_flapping_does_not_hammer),
		cmocka_unit_test(row10_accept_and_close_is_not_hammered),
		cmocka_unit_test(row10_loss_is_retried_at_once_from_the_top),
		cmocka_unit_test(row10_nic_gone_while_trying),
		cmocka_unit_test(row11_connected_over_ipv6_probes_and_moves),
		cmocka_unit_test(row11_kernel_event_probes_at_once),
		cmocka_unit_test(row11_not_back_without_need),
		cmocka_unit_test(managed_nic_is_left_to_its_manager),
		cmocka_unit_test(tentative_address_is_waited_for),
		cmocka_unit_test(tentative_for_ever_is_said),
		cmocka_unit_test(ipv6_ready_during_the_ipv4_attempt_is_used_in_that_round),
		cmocka_unit_test(choosing_holds_the_act_and_nothing_else),
		cmocka_unit_test(row9_reconfigure_after_a_failed_act),
		cmocka_unit_test(failed_act_is_tried_again),
		cmocka_unit_test(failed_act_is_tried_again_beside_ipv6),
		cmocka_unit_test(refused_act_is_not_tried_again),
		cmocka_unit_test(restart_while_trying_tries_again),
		cmocka_unit_test(enrolment_that_never_ends_is_a_refusal),
		cmocka_unit_test(stopped_does_nothing),
		cmocka_unit_test(random_walk_keeps_the_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
