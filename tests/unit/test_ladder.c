/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder in virtual time: the mandate's S1 to S12 by name, and what holds whatever happens. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ladder_world.h"

static void s02_ipv4_is_tried_first(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	world_set_facts(&w);
	world_run(&w, 100);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.first, LADDER_IPV4);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
	assert_int_equal(w.configured, 0);
	assert_int_equal(w.spent, 1); /* the NIC was complete: the act is spent all the same */
}

static void s03_bare_nic_is_configured(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 100);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.configured, 1);
}

static void s03_nic_that_is_down_is_brought_up(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.nic_up = w.facts.nic_carrier = false;
	world_set_facts(&w);
	world_run(&w, 10);
	assert_int_equal(w.configured, 1);
	world_expect(
		&w, LADDER_STATE_CONNECTING, LADDER_NONE); /* no carrier yet: nothing is wrong */
	assert_int_equal(w.n_tried, 0);
	w.facts.nic_carrier = true;
	world_set_facts(&w);
	world_run(&w, LADDER_ROUND_FLOOR_MS);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s04_configured_only_once(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 100);
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING; /* an administrator removed it */
	world_set_facts(&w);
	world_run(&w, 3600 * 1000);
	assert_int_equal(w.configured, 1);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
}

static void s05_incomplete_stays_disconnected_and_connects_when_completed(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	world_run(&w, 100);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING;
	world_set_facts(&w);
	w.n_tried = 0;
	world_run(&w, 24 * 3600 * 1000);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.closed, 1);
	assert_int_equal(w.n_tried, 0);
	assert_int_equal(w.configured, 1);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV4), LADDER_LACKS_ADDRESS);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV6), LADDER_LACKS_ENABLED);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	world_set_facts(&w);
	world_run(&w, 10);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s06_ipv4_failed_for_whatever_reason_then_ipv6(void **state)
{
	for (int o = OUTCOME_PORT_REFUSED; o < OUTCOME_COUNT; o++) {
		struct world w;

		world_setup(&w);
		w.answer[LADDER_IPV4] = (enum outcome)o;
		w.takes[LADDER_IPV4] = 700;
		world_run(&w, 900);
		world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
		assert_int_equal(w.first, LADDER_IPV4);
		assert_int_equal(w.tries[LADDER_IPV4], 1);
		assert_int_equal(w.tries[LADDER_IPV6], 1);
	}
}

static void s06_ipv6_once_a_round_and_the_more_telling_reason(void **state)
{
	struct world w;

	world_setup(&w);
	w.answer[LADDER_IPV4] = OUTCOME_IDENTITY_CHANGED;
	w.answer[LADDER_IPV6] = OUTCOME_NO_ANSWER;
	world_run(&w, 1000);
	world_expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
	assert_int_equal(ladder_get_reason(&w.ladder), OUTCOME_IDENTITY_CHANGED);
	assert_int_equal(w.tries[LADDER_IPV4], 1);
	assert_int_equal(w.tries[LADDER_IPV6], 1);

	world_setup(&w);
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.answer[LADDER_IPV6] = OUTCOME_OWN_EXPIRED;
	world_run(&w, 1000);
	world_expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
	assert_int_equal(ladder_get_reason(&w.ladder), OUTCOME_OWN_EXPIRED);
}

static void s08_without_ipv6_stack_ipv4_again_and_again(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	world_set_facts(&w);
	world_run(&w, 60 * 1000);
	assert_in_range(w.tries[LADDER_IPV4], 12, 20);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	world_run(&w, 5000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s09_disabled_is_never_tried(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	world_set_facts(&w);
	world_run(&w, 3600 * 1000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	world_lose(&w, OUTCOME_CLOSED);
	w.answer[LADDER_IPV6] = OUTCOME_NO_ANSWER;
	world_run(&w, 3600 * 1000);
	assert_int_equal(w.tries[LADDER_IPV4], 0);
	assert_int_equal(w.configured, 0);
}

static void s09_both_disabled(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV4] = w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	world_run(&w, 3600 * 1000);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.n_tried, 0);
	assert_int_equal(w.configured, 0);
}

static void s09_disabled_while_connected(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 100);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	world_set_facts(&w);
	world_run(&w, 200);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.closed, 1);
}

