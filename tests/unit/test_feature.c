/* SPDX-License-Identifier: Apache-2.0 */
/* S13 to S16: what needs IPv4 is unavailable over IPv6, and says so; back at once with IPv4. */
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

static struct feature_state get(const char *name, enum ladder_protocol protocol)
{
	struct settings settings = {.inband_access = true};
	struct ladder ladder = {.current = protocol};
	struct feature_state state;

	assert_non_null(feature_find(name));
	feature_get_state(feature_find(name), &settings, &ladder, &state);
	return state;
}

static void s13_to_s16_unavailable_over_ipv6(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(needing_ipv4); i++) {
		struct feature_state over6 = get(needing_ipv4[i], LADDER_IPV6);
		struct feature_state over4 = get(needing_ipv4[i], LADDER_IPV4);
		struct feature_state none = get(needing_ipv4[i], LADDER_NONE);

		assert_false(over6.available);
		assert_string_equal(
			over6.reason, "it needs IPv4, and the BMC answers over IPv6 only");
		assert_true(over4.available);
		assert_null(over4.reason);
		assert_false(none.available);
		assert_string_equal(none.reason, "there is no communication with the BMC");
	}
}

static void the_switch_is_the_hosts(void **state)
{
	assert_true(get("inband-access", LADDER_IPV4).enabled);
	assert_false(get("snmp-get", LADDER_IPV4).enabled);
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
		cmocka_unit_test(the_switch_is_the_hosts),
		cmocka_unit_test(unknown_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
