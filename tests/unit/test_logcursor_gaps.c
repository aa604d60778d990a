/* SPDX-License-Identifier: Apache-2.0 */
/* The log cursor where a log is not what it was: cleared, overwritten, deleted from, wrapped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "logcursor_bmc.h"

static void test_cleared(void **state)
{
	struct bmc bmc = {.first = 1, .last = 300, .page = 50};
	struct log_cursor cursor;

	for (int newest_first = 0; newest_first < 2; newest_first++) {
		bmc.first = 1, bmc.last = 300, bmc.newest_first = newest_first;
		log_cursor_init(&cursor, NULL);
		assert_read(&cursor, &bmc, "", 0);
		assert_false(cursor.cleared);
		bmc.last = 3;
		assert_read(&cursor, &bmc, "1 2 3", 0);
		assert_true(cursor.cleared);
		bmc.last = 4;
		assert_read(&cursor, &bmc, "4", 1);
		assert_false(cursor.cleared);
		bmc.last = 0; /* and empty */
		assert_read(&cursor, &bmc, "", 1);
		bmc.last = 2;
		assert_read(&cursor, &bmc, "1 2", 1);
	}
}

/* The oldest are overwritten, the last one seen among them. */
static void test_overwritten(void **state)
{
	struct bmc bmc = {.first = 1, .last = 10, .page = 4};
	struct log_cursor cursor;

	for (int newest_first = 0; newest_first < 2; newest_first++) {
		bmc.first = 1, bmc.last = 10, bmc.newest_first = newest_first;
		log_cursor_init(&cursor, "10");
		bmc.first = 13, bmc.last = 18;
		assert_read(&cursor, &bmc, "13 14 15 16 17 18", 2);
		assert_false(cursor.cleared);
	}
}

/* Single entries are deleted by somebody: what is left was told. */
static void test_deleted(void **state)
{
	struct bmc bmc = {.first = 1, .page = 50};
	struct log_cursor cursor;

	for (int newest_first = 0; newest_first < 2; newest_first++) {
		bmc.last = 120, bmc.newest_first = newest_first;
		log_cursor_init(&cursor, NULL);
		assert_read(&cursor, &bmc, "", 0);
		bmc.last = 117;
		assert_read(&cursor, &bmc, "", 0);
		assert_false(cursor.cleared);
		assert_string_equal(cursor.last, "117");
		bmc.last = 119;
		assert_read(&cursor, &bmc, "118 119", 0);
	}
}

/* Ids that wrap: those behind the last one seen were told. */
static void test_wrapped(void **state)
{
	static const char *const ids[] = {"2", "1", "65535", "65534"};
	struct log_cursor cursor;
	char out[64] = "";

	log_cursor_init(&cursor, "65535");
	log_cursor_begin(&cursor, ENTRIES);
	take_page(&cursor, ids, 4, "2026-11-22T12:00:00Z", NULL, NULL);
	assert_int_equal(log_cursor_end(&cursor, take, out), 0);
	assert_string_equal(out, "1 2");
	assert_string_equal(cursor.last, "2");
}

/* Cleared, and grown beyond where it was: the entry with the last Id is another one. */
static void test_same_id_other_time(void **state)
{
	static const char *const before[] = {"2", "1"}, *const after[] = {"3", "2", "1"};
	static const char *const upward[] = {"1", "2", "3"};
	struct log_cursor cursor;
	char out[64] = "";

	log_cursor_init(&cursor, NULL);
	log_cursor_begin(&cursor, ENTRIES);
	take_page(&cursor, before, 2, "2026-11-22T12:00:00Z", NULL, NULL);
	assert_int_equal(log_cursor_end(&cursor, take, out), 0);
	log_cursor_begin(&cursor, ENTRIES);
	take_page(&cursor, after, 3, "2026-11-23T12:00:00Z", NULL, NULL);
	assert_int_equal(log_cursor_end(&cursor, take, out), 0);
	assert_string_equal(out, "1 2 3");
	assert_true(cursor.cleared);
	/* The same the other way round: it is read once more from its beginning. */
	out[0] = '\0';
	log_cursor_init(&cursor, "2");
	strcpy(cursor.created, "2026-11-22T12:00:00Z");
	log_cursor_begin(&cursor, ENTRIES);
	take_page(&cursor, upward, 3, "2026-11-23T12:00:00Z", NULL, ENTRIES);
	take_page(&cursor, upward, 3, "2026-11-23T12:00:00Z", NULL, NULL);
	assert_int_equal(log_cursor_end(&cursor, take, out), 0);
	assert_string_equal(out, "1 2 3");
	/* Only the offset is another one: the same moment. */
	out[0] = '\0';
	strcpy(cursor.created, "2026-11-23T12:00:00Z");
	log_cursor_begin(&cursor, ENTRIES);
	take_page(&cursor, upward, 3, "2026-11-23T06:00:00-06:00", NULL, NULL);
	assert_int_equal(log_cursor_end(&cursor, take, out), 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_same_id_other_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