static void s10_bmc_without_ipv6(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_NO_PEER;
	w.answer[LADDER_IPV4] = OUTCOME_PORT_REFUSED;
	world_set_facts(&w);
	world_run(&w, 10000);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	world_run(&w, 1100);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void s12_only_ipv6_address_at_installation(void **state)
{
	struct world w;

	world_setup(&w); /* IPv6 is complete, IPv4 is not, the act is armed: as installed on such a
			    NIC */
	w.answer[LADDER_IPV6] = OUTCOME_CONNECTED;
	world_run(&w, 100);
	assert_int_equal(w.first, LADDER_IPV4);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.tries[LADDER_IPV6], 0);
}

static void tentative_address_is_waited_for(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	w.facts.ready[LADDER_IPV6] = LADDER_PENDING;
	world_set_facts(&w);
	world_run(&w, 60);
	world_expect(&w, LADDER_STATE_CONNECTING, LADDER_NONE);
	assert_int_equal(w.n_tried, 0);
	w.facts.ready[LADDER_IPV6] = LADDER_COMPLETE;
	world_set_facts(&w);
	world_run(&w, 10);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
}

static void tentative_for_ever_is_said(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV4] = LADDER_DISABLED;
	w.facts.ready[LADDER_IPV6] = LADDER_PENDING;
	world_set_facts(&w);
	world_run(&w, LADDER_PENDING_MS + 100);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV6), LADDER_LACKS_TENTATIVE);
}

static void ipv6_ready_during_the_ipv4_attempt_is_used_in_that_round(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_PENDING;
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	world_set_facts(&w);
	world_run(&w, 100);
	w.facts.ready[LADDER_IPV6] = LADDER_COMPLETE;
	world_set_facts(&w);
	world_run(&w, 650);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.tries[LADDER_IPV4], 1);
}

static void restart_while_trying_tries_again(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	world_set_facts(&w);
	world_run(&w, 100);
	assert_int_equal(w.trying, LADDER_IPV4);
	w.trying = LADDER_NONE; /* the owner drops it, and nothing of it is reported */
	ladder_restart(&w.ladder, w.now);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	world_run(&w, 1000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	ladder_restart(&w.ladder, w.now);
	world_expect(&w, LADDER_STATE_CONNECTING, LADDER_NONE);
	world_run(&w, 1000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void enrolment_that_never_ends_is_a_refusal(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_ENROLLED;
	world_set_facts(&w);
	world_run(&w, 1000);
	assert_int_equal(w.tries[LADDER_IPV4], LADDER_ENROL_MAX + 1);
	world_expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
}

static void stopped_does_nothing(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 100);
	ladder_stop(&w.ladder);
	w.facts.nic_carrier = false;
	world_set_facts(&w);
	ladder_restart(&w.ladder, w.now);
	ladder_lost(&w.ladder, OUTCOME_CLOSED, w.now);
	w.n_tried = 0;
	world_run(&w, 3600 * 1000);
	world_expect(&w, LADDER_STATE_STOPPED, LADDER_NONE);
	assert_int_equal(w.n_tried, 0);
}

/* Any order of facts and results: what must hold always, in a million random steps from fixed
 * seeds. */
static void random_walk_keeps_the_invariants(void **state)
{
	uint32_t random = 20261122;

	for (unsigned int walk = 0; walk < 200; walk++) {
		struct world w;

		world_setup(&w);
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
			world_set_facts(&w);
			world_run(&w, r % 3000); /* begin_try() asserts: never two at once, never
					      over what lacks something */
			if (w.facts.once == LADDER_ONCE_SPENT)
				assert_true(w.configured <= 1);
			if (ladder_get_protocol(&w.ladder) != LADDER_NONE && r % 3 == 0)
				world_lose(&w, OUTCOME_KEEPALIVE);
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
		cmocka_unit_test(tentative_address_is_waited_for),
		cmocka_unit_test(tentative_for_ever_is_said),
		cmocka_unit_test(ipv6_ready_during_the_ipv4_attempt_is_used_in_that_round),
		cmocka_unit_test(restart_while_trying_tries_again),
		cmocka_unit_test(enrolment_that_never_ends_is_a_refusal),
		cmocka_unit_test(stopped_does_nothing),
		cmocka_unit_test(random_walk_keeps_the_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
