/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S13 to S16: what needs IPv4 is unavailable over IPv6, and says so; back at once with IPv4. On is
 * what the host and the BMC have on, and what is available.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "host/feature/feature.h"

static const char *const needing_ipv4[] = {
	"inband-access", "snmp-get", "local-names", "auto-update"};

static struct feature_state get_with(
	const char *name, enum ladder_protocol protocol, enum feature_switch bmc)
{
	struct settings settings = {.inband_access = true};
	struct ladder ladder = {.current = protocol};
	struct feature_state state;

	assert_non_null(feature_find(name));
	feature_get_state(feature_find(name), &settings, &ladder, bmc, &state);
	return state;
}

static struct feature_state get(const char *name, enum ladder_protocol protocol)
{
	return get_with(name, protocol, FEATURE_SWITCH_ON);
}

static void s13_to_s16_unavailable_over_ipv6(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(needing_ipv4); i++) {
		struct feature_state over6 = get(needing_ipv4[i], LADDER_IPV6);
		struct feature_state over4 = get(needing_ipv4[i], LADDER_IPV4);
		struct feature_state none = get(needing_ipv4[i], LADDER_NONE);

		assert_false(over6.available || over6.on);
		assert_string_equal(
			over6.reason, "it needs IPv4, and the BMC answers over IPv6 only");
		assert_true(over4.available);
		assert_false(none.available || none.on);
		assert_string_equal(none.reason, "there is no communication with the BMC");
	}
}

static void on_is_host_and_bmc_and_available(void **state)
{
	struct feature_state on = get("inband-access", LADDER_IPV4);
	struct feature_state off = get("snmp-get", LADDER_IPV4);
	struct feature_state at_bmc = get_with("inband-access", LADDER_IPV4, FEATURE_SWITCH_OFF);

	assert_true(on.on && on.by_host && on.by_bmc);
	assert_null(on.reason);
	assert_int_equal(on.stop, FEATURE_STOP_NONE);
	/* the BMC has it on, the host has not: it stays off */
	assert_true(off.by_bmc && off.available && !off.on);
	assert_string_equal(off.reason, "switched off on this host");
	assert_int_equal(off.stop, FEATURE_STOP_DISABLED);
	assert_true(at_bmc.by_host && at_bmc.available && !at_bmc.on);
	assert_string_equal(at_bmc.reason, "switched off at the BMC");
	assert_int_equal(at_bmc.stop, FEATURE_STOP_DISABLED);
}

/* While the BMC's word is not there the feature is off, and nothing of it is taken away. */
static void not_read_yet(void **state)
{
	struct feature_state unread = get_with("inband-access", LADDER_IPV4, FEATURE_SWITCH_UNREAD);

	assert_false(unread.on || unread.by_bmc);
	assert_non_null(unread.reason);
	assert_int_equal(unread.stop, FEATURE_STOP_LOST);
}

static enum feature_stop get_stop(const struct ladder *ladder)
{
	const struct settings settings = {.local_names = true};
	struct feature_state state;

	feature_get_state(
		feature_find("local-names"), &settings, ladder, FEATURE_SWITCH_ON, &state);
	assert_false(state.on);
	return state.stop;
}

static struct ladder make(enum ladder_ready ipv4, enum ladder_once once)
{
	struct ladder ladder = {
		.state = LADDER_STATE_CONNECTING,
		.facts = {.nic_present = true,
			  .nic_up = true,
			  .nic_carrier = true,
			  .once = once,
			  .ready[LADDER_IPV4] = ipv4}
	   };

	return ladder;
}

static void a_loss_is_not_the_end_of_ipv4(void **state)
{
	const struct ladder lost = make(LADDER_COMPLETE, LADDER_ONCE_SPENT);
	const struct ladder born = make(LADDER_MISSING, LADDER_ONCE_REAPPLY);
	const struct ladder spent = make(LADDER_MISSING, LADDER_ONCE_SPENT);
	const struct ladder off = make(LADDER_DISABLED, LADDER_ONCE_SPENT);
	const struct ladder over6 = {.state = LADDER_STATE_CONNECTED, .current = LADDER_IPV6};

	assert_int_equal(get_stop(&lost), FEATURE_STOP_LOST);
	assert_int_equal(get_stop(&born), FEATURE_STOP_LOST);
	assert_int_equal(get_stop(&spent), FEATURE_STOP_UNAVAILABLE);
	assert_int_equal(get_stop(&off), FEATURE_STOP_UNAVAILABLE);
	assert_int_equal(get_stop(&over6), FEATURE_STOP_UNAVAILABLE);
}

static void unknown_feature(void **state)
{
	assert_null(feature_find("telnet"));
	assert_null(feature_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s13_to_s16_unavailable_over_ipv6),
		cmocka_unit_test(on_is_host_and_bmc_and_available),
		cmocka_unit_test(not_read_yet),
		cmocka_unit_test(a_loss_is_not_the_end_of_ipv4),
		cmocka_unit_test(unknown_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
