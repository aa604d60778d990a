/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log cursor against logs as stock BMCs have them: newest or oldest first, in pages, updated in
 * place, cleared, overwritten, growing while it is read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "host/link/logcursor.h"

#define ENTRIES "/redfish/v1/Log/Entries"

struct bmc { /* a log of numbers first..last, in pages */
	unsigned int first, last, page;
	bool newest_first;
	unsigned int asked;    /* pages */
	unsigned int grows_by; /* entries, after each page */
	unsigned int fails_at; /* page that cannot be had, counted from 1; 0: none */
	const char *prefix;    /* of an Id; NULL: none */
	const char *entries;   /* NULL: ENTRIES */
};

static json_t *make_entry(const struct bmc *bmc, unsigned int number)
{
	char id[96];

	snprintf(id, sizeof(id), "%s%u", bmc->prefix ? bmc->prefix : "", number);
	return json_pack("{s:s, s:s}", "Id", id, "Created", "1970-01-01T00:00:00Z");
}

/* The path is one that this service has made, or nothing is answered. */
static json_t *get(struct bmc *bmc, const char *path)
{
	const char *entries = bmc->entries ? bmc->entries : ENTRIES;
	unsigned int n = bmc->last >= bmc->first ? bmc->last - bmc->first + 1 : 0, skip = 0;
	json_t *members = json_array(), *page;
	char link[128];

	assert_memory_equal(path, entries, strlen(entries));
	if (path[strlen(entries)]) {
		assert_int_equal(sscanf(path + strlen(entries), "?$skip=%u&odd=yes", &skip), 1);
		assert_non_null(strstr(path, "&odd=yes"));
	}
	bmc->asked++;
	if (bmc->fails_at == bmc->asked) {
		json_decref(members);
		return NULL;
	}
	for (unsigned int i = skip; i < n && i < skip + bmc->page; i++)
		json_array_append_new(members,
			make_entry(bmc, bmc->newest_first ? bmc->last - i : bmc->first + i));
	page = json_pack("{s:o}", "Members", members);
	if (skip + bmc->page < n) {
		snprintf(link, sizeof(link), "%s?$skip=%u&odd=yes", entries, skip + bmc->page);
		json_object_set_new(page, "Members@odata.nextLink", json_string(link));
	}
	bmc->last += bmc->grows_by;
	return page;
}

static void take(const json_t *entry, void *arg)
{
	char *out = arg;

	snprintf(out + strlen(out), 64, "%s%s", *out ? " " : "",
		json_string_value(json_object_get(entry, "Id")));
}

static int read_log(struct log_cursor *cursor, struct bmc *bmc, char *out)
{
	const char *path = log_cursor_begin(cursor, bmc->entries ? bmc->entries : ENTRIES);

	out[0] = '\0';
	bmc->asked = 0;
	while (path) {
		json_t *page = get(bmc, path);

		path = log_cursor_take(cursor, page);
		json_decref(page);
	}
	return log_cursor_end(cursor, take, out);
}

static void assert_read(
	struct log_cursor *cursor, struct bmc *bmc, const char *expected, unsigned int pages)
{
	static char out[64 * 1024];

	assert_int_equal(read_log(cursor, bmc, out), 0);
	assert_string_equal(out, expected);
	if (pages)
		assert_int_equal(bmc->asked, pages);
}

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

static void test_opaque_ids(void **state)
{
	struct bmc bmc = {.first = 1, .last = 4, .page = 50, .newest_first = true, .prefix = "x"};
	struct log_cursor cursor;

	log_cursor_init(&cursor, "x2");
	assert_read(&cursor, &bmc, "x3 x4", 1);
	bmc.last = 5;
	assert_read(&cursor, &bmc, "x5", 1);
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

static json_t *make_page(const char *const *ids, size_t n, const char *created, const char *next)
{
	json_t *members = json_array(), *page;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			members, json_pack("{s:s, s:s}", "Id", ids[i], "Created", created));
	page = json_pack("{s:o, s:i}", "Members", members, "Members@odata.count", 1000);
	if (next)
		json_object_set_new(page, "Members@odata.nextLink", json_string(next));
	return page;
}

static void take_page(struct log_cursor *cursor, const char *const *ids, size_t n,
	const char *created, const char *next, const char *expected)
{
	json_t *page = make_page(ids, n, created, next);
	const char *path = log_cursor_take(cursor, page);

	if (expected)
		assert_string_equal(path, expected);
	else
		assert_null(path);
	json_decref(page);
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
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_newest_first),
		cmocka_unit_test(test_oldest_first),
		cmocka_unit_test(test_updated_in_place),
		cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_grows_while_read),
		cmocka_unit_test(test_failed_reading),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_odd_pages),
		cmocka_unit_test(test_opaque_ids),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_same_id_other_time),
		cmocka_unit_test(test_first_contact_jumps),
		cmocka_unit_test(test_remembered_page_moved),
		cmocka_unit_test(test_pages_that_come_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
