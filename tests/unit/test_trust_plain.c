/* SPDX-License-Identifier: Apache-2.0 */
/* No TLS: when an attempt may go on without, when it is a downgrade, and when never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "trust_cases.h"

static void check_plain(enum stored stored, bool seen, struct settings settings,
	struct trust_facts facts, enum trust_plain expected, const char *what)
{
	struct trust_store store = make_store(stored);

	store.seen_tls = store.seen_tls || seen;
	if (trust_plain_decide(&store, &settings, &facts) != expected)
		fail_msg("%s: %d, not %d", what, trust_plain_decide(&store, &settings, &facts),
			expected);
}

static void test_plain_by_bytes(void **state)
{
	struct settings settings = make_settings(FIRST, "");
	struct trust_facts facts = fresh();

	facts.bytes_not_tls = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_SAME_PORT, "never seen");
	check_plain(NOTHING, false, settings, facts, TRUST_PLAIN_SAME_PORT, "window closed");
	check_plain(WINDOW, true, settings, facts, TRUST_PLAIN_DOWNGRADE, "seen with TLS");
	check_plain(PINNED_A, false, settings, facts, TRUST_PLAIN_DOWNGRADE, "pinned");
	check_plain(DAMAGED, false, settings, facts, TRUST_PLAIN_DOWNGRADE, "store damaged");
	check_plain(WINDOW, false, make_settings(FIRST, PIN_A), facts, TRUST_PLAIN_DOWNGRADE,
		"pin configured");
	check_plain(
		WINDOW, false, make_settings(TRUST_KCS, ""), facts, TRUST_PLAIN_NO, "trust = kcs");
	check_plain(WINDOW, false, make_settings(TRUST_PINNED, ""), facts, TRUST_PLAIN_NO,
		"trust = pinned");
	facts.own_expired = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "own expired");
	settings.tls = false;
	facts.own_expired = false;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "tls = off has no fall-back");
}

static void test_plain_by_refused_port(void **state)
{
	struct settings settings = make_settings(FIRST, "");
	struct trust_facts refused = fresh(), found = answered(true, 200, true, false);

	refused.connect_errno = ECONNREFUSED;
	check_plain(WINDOW, false, settings, refused, TRUST_PLAIN_TRY_PLAIN_PORT, "look");
	check_plain(PINNED_A, false, settings, refused, TRUST_PLAIN_TRY_PLAIN_PORT,
		"look, to tell a restart from a downgrade");
	check_plain(WINDOW, false, settings, found, TRUST_PLAIN_OK, "found, never seen");
	check_plain(WINDOW, true, settings, found, TRUST_PLAIN_DOWNGRADE, "found, seen");
	check_plain(PINNED_A, false, settings, found, TRUST_PLAIN_DOWNGRADE, "found, pinned");
	check_plain(DAMAGED, false, settings, found, TRUST_PLAIN_DOWNGRADE, "found, damaged");
	check_plain(
		WINDOW, false, make_settings(TRUST_KCS, ""), found, TRUST_PLAIN_NO, "trust = kcs");
	check_plain(WINDOW, false, make_settings(TRUST_PINNED, ""), found, TRUST_PLAIN_NO,
		"found, trust = pinned");
	found.answer_valid = false;
	check_plain(WINDOW, false, settings, found, TRUST_PLAIN_NO, "no service root there");
}

/* An administrator who wants TLS does not get none: plain = off, or a floor above the oldest. */
static void test_plain_forbidden(void **state)
{
	struct settings off = make_settings(FIRST, ""), floor = off, oldest = off;
	struct trust_facts bytes = fresh(), refused = fresh(), found = answered(true, 200, true, 0);

	off.plain = false;
	floor.tls_min_version = TLS_1_2;
	oldest.tls_min_version = TLS_1_1;
	bytes.bytes_not_tls = true;
	refused.connect_errno = ECONNREFUSED;
	check_plain(WINDOW, false, off, bytes, TRUST_PLAIN_NO, "plain = off");
	check_plain(WINDOW, false, off, refused, TRUST_PLAIN_NO, "plain = off, not even a look");
	check_plain(WINDOW, false, off, found, TRUST_PLAIN_NO, "plain = off, found");
	check_plain(WINDOW, false, floor, bytes, TRUST_PLAIN_NO, "tls_min_version = 1.2");
	check_plain(WINDOW, false, floor, found, TRUST_PLAIN_NO, "tls_min_version = 1.2, found");
	check_plain(WINDOW, false, oldest, bytes, TRUST_PLAIN_SAME_PORT, "tls_min_version = 1.1");
	/* a downgrade is told as such, as ever */
	check_plain(PINNED_A, false, off, bytes, TRUST_PLAIN_DOWNGRADE, "pinned");
	bytes.tls_demanded = true;
	check_outcome(bytes, OUTCOME_VERSION, "no TLS, and TLS is demanded");
	bytes.tls_demanded = false;
	check_outcome(bytes, OUTCOME_TLS_BROKEN, "no TLS");
}

/* A timeout, a reset, an alert: never. Each alone, and each beside what else it may come with. */
static void test_plain_never(void **state)
{
	struct settings settings = make_settings(FIRST, "");
	static const int errors[] = {
		ETIMEDOUT, ECONNRESET, EHOSTUNREACH, ENETUNREACH, EPIPE, EPERM};
	struct trust_facts facts;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		facts = fresh();
		facts.connect_errno = errors[i];
		check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, strerror(errors[i]));
	}
	facts = fresh();
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "closed or reset");
	facts.timed_out = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "timeout");
	for (int alert = 0; alert < 256; alert++) {
		facts = fresh();
		facts.alert_in = alert;
		check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "alert");
		facts.bytes_not_tls = true; /* an alert is TLS, whatever else is said */
		check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "alert and bytes");
	}
	facts = fresh();
	facts.bytes_not_tls = facts.verify_called = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "after a certificate");
	facts = fresh();
	facts.bytes_not_tls = facts.handshake_done = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "after a handshake");
	facts = fresh();
	facts.version_error = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "TLS 1.0 is TLS");
	facts = fresh();
	facts.local_failure = true;
	facts.connect_errno = ECONNREFUSED;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "our own trouble");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_by_bytes),
		cmocka_unit_test(test_plain_by_refused_port),
		cmocka_unit_test(test_plain_forbidden),
		cmocka_unit_test(test_plain_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
