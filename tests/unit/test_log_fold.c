/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log_fold.h"

static const char a[] = "a", b[] = "b";

static unsigned int burst(struct log_fold *fold, const char *key, unsigned int count, uint64_t now)
{
	unsigned int written = 0, held;

	for (unsigned int i = 0; i < count; i++)
		written += log_fold_take(fold, key, now + i, &held);
	return written;
}

static void few_lines_are_all_written(void **state)
{
	struct log_fold fold = {0};
	unsigned int held;

	(void)state;
	for (unsigned int i = 0; i < LOG_FOLD_FREE; i++) {
		held = 99;
		assert_true(log_fold_take(&fold, a, 1000, &held));
		assert_int_equal(held, 0);
	}
}

static void a_burst_is_few_lines_and_then_its_count(void **state)
{
	struct log_fold fold = {0};
	unsigned int held = 0;

	(void)state;
	assert_int_equal(burst(&fold, a, 100, 0), LOG_FOLD_FREE);
	assert_true(log_fold_take(&fold, a, LOG_FOLD_WINDOW_MS + 100, &held));
	assert_int_equal(held, 100 - LOG_FOLD_FREE);
	/* it goes on: one in each window */
	assert_int_equal(burst(&fold, a, 50, LOG_FOLD_WINDOW_MS + 101), 0);
	assert_true(log_fold_take(&fold, a, 2 * LOG_FOLD_WINDOW_MS + 100, &held));
	assert_int_equal(held, 50);
}

static void after_a_quiet_time_it_may_speak_as_at_first(void **state)
{
	struct log_fold fold = {0};

	(void)state;
	assert_int_equal(burst(&fold, a, LOG_FOLD_FREE, 0), LOG_FOLD_FREE);
	assert_int_equal(burst(&fold, a, 10, LOG_FOLD_WINDOW_MS + 10), LOG_FOLD_FREE);
}

static void one_kind_does_not_silence_another(void **state)
{
	struct log_fold fold = {0};

	(void)state;
	burst(&fold, a, 100, 0);
	assert_int_equal(burst(&fold, b, 2, 50), 2);
}

static void more_kinds_than_places(void **state)
{
	static const char many[2 * LOG_FOLD_LINES] = {0};
	struct log_fold fold = {0};
	unsigned int held;

	(void)state;
	for (size_t i = 0; i < sizeof(many); i++)
		assert_true(log_fold_take(&fold, many + i, i, &held));
	/* the newest kept its place */
	assert_int_equal(burst(&fold, many + sizeof(many) - 1, 10, 100), LOG_FOLD_FREE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_lines_are_all_written),
		cmocka_unit_test(a_burst_is_few_lines_and_then_its_count),
		cmocka_unit_test(after_a_quiet_time_it_may_speak_as_at_first),
		cmocka_unit_test(one_kind_does_not_silence_another),
		cmocka_unit_test(more_kinds_than_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
