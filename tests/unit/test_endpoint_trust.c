/* SPDX-License-Identifier: Apache-2.0 */
/* The BMC's trust store and its enrolment window, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "endpoint_trust_fixture.h"

#define MIN10 (10 * 60 * 1000)

static struct trust_clock at(time_t now, int64_t mono_ms)
{
	return (struct trust_clock){.now = now, .build = BUILD, .mono_ms = mono_ms};
}

static struct trust_certificate make(int n, time_t not_after)
{
	struct trust_certificate c = {.not_after = not_after};

	c.fingerprint[0] = (unsigned char)n;
	return c;
}

static void window_when_empty(void **state)
{
	struct trust_certificate c = make(1, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 1000);

	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_UNKNOWN);
	assert_true(trust_window_open(trust, TRUST_REASON_EMPTY, &clock));
	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_ENROLLING);
	clock.mono_ms += MIN10 - 1;
	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_ENROLLING);
	clock.mono_ms += 1;
	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_UNKNOWN);
}

static void window_closed_when_known(void **state)
{
	struct trust_certificate c = make(1, NOW + YEAR), other = make(2, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	assert_int_equal(trust_add(trust, &c, "pem", &clock), 0);
	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_KNOWN);
	assert_int_equal(trust_judge(trust, &other, &clock), TRUST_VERDICT_UNKNOWN);
}

static void one_enrolment_closes(void **state)
{
	struct trust_certificate c = make(1, NOW + YEAR), other = make(2, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	trust_window_open(trust, TRUST_REASON_EMPTY, &clock);
	assert_int_equal(trust_add(trust, &c, "pem", &clock), 0);
	assert_false(trust_window_is_open(trust, &clock));
	assert_int_equal(trust_judge(trust, &other, &clock), TRUST_VERDICT_UNKNOWN);
	assert_int_equal(trust_add(trust, &c, "pem", &clock), -EEXIST);
}

/* Each reason opens it, for its time; opening an open one is no news but starts the time over. */
static void every_reason_opens(void **state)
{
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	for (int r = TRUST_REASON_EMPTY; r <= TRUST_REASON_WAS_PLAIN; r++) {
		trust_window_close(trust);
		assert_true(trust_window_open(trust, (enum trust_reason)r, &clock));
		assert_int_equal(trust->window_reason, r);
		assert_true(strlen(trust_reason_text((enum trust_reason)r)) > 0);
		clock.mono_ms += MIN10 / 2;
		assert_false(trust_window_open(trust, (enum trust_reason)r, &clock));
		clock.mono_ms += MIN10 - 1;
		assert_true(trust_window_is_open(trust, &clock));
		clock.mono_ms += 1;
		assert_false(trust_window_is_open(trust, &clock));
	}
}

/* An expired certificate is refused whether known or not, also in an open window. */
static void expired(void **state)
{
	struct trust_certificate c = make(1, NOW + 100), other = make(2, NOW - 1);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	trust_window_open(trust, TRUST_REASON_EMPTY, &clock);
	assert_int_equal(trust_judge(trust, &other, &clock), TRUST_VERDICT_EXPIRED);
	trust_add(trust, &c, "pem", &clock);
	assert_false(trust_all_expired(trust, &clock));
	assert_int_equal(trust_next_expiry(trust, &clock), NOW + 100);
	clock.now = NOW + 100;
	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_KNOWN);
	clock.now = NOW + 101;
	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_EXPIRED);
	assert_true(trust_all_expired(trust, &clock));
	assert_int_equal(trust_next_expiry(trust, &clock), 0);
}

