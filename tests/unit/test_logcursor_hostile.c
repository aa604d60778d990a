/* SPDX-License-Identifier: Apache-2.0 */
/* The log cursor against pages that fail, that are odd, and that do not end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "logcursor_bmc.h"

/* A page that cannot be had: nothing is told, nothing is lost, and the next reading has it all. */
static void test_failed_reading(void **state)
{
	struct bmc bmc = {.first = 1, .last = 12, .page = 4};
	struct log_cursor cursor;
	char out[256];

	for (int newest_first = 0; newest_first < 2; newest_first++) {
		bmc.newest_first = newest_first;
		for (bmc.fails_at = 1; bmc.fails_at <= 2; bmc.fails_at++) {
			log_cursor_init(&cursor, "3");
			assert_int_equal(read_log(&cursor, &bmc, out), -EBADMSG);
			assert_string_equal(out, "");
			assert_string_equal(cursor.last, "3");
		}
		bmc.fails_at = 0;
		assert_read(&cursor, &bmc, "4 5 6 7 8 9 10 11 12", 0);
	}
}

/* More than one reading takes: the next ones go on, and nothing is lost or told twice. */
static void test_bounds(void **state)
{
	struct bmc bmc = {.first = 1, .last = 5500, .page = 100};
	struct log_cursor cursor;
	static char out[64 * 1024];

	for (int newest_first = 0; newest_first < 2; newest_first++) {
		unsigned int expected = 2001, readings = 0;

		bmc.newest_first = newest_first;
		log_cursor_init(&cursor, "2000");
		do {
			char *at = out;

			assert_int_equal(read_log(&cursor, &bmc, out), 0);
			assert_int_equal(cursor.lost, 0);
			for (; *at; expected++)
				assert_int_equal(strtoul(at, &at, 10), expected);
			readings++;
		} while (cursor.cut);
		assert_int_equal(expected, 5501);
		assert_string_equal(cursor.last, "5500");
		assert_int_equal(readings, 4);
	}
	bmc.page = 1; /* pages without end */
	log_cursor_init(&cursor, "1");
	assert_int_equal(read_log(&cursor, &bmc, out), 0);
	assert_int_equal(bmc.asked, LOG_CURSOR_MAX_PAGES);
	assert_true(cursor.lost > 0);
}

/* What a hostile or odd service says: no crash, no loop. */
static void test_odd_pages(void **state)
{
	static const char *const pages[] = {"[]", "{}", "{\"Members\": {}}", "{\"Members\": 7}"};
	static const char *const harmless[] = {"{\"Members\": [7, null, [], {}, {\"Id\": 7}, "
					       "{\"Id\": \"\"}]}",
		"{\"Members\": [], \"Members@odata.nextLink\": 7}"};
	struct log_cursor cursor;
	char out[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		json_t *page = json_loads(pages[i], 0, NULL);

		log_cursor_init(&cursor, "1");
		log_cursor_begin(&cursor, ENTRIES);
		assert_null(log_cursor_take(&cursor, page));
		assert_int_equal(log_cursor_end(&cursor, take, out), -EBADMSG);
		json_decref(page);
	}
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		json_t *page = json_loads(harmless[i], 0, NULL);

		log_cursor_init(&cursor, "1");
		log_cursor_begin(&cursor, ENTRIES);
		assert_null(log_cursor_take(&cursor, page));
		assert_int_equal(log_cursor_end(&cursor, take, out), 0);
		json_decref(page);
	}
	/* a page that leads to itself */
	json_t *page = json_pack("{s:[], s:s}", "Members", "Members@odata.nextLink", ENTRIES);

	log_cursor_init(&cursor, "1");
	log_cursor_begin(&cursor, ENTRIES);
	assert_null(log_cursor_take(&cursor, page));
	assert_int_equal(log_cursor_end(&cursor, take, out), -EBADMSG);
	json_decref(page);
	assert_int_equal(log_cursor_end(&cursor, take, out), -EBADMSG); /* nothing was begun */
	assert_string_equal(out, "");
}

static void test_pages_that_come_round(void **state)
{
	static const char *const a[] = {"90", "89"}, *const b[] = {"88", "87"};
	struct log_cursor cursor;
	unsigned int n = 0;
	const char *path;

	log_cursor_init(&cursor, "1");
	path = log_cursor_begin(&cursor, ENTRIES);
	for (; path; n++) {
		json_t *page = n % 2 ? make_page(b, 2, "", "/a") : make_page(a, 2, "", "/b");

		path = log_cursor_take(&cursor, page);
		json_decref(page);
	}
	assert_true(n < 10);
	assert_int_equal(log_cursor_end(&cursor, take, NULL), -EBADMSG);
	assert_string_equal(cursor.last, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_reading),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_odd_pages),
		cmocka_unit_test(test_pages_that_come_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
