/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder in virtual time: rows 8, 10 and 11 of docs/architecture.md. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ladder_world.h"

static void row8_spent_and_one_incomplete_uses_the_other(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.once = LADDER_ONCE_SPENT;
	world_set_facts(&w);
	world_run(&w, 100);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.tries[LADDER_IPV4], 0);
	assert_int_equal(w.configured, 0);
}

static void row8_down_after_spent_is_said(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 10000);
	w.facts.nic_up = w.facts.nic_carrier = false;
	world_set_facts(&w);
	world_run(&w, 100000);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(ladder_get_missing(&w.ladder, LADDER_IPV4), LADDER_LACKS_UP);
	assert_int_equal(w.configured, 1);
}

static void row10_refused_port_each_second_then_five(void **state)
{
	struct world w;

	world_setup_refusing(&w, OUTCOME_PORT_REFUSED);
	world_run(&w, 20 * 1000);
	for (unsigned int i = 1; i < w.n_tried; i++)
		assert_in_range(w.tried_at[i] - w.tried_at[i - 1], 900, 1000);
	world_run(&w, 600 * 1000);
	w.n_tried = 0;
	world_run(&w, 60 * 1000);
	for (unsigned int i = 1; i < w.n_tried; i++)
		assert_in_range(w.tried_at[i] - w.tried_at[i - 1], 4500, 5000);
	assert_in_range(w.n_tried, 12, 14);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	world_run(&w, 5000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row10_trust_refusal_doubles_to_five_minutes(void **state)
{
	struct world w;

	world_setup_refusing(&w, OUTCOME_NOT_KNOWN);
	world_run(&w, 2 * 3600 * 1000);
	world_expect(&w, LADDER_STATE_REFUSED, LADDER_NONE);
	assert_in_range(w.tried_at[1] - w.tried_at[0], 4500, 5000);
	assert_in_range(w.tried_at[2] - w.tried_at[1], 9000, 10000);
	assert_in_range(w.tried_at[20] - w.tried_at[19], 270000, 300000);
	ladder_restart(&w.ladder, w.now); /* trust reset */
	w.answer[LADDER_IPV4] = OUTCOME_ENROLLED;
	w.takes[LADDER_IPV4] = 5;
	world_run(&w, 5);
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	world_run(&w, 10);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row10_kernel_event_ends_a_long_wait(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	w.answer[LADDER_IPV4] = OUTCOME_NOT_KNOWN;
	world_set_facts(&w);
	world_run(&w, 3600 * 1000);
	w.n_tried = 0;
	w.facts.nic_carrier = false;
	world_set_facts(&w);
	world_run(&w, 10);
	w.facts.nic_carrier = true;
	world_set_facts(&w);
	world_run(&w, 10);
	assert_int_equal(w.n_tried, 1);
}

static void row10_flapping_does_not_hammer(void **state)
{
	struct world w;

	world_setup_refusing(&w, OUTCOME_PORT_REFUSED);
	world_run(&w, 100);
	w.tries[LADDER_IPV4] = 0;
	for (unsigned int i = 0; i < 2000; i++) { /* one change a millisecond */
		w.facts.nic_carrier = i % 2;
		world_set_facts(&w);
		world_run(&w, 1);
	}
	assert_in_range(w.tries[LADDER_IPV4], 10, 2000 / LADDER_ROUND_FLOOR_MS + 1);
}

static void row10_accept_and_close_is_not_hammered(void **state)
{
	struct world w;
	unsigned int losses = 0;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	while (w.now < 61000) {
		world_run(&w, 50);
		if (ladder_get_protocol(&w.ladder) != LADDER_NONE) {
			world_lose(&w, OUTCOME_CLOSED);
			losses++;
		}
	}
	assert_in_range(losses, 14, 22);
}

static void row10_loss_is_retried_at_once_from_the_top(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 60 * 1000);
	w.n_tried = 0;
	world_lose(&w, OUTCOME_CLOSED);
	world_run(&w, 10);
	assert_int_equal(w.n_tried, 1);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row10_nic_gone_while_trying(void **state)
{
	struct world w;

	world_setup(&w);
	w.takes[LADDER_IPV4] = 700;
	world_run(&w, 300);
	assert_int_equal(w.trying, LADDER_IPV4);
	w.facts.nic_present = false;
	world_set_facts(&w);
	world_run(&w, 0);
	assert_int_equal(w.trying, LADDER_NONE);
	assert_int_equal(w.closed, 1);
	world_expect(&w, LADDER_STATE_NO_INTERFACE, LADDER_NONE);
}

static void row11_connected_over_ipv6_probes_and_moves(void **state)
{
	struct world w;

	world_setup(&w);
	w.answer[LADDER_IPV4] = OUTCOME_NO_ANSWER;
	w.takes[LADDER_IPV4] = 700;
	world_run(&w, 2000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	w.n_tried = 0;
	world_run(&w, 3600 * 1000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6); /* a failed probe breaks nothing */
	assert_int_equal(w.closed, 0);
	assert_int_equal(w.tries[LADDER_IPV6], 1);
	assert_in_range(w.tried_at[1] - w.tried_at[0], 9000, 10700);
	assert_in_range(w.n_tried, 14, 20); /* 5 s doubling to 5 min */
	w.answer[LADDER_IPV4] = OUTCOME_CONNECTED;
	world_run(&w, LADDER_PROBE_MAX_MS);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row11_kernel_event_probes_at_once(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.once = LADDER_ONCE_SPENT;
	world_set_facts(&w);
	world_run(&w, 60 * 1000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	assert_int_equal(w.tries[LADDER_IPV4], 0);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE; /* an administrator completed it */
	world_set_facts(&w);
	world_run(&w, 10);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void row11_not_back_without_need(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 24 * 3600 * 1000);
	assert_int_equal(w.tries[LADDER_IPV4], 1); /* connected over IPv4: nothing is ever probed */
	assert_int_equal(w.tries[LADDER_IPV6], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row8_spent_and_one_incomplete_uses_the_other),
		cmocka_unit_test(row8_down_after_spent_is_said),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