/* A BMC whose battery is empty starts in 1970: dates say nothing then, fingerprints do. */
static void clock_of_1970(void **state)
{
	struct trust_certificate old = make(1, 100), other = make(2, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(1000, 0);

	assert_true(trust_clock_unset(&clock));
	trust_add(trust, &old, "pem", &clock);
	assert_int_equal(trust_judge(trust, &old, &clock), TRUST_VERDICT_KNOWN);
	assert_false(trust_all_expired(trust, &clock));
	assert_int_equal(trust_judge(trust, &other, &clock), TRUST_VERDICT_UNKNOWN);
	clock = at(BUILD, 0);
	assert_false(trust_clock_unset(&clock));
	assert_int_equal(trust_judge(trust, &old, &clock), TRUST_VERDICT_EXPIRED);
}

static void full_store(void **state)
{
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	for (int i = 1; i <= TRUST_MAX_KNOWN; i++) {
		struct trust_certificate c = make(i, i == 3 ? NOW + 10 : NOW + YEAR);

		assert_int_equal(trust_add(trust, &c, "pem", &clock), 0);
	}
	clock.now = NOW + 11; /* number 3 has expired and goes first, then the oldest */
	for (int i = 9; i <= 10; i++) {
		struct trust_certificate c = make(i, NOW + YEAR);

		assert_int_equal(trust_add(trust, &c, "pem", &clock), 0);
		assert_int_equal(trust->n_known, TRUST_MAX_KNOWN);
		assert_int_equal(trust_find(trust, c.fingerprint)->id, i);
	}
	assert_null(trust_find(trust, make(3, 0).fingerprint));
	assert_null(trust_find(trust, make(1, 0).fingerprint));
	assert_non_null(trust_find(trust, make(2, 0).fingerprint));
}

static void remove_and_ids(void **state)
{
	struct trust_certificate a = make(1, NOW + YEAR), b = make(2, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	trust_add(trust, &a, "pem", &clock);
	trust_add(trust, &b, "pem", &clock);
	assert_int_equal(trust_remove_id(trust, 1), 0);
	assert_int_equal(trust_remove_id(trust, 1), -ENOENT);
	assert_int_equal(trust_judge(trust, &a, &clock), TRUST_VERDICT_UNKNOWN);
	assert_int_equal(trust_judge(trust, &b, &clock), TRUST_VERDICT_KNOWN);
	trust_add(trust, &a, "pem", &clock);
	assert_int_equal(trust_find(trust, a.fingerprint)->id, 3); /* 1 is never used again */
}

/* The next certificate beside the one in use; one at a time; the old goes when it is used. */
static void renew(void **state)
{
	struct trust_certificate old = make(1, NOW + YEAR), next = make(2, NOW + YEAR),
				 other = make(3, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	trust_add(trust, &old, "pem", &clock);
	trust_window_open(trust, TRUST_REASON_ADMINISTRATOR, &clock);
	assert_int_equal(trust_renew(trust, 1, &old, "pem", &clock), -EEXIST);
	assert_int_equal(trust_renew(trust, 1, &next, "pem", &clock), 0);
	assert_true(trust_window_is_open(trust, &clock));
	assert_int_equal(trust_judge(trust, &old, &clock), TRUST_VERDICT_KNOWN);
	assert_int_equal(trust_judge(trust, &next, &clock), TRUST_VERDICT_KNOWN);
	/* Another word of the same host takes the place of the first. */
	assert_int_equal(trust_renew(trust, 1, &other, "pem", &clock), 0);
	assert_int_equal(trust->n_known, 2);
	assert_null(trust_find(trust, next.fingerprint));
	assert_int_equal(trust_take_replaced(trust, old.fingerprint), 0);
	assert_int_equal(trust_take_replaced(trust, other.fingerprint), 1);
	assert_int_equal(trust_take_replaced(trust, other.fingerprint), 0);
}

/* A full store: a successor counts as the one that it will replace; nobody makes room for it. */
static void renew_in_full_store(void **state)
{
	struct trust_certificate next = make(99, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	for (int i = 1; i <= TRUST_MAX_KNOWN; i++) {
		struct trust_certificate c = make(i, NOW + YEAR);

		trust_add(trust, &c, "pem", &clock);
	}
	assert_int_equal(trust_renew(trust, 1, &next, "pem", &clock), 0);
	assert_int_equal(trust->n_known, TRUST_MAX_KNOWN + 1);
	for (int i = 1; i <= TRUST_MAX_KNOWN; i++)
		assert_non_null(trust_find(trust, make(i, 0).fingerprint));
	assert_non_null(trust_find(trust, next.fingerprint));
	/* each of them may name one, and none that waits itself */
	for (unsigned int i = 2; i <= TRUST_MAX_KNOWN; i++) {
		struct trust_certificate c = make(100 + (int)i, NOW + YEAR);

		assert_int_equal(trust_renew(trust, i, &c, "pem", &clock), 0);
	}
	assert_int_equal(trust->n_known, TRUST_MAX_ALL);
	next = make(200, NOW + YEAR);
	assert_int_equal(trust_renew(trust, TRUST_MAX_KNOWN + 1, &next, "pem", &clock), -ENOENT);
	/* a new host takes the place of the oldest and of what that had named */
	assert_int_equal(trust_add(trust, &next, "pem", &clock), 0);
	assert_int_equal(trust->n_known, TRUST_MAX_ALL - 1);
	assert_null(trust_find(trust, make(1, 0).fingerprint));
	assert_null(trust_find(trust, make(99, 0).fingerprint));
}

/* What a host named goes with it, unless it is in use already. */
static void remove_with_successor(void **state)
{
	struct trust_certificate host = make(1, NOW + YEAR), next = make(2, NOW + YEAR);
	struct trust *trust = *state, copy;
	struct trust_clock clock = at(NOW, 0);

	assert_int_equal(trust_add(trust, &host, "pem", &clock), 0);
	assert_int_equal(trust_renew(trust, 1, &next, "pem", &clock), 0);
	assert_int_equal(trust_copy(trust, &copy), 0);
	assert_int_equal(trust_remove_id(&copy, 1), 0);
	assert_int_equal(copy.n_known, 0);
	assert_int_equal(trust_remove_id(&copy, 1), -ENOENT);
	trust_clear(&copy);
	/* the copy was one */
	assert_int_equal(trust->n_known, 2);
	assert_int_equal(trust_take_replaced(trust, next.fingerprint), 1);
	assert_int_equal(trust_remove_id(trust, 1), 0);
	assert_int_equal(trust->n_known, 1);
}

/* Our own next certificate: used when every host that can connect has said that it trusts it. */
static void all_know_next(void **state)
{
	struct trust_certificate a = make(1, NOW + YEAR), b = make(2, NOW + 10),
				 c = make(3, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	assert_false(trust_all_know_next(trust, &clock)); /* nobody is not everybody */
	trust_add(trust, &a, "pem", &clock);
	trust_add(trust, &b, "pem", &clock);
	assert_false(trust_note_next(trust, c.fingerprint));
	assert_true(trust_note_next(trust, a.fingerprint));
	assert_false(trust_all_know_next(trust, &clock));
	clock = at(NOW + 11, 0); /* one that has expired is not waited for */
	assert_true(trust_all_know_next(trust, &clock));
	assert_int_equal(trust_renew(trust, 1, &c, "pem", &clock), 0);
	assert_true(trust_all_know_next(trust, &clock));
	trust_forget_next(trust);
	assert_false(trust_all_know_next(trust, &clock));
}

/* Hosts without TLS are remembered until one has enrolled, and only where none was known. */
static void was_plain(void **state)
{
	struct trust_certificate c = make(1, NOW + YEAR);
	struct trust *trust = *state;
	struct trust_clock clock = at(NOW, 0);

	assert_true(trust_note_plain(trust));
	assert_false(trust_note_plain(trust));
	assert_true(trust->was_plain);
	assert_int_equal(trust_judge(trust, &c, &clock), TRUST_VERDICT_UNKNOWN);
	assert_int_equal(trust_add(trust, &c, "pem", &clock), 0);
	assert_false(trust->was_plain);
	assert_int_equal(trust_add(trust, &c, "pem", &clock), -EEXIST);
	assert_false(trust_note_plain(trust));
	assert_false(trust->was_plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(window_when_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(window_closed_when_known, setup, teardown),
		cmocka_unit_test_setup_teardown(one_enrolment_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(every_reason_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(expired, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_of_1970, setup, teardown),
		cmocka_unit_test_setup_teardown(was_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(full_store, setup, teardown),
		cmocka_unit_test_setup_teardown(remove_and_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(renew, setup, teardown),
		cmocka_unit_test_setup_teardown(renew_in_full_store, setup, teardown),
		cmocka_unit_test_setup_teardown(remove_with_successor, setup, teardown),
		cmocka_unit_test_setup_teardown(all_know_next, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
