/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder's one-time act in virtual time: rows 8 and 9 of docs/architecture.md, and acts that
 * fail. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ladder_world.h"

static void row8_configure_never(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.once = LADDER_ONCE_NEVER;
	w.facts.ready[LADDER_IPV6] = LADDER_MISSING;
	world_set_facts(&w);
	world_run(&w, 100000);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.configured + w.spent, 0);
}

static void row8_set_but_no_address_shows_up(void **state)
{
	struct world w;

	world_setup(&w);
	w.address_fails = true;
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	world_run(&w, 60 * 1000);
	assert_int_equal(w.configured, 1);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
}

static void row9_reconfigure_arms_again(void **state)
{
	struct world w;

	world_setup(&w);
	world_run(&w, 100);
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING;
	world_set_facts(&w);
	world_run(&w, 1000);
	w.facts.once = LADDER_ONCE_ARMED;
	world_set_facts(&w);
	world_run(&w, 1000);
	assert_int_equal(w.configured, 2);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4); /* and back from IPv6 at once */
}

static void row9_birth_applies_again_but_removal_does_not(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	world_run(&w, 100);
	for (unsigned int birth = 2; birth < 5; birth++) { /* re-plugged */
		w.facts.nic_present = false;
		world_set_facts(&w);
		world_run(&w, 500);
		world_expect(&w, LADDER_STATE_NO_INTERFACE, LADDER_NONE);
		w.facts.nic_present = true;
		w.facts.ready[LADDER_IPV4] = LADDER_MISSING;
		w.facts.once = LADDER_ONCE_REAPPLY;
		world_set_facts(&w);
		world_run(&w, 500);
		assert_int_equal(w.configured, birth);
		world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	}
	w.facts.ready[LADDER_IPV4] = LADDER_MISSING; /* removed from the living NIC */
	world_set_facts(&w);
	world_run(&w, 3600 * 1000);
	assert_int_equal(w.configured, 4);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
}

static void row9_birth_with_address_already_there_is_marked(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.once = LADDER_ONCE_REAPPLY;
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	world_set_facts(&w);
	world_run(&w, 100);
	assert_int_equal(w.spent, 1);
	assert_int_equal(w.configured, 0);
}

static void managed_nic_is_left_to_its_manager(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.managed = true;
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	world_run(&w, LADDER_MANAGED_MS - 100);
	assert_int_equal(w.spent, 0);
	world_run(&w, 1000);
	assert_int_equal(w.configured, 0);
	assert_int_equal(w.spent, 1);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	w.facts.ready[LADDER_IPV4] = LADDER_COMPLETE;
	world_set_facts(&w);
	world_run(&w, 10);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

/* While the BMC's address is being found out nothing is configured, and what stands goes on. */
static void choosing_holds_the_act_and_nothing_else(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.choosing = true;
	world_set_facts(&w);
	world_run(&w, 500);
	world_expect(&w, LADDER_STATE_CONNECTING, LADDER_NONE);
	assert_int_equal(w.configured + w.n_tried, 0);
	w.facts.choosing = false;
	world_set_facts(&w);
	world_run(&w, 500);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	w.facts.once = LADDER_ONCE_ARMED;
	w.facts.choosing = true;
	ladder_rearm(&w.ladder, w.now);
	world_set_facts(&w);
	world_run(&w, 500);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.configured + w.spent, 1);
	w.facts.nic_carrier = false; /* what is lost is lost also then */
	world_set_facts(&w);
	world_run(&w, 500);
	assert_int_equal(ladder_get_protocol(&w.ladder), LADDER_NONE);
}

/* Refused once (its address was in use); an administrator mended that, and asks again. */
static void row9_reconfigure_after_a_failed_act(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	assert_int_equal(ladder_next(&w.ladder, w.now).type, LADDER_CONFIGURE);
	ladder_configured(&w.ladder, -EADDRINUSE, w.now);
	world_run(&w, LADDER_RETRY_MIN_MS - 1);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	ladder_rearm(&w.ladder, w.now);
	world_run(&w, 5000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

/* It is not spent: who mends the cause need not know of us. */
static void failed_act_is_tried_again(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
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
	world_run(&w, 100);
	assert_int_equal(w.configured, 1);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
}

static void failed_act_is_tried_again_beside_ipv6(void **state)
{
	struct world w;

	world_setup(&w);
	assert_int_equal(ladder_next(&w.ladder, w.now).type, LADDER_CONFIGURE);
	ladder_configured(&w.ladder, -ENOMEM, w.now);
	world_run(&w, LADDER_RETRY_MIN_MS - 1);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV6);
	world_run(&w, 10000);
	world_expect(&w, LADDER_STATE_CONNECTED, LADDER_IPV4);
	assert_int_equal(w.configured, 1);
}

static void refused_act_is_not_tried_again(void **state)
{
	struct world w;

	world_setup(&w);
	w.facts.ready[LADDER_IPV6] = LADDER_DISABLED;
	world_set_facts(&w);
	assert_int_equal(ladder_next(&w.ladder, w.now).type, LADDER_CONFIGURE);
	ladder_configured(&w.ladder, -EPERM, w.now);
	world_run(&w, 24 * 3600 * 1000);
	world_expect(&w, LADDER_STATE_INCOMPLETE, LADDER_NONE);
	assert_int_equal(w.configured, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row8_configure_never),
		cmocka_unit_test(row8_set_but_no_address_shows_up),
		cmocka_unit_test(row9_reconfigure_arms_again),
		cmocka_unit_test(row9_birth_applies_again_but_removal_does_not),
		cmocka_unit_test(row9_birth_with_address_already_there_is_marked),
		cmocka_unit_test(managed_nic_is_left_to_its_manager),
		cmocka_unit_test(choosing_holds_the_act_and_nothing_else),
		cmocka_unit_test(row9_reconfigure_after_a_failed_act),
		cmocka_unit_test(failed_act_is_tried_again),
		cmocka_unit_test(failed_act_is_tried_again_beside_ipv6),
		cmocka_unit_test(refused_act_is_not_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
