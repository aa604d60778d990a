/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log cursor against logs as stock BMCs have them: newest or oldest first, in pages, updated in
 * place, growing while it is read; and its first contact.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "logcursor_bmc.h"

static void test_compare(void **state)
{
	static const struct {
		const char *a, *b;
		int order;
	} rows[] = {
		{"9",		      "10",		    -1},
		{"10",		       "9",			    1 },
		{"7",		      "7",			   0 },
		{"007",			"8",		     -1},
		{"07",		       "7",			    0 },
		{"99999999999999999999", "100000000000000000000", -1},
		{"1700000000",	       "1700000000_1",	       -1},
		{"1700000000_1",	 "1700000000_2",		 -1},
		{"1700000000_9",	 "1700000000_10",	  -1},
		{"1700000001",	       "1700000000_5",	       1 },
		{"a",		      "a",			   0 },
		{"a",		      "b",			   2 },
		{"1",		      "x",			   2 },
		{"1x",		       "2",			    2 },
		{"1",		      "2x",		    2 },
		{"1_x",			"1_2",		       2 },
		{"",		     "1",			  2 },
		{"1_",		       "1_2",		      2 },
		{"0",		      "00",		    0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int there = log_id_compare(rows[i].a, rows[i].b);
		int back = log_id_compare(rows[i].b, rows[i].a);

		if (there != rows[i].order || back != (rows[i].order == 2 ? 2 : -rows[i].order))
			fail_msg("%s %s: %d, %d", rows[i].a, rows[i].b, there, back);
	}
}

/* iDRAC9: thousands of entries, the newest first; never is it read through. */
static void test_newest_first(void **state)
{
	struct bmc bmc = {.first = 1, .last = 5000, .page = 50, .newest_first = true};
	struct log_cursor cursor;

	log_cursor_init(&cursor, NULL);
	assert_read(&cursor, &bmc, "", 1);
	assert_string_equal(cursor.last, "5000");
	assert_read(&cursor, &bmc, "", 1);
	bmc.last = 5003;
	assert_read(&cursor, &bmc, "5001 5002 5003", 1);
	assert_int_equal(cursor.order, LOG_ORDER_NEWEST_FIRST);
	bmc.last = 5104;
	assert_int_equal(read_log(&cursor, &bmc, (char[4096]){0}), 0);
	assert_int_equal(bmc.asked, 3);
	assert_int_equal(cursor.lost, 0);
	log_cursor_clear(&cursor);
}

/* bmcweb: the oldest first; the reading begins where the last one ended. */
static void test_oldest_first(void **state)
{
	struct bmc bmc = {.first = 1, .last = 120, .page = 50};
	struct log_cursor cursor;

	log_cursor_init(&cursor, NULL);
	assert_read(&cursor, &bmc, "", 3);
	assert_string_equal(cursor.last, "120");
	bmc.last = 122;
	assert_read(&cursor, &bmc, "121 122", 1);
	bmc.last = 152;
	assert_int_equal(read_log(&cursor, &bmc, (char[4096]){0}), 0);
	assert_int_equal(bmc.asked, 2);
	assert_read(&cursor, &bmc, "", 1);
	log_cursor_clear(&cursor);
}

/* iLO: an entry that is counted up has the Id it had. It was told, and is told once. */
static void test_updated_in_place(void **state)
{
	struct bmc bmc = {.first = 1, .last = 5, .page = 100};
	struct log_cursor cursor;

	for (int newest_first = 0; newest_first < 2; newest_first++) {
		bmc.last = 5;
		bmc.newest_first = newest_first;
		log_cursor_init(&cursor, "3");
		assert_read(&cursor, &bmc, "4 5", 1);
		assert_read(&cursor, &bmc, "", 1);
		bmc.last = 6;
		assert_read(&cursor, &bmc, "6", 1);
	}
}

static void test_grows_while_read(void **state)
{
	struct bmc bmc = {.first = 1, .last = 20, .page = 4, .newest_first = true, .grows_by = 2};
	struct log_cursor cursor;

	log_cursor_init(&cursor, "10");
	assert_read(&cursor, &bmc, "11 12 13 14 15 16 17 18 19 20", 0);
	assert_string_equal(cursor.last, "20");
	bmc.grows_by = 0;
	bmc.last = 22;
	assert_read(&cursor, &bmc, "21 22", 1);
}

static void test_opaque_ids(void **state)
{
	struct bmc bmc = {.first = 1, .last = 4, .page = 50, .newest_first = true, .prefix = "x"};
	struct log_cursor cursor;

	log_cursor_init(&cursor, "x2");
	assert_read(&cursor, &bmc, "x3 x4", 1);
	bmc.last = 5;
	assert_read(&cursor, &bmc, "x5", 1);
}

/* First contact with 100,000 old entries, the oldest first: to the end, and back when that fails.
 */
static void test_first_contact_jumps(void **state)
{
	static const char *const first[] = {"1", "2"}, *const last[] = {"999", "1000"};
	struct log_cursor cursor;

	log_cursor_init(&cursor, NULL);
	log_cursor_begin(&cursor, ENTRIES);
	take_page(&cursor, first, 2, "", ENTRIES "?$skip=2", ENTRIES "?$skip=992");
	take_page(&cursor, last, 2, "", NULL, NULL);
	assert_int_equal(log_cursor_end(&cursor, take, NULL), 0);
	assert_string_equal(cursor.last, "1000");
	log_cursor_init(&cursor, NULL);
	log_cursor_begin(&cursor, ENTRIES);
	take_page(&cursor, first, 2, "", ENTRIES "?$skip=2", ENTRIES "?$skip=992");
	assert_string_equal(log_cursor_take(&cursor, NULL), ENTRIES "?$skip=2");
	take_page(&cursor, last, 2, "", NULL, NULL);
	assert_int_equal(log_cursor_end(&cursor, take, NULL), 0);
	assert_string_equal(cursor.last, "1000");
}

/* The log overwrites its oldest: the remembered page has moved on, and what is before it counts. */
static void test_remembered_page_moved(void **state)
{
	struct bmc bmc = {.first = 1, .last = 200, .page = 50};
	struct log_cursor cursor;
	static char out[4096];
	unsigned int expected = 201;
	char *at = out;

	log_cursor_init(&cursor, NULL);
	assert_read(&cursor, &bmc, "", 0);
	bmc.first = 101, bmc.last = 300; /* what stood at 150 stands at 50 */
	assert_int_equal(read_log(&cursor, &bmc, out), 0);
	for (; *at; expected++)
		assert_int_equal(strtoul(at, &at, 10), expected);
	assert_int_equal(expected, 301);
	assert_false(cursor.cleared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_newest_first),
		cmocka_unit_test(test_oldest_first),
		cmocka_unit_test(test_updated_in_place),
		cmocka_unit_test(test_grows_while_read),
		cmocka_unit_test(test_opaque_ids),
		cmocka_unit_test(test_first_contact_jumps),
		cmocka_unit_test(test_remembered_page_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
