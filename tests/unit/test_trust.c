/* SPDX-License-Identifier: Apache-2.0 */
/* The table of docs/architecture.md, "Trust": is this peer the one? Each right case beside its
 * wrong twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "trust_cases.h"

struct peer_row {
	const char *what;
	enum stored stored;
	enum settings_trust trust;
	const char *pin;
	int shown; /* byte of the fingerprint */
	time_t not_after, now;
	enum trust_verdict verdict;
};
/* clang-format off */
static const struct peer_row peer_rows[] = {
	{"pin right", PINNED_A, FIRST, "", 0xaa, NOW + YEAR, NOW, OK},
	{"pin changed", PINNED_A, FIRST, "", 0xbb, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"pin right, other modes", PINNED_A, TRUST_PINNED, "", 0xaa, NOW + YEAR, NOW, OK},
	{"pin changed, other modes", PINNED_A, TRUST_KCS, "", 0xbb, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"configured pin right", NOTHING, TRUST_PINNED, PIN_A, 0xaa, NOW + YEAR, NOW, OK},
	{"configured pin wrong", NOTHING, TRUST_PINNED, PIN_A, 0xbb, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"configured pin goes before the stored", PINNED_A, FIRST, PIN_B, 0xbb, NOW + YEAR, NOW, OK},
	{"stored pin does not count beside it", PINNED_A, FIRST, PIN_B, 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"configured pin goes before an open window", WINDOW, FIRST, PIN_B, 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"pin that cannot be read", PINNED_A, FIRST, "zz", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"pin cut short", PINNED_A, FIRST, "aaaa", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},

	{"first use, window open", WINDOW, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_FIRST_USE},
	{"first use, window closed", NOTHING, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = pinned, window open", WINDOW, TRUST_PINNED, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = kcs, window open", WINDOW, TRUST_KCS, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = auto, IPMI not asked yet", WINDOW, TRUST_AUTO, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = auto, nothing over IPMI", WINDOW_NO_KCS, TRUST_AUTO, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_FIRST_USE},
	{"trust = kcs, nothing over IPMI", WINDOW_NO_KCS, TRUST_KCS, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = pinned, nothing over IPMI", WINDOW_NO_KCS, TRUST_PINNED, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"store damaged", DAMAGED, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"store damaged, window in it", DAMAGED_WINDOW, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"store damaged, pin configured", DAMAGED, FIRST, PIN_A, 0xaa, NOW + YEAR, NOW, OK},

	{"last second", PINNED_A, FIRST, "", 0xaa, NOW, NOW, OK},
	{"expired", PINNED_A, FIRST, "", 0xaa, NOW - 1, NOW, TRUST_VERDICT_EXPIRED},
	{"expired, configured pin", NOTHING, FIRST, PIN_A, 0xaa, NOW - 1, NOW, TRUST_VERDICT_EXPIRED},
	{"expired and changed: who comes first", PINNED_A, FIRST, "", 0xbb, NOW - 1, NOW, TRUST_VERDICT_CHANGED},
	{"first use, last second", WINDOW, FIRST, "", 0xaa, NOW, NOW, TRUST_VERDICT_FIRST_USE},
	{"first use of an expired one", WINDOW, FIRST, "", 0xaa, NOW - 1, NOW, TRUST_VERDICT_EXPIRED},
	{"made by a BMC whose clock was at 1970", PINNED_A, FIRST, "", 0xaa, 10 * YEAR, NOW, TRUST_VERDICT_EXPIRED},
	{"our clock at 1970, peer in date", PINNED_A, FIRST, "", 0xaa, NOW + YEAR, 60, OK},
	{"our clock at 1970, date would be over", PINNED_A, FIRST, "", 0xaa, 30, 60, OK},
	{"our clock at 1970 does not help a stranger", PINNED_A, FIRST, "", 0xbb, NOW + YEAR, 60, TRUST_VERDICT_CHANGED},
	{"our clock a second before the build", PINNED_A, FIRST, "", 0xaa, BUILD - 10, BUILD - 1, OK},
	{"our clock at the build", PINNED_A, FIRST, "", 0xaa, BUILD - 10, BUILD, TRUST_VERDICT_EXPIRED},
};
/* clang-format on */

static void test_peer(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(peer_rows); i++) {
		const struct peer_row *row = &peer_rows[i];
		struct trust_store store = make_store(row->stored);
		struct settings settings = make_settings(row->trust, row->pin);
		struct trust_peer peer = {.not_before = 0, .not_after = row->not_after};
		struct trust_clock clock = {.now = row->now, .build = BUILD};
		enum trust_verdict verdict;

		memset(peer.fingerprint, row->shown, sizeof(peer.fingerprint));
		verdict = trust_check_peer(&store, &settings, &peer, &clock);
		if (verdict != row->verdict)
			fail_msg("%s: verdict %d, not %d", row->what, verdict, row->verdict);
	}
}

static void test_no_certificate(void **state)
{
	struct trust_store store = make_store(WINDOW);
	struct settings settings = make_settings(FIRST, "");
	struct trust_clock clock = {.now = NOW, .build = BUILD};

	assert_int_equal(
		trust_check_peer(&store, &settings, NULL, &clock), TRUST_VERDICT_NO_CERTIFICATE);
}

static void test_clock_and_own(void **state)
{
	struct trust_clock good = {.now = NOW, .build = BUILD}, unset = {.now = 5, .build = BUILD};

	assert_false(trust_clock_unset(&good));
	assert_true(trust_clock_unset(&unset));
	assert_false(trust_own_expired(NOW, &good));
	assert_true(trust_own_expired(NOW - 1, &good));
	assert_false(trust_own_expired(1, &unset));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_clock_and_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
