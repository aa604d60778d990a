/* SPDX-License-Identifier: Apache-2.0 */
/* A Lifecycle log that is damaged, or on a full disk: kept beside, counted, never silently lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "endpoint/log_entry.h"
#include "lclog_fixture.h"

static void fill(struct fixture *f, int n)
{
	struct lclog *log;

	assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
	for (int i = 0; i < n; i++)
		lclog_emit(log, MSG_ISM0050, "169.254.1.2", "1", "IPv4");
	lclog_close(log);
}

/* A broken database: kept beside, a new one works, its first record says so. */
static void assert_moved_aside(struct fixture *f)
{
	struct lclog_record record;
	char aside[160];
	struct lclog *log;
	struct stat st;

	assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
	assert_range(log, 1, 1);
	assert_int_equal(lclog_get(log, 1, &record), 0);
	assert_string_equal(record.message_id, "ISM1036");
	snprintf(aside, sizeof(aside), "%s.corrupt-1", f->path);
	assert_int_equal(stat(aside, &st), 0);
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_range(log, 1, 2);
	lclog_close(log);
}

static void truncated(void **state)
{
	struct fixture *f = *state;

	fill(f, 120);
	assert_int_equal(truncate(f->path, 20000), 0);
	assert_moved_aside(f);
}

static void not_a_database(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "this is no database, but long enough to look at", 47), 47);
	close(fd);
	assert_moved_aside(f);
}

static void damaged_pages(void **state)
{
	struct fixture *f = *state;
	char garbage[4096];
	int fd;

	fill(f, 120);
	fd = open(f->path, O_WRONLY);
	memset(garbage, 0x5a, sizeof(garbage));
	assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 8192), sizeof(garbage));
	close(fd);
	assert_moved_aside(f);
}

/* A file of more pages than are looked at when it is opened, written at once. */
static void fill_long(struct fixture *f, int records)
{
	char sql[512];
	sqlite3 *db;

	fill(f, 1);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql),
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		" INSERT INTO records (created, severity, message_id, message, resolution, args)"
		" SELECT 0, 0, 'ISM1030', printf('%%.300c', 'm'), 'r', '[]' FROM n",
		records - 1);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void overwrite(struct fixture *f, int64_t from, int64_t to)
{
	int fd = open(f->path, O_WRONLY);
	char garbage[4096];

	memset(garbage, 0x5a, sizeof(garbage));
	for (; from < to; from += (int64_t)sizeof(garbage))
		assert_int_equal(pwrite(fd, garbage, sizeof(garbage), from), sizeof(garbage));
	close(fd);
}

/* Damage where no start looks: nothing is wrong until it is read, then as if it had been seen. */
static void long_log_damaged_inside(void **state)
{
	const int records = 40000;
	struct fixture *f = *state;
	struct lclog_record record;
	struct lclog *log;
	struct stat st;

	fill_long(f, records);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size > 4096L * LCLOG_CHECK_PAGES);
	overwrite(f, st.st_size / 2 / 4096 * 4096, st.st_size / 2 / 4096 * 4096 + 40960);
	assert_int_equal(lclog_open(f->folder, 100000, &log), 0);
	assert_range(log, 1, records);
	assert_int_equal(lclog_get(log, records, &record), 0);
	assert_int_equal(lclog_get(log, 1, &record), 0);
	for (int id = 1; id <= records; id += 10) {
		if (lclog_get(log, id, &record) == -EIO)
			break;
		assert_int_equal(record.id, id);
	}
	/* The new one: its ids go on, for they are cursors of streams that are open. */
	assert_range(log, records + 1, records + 1);
	assert_int_equal(lclog_get(log, records + 1, &record), 0);
	assert_string_equal(record.message_id, "ISM1036");
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_range(log, records + 1, records + 2);
	lclog_close(log);
	assert_int_equal(access(f->path, F_OK), 0);
	assert_int_equal(lclog_open(f->folder, 100000, &log), 0);
	assert_range(log, records + 1, records + 2);
	lclog_close(log);
}

static void long_log_damaged_at_its_end(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	fill_long(f, 40000);
	assert_int_equal(stat(f->path, &st), 0);
	overwrite(f, st.st_size - 40960, st.st_size);
	assert_moved_aside(f);
}

/* Bits that tip over within a record: SQLite does not see it, and a reader must get behind it. */
static void record_with_wrong_bits(void **state)
{
	struct fixture *f = *state;
	char text[LOG_ENTRY_TIME_SIZE];
	struct lclog_record record;
	struct lclog *log;
	sqlite3 *db;

	fill(f, 3);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "UPDATE records SET message = CAST(x'41ff42' AS TEXT),"
				 " message_id = CAST(x'c9534d' AS TEXT), resolution = x'80',"
				 " created = 9223372036854775807 WHERE id = 2",
				 NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
	assert_int_equal(lclog_get(log, 2, &record), 0);
	assert_string_equal(record.message, "A?B");
	assert_string_equal(record.message_id, "?SM");
	assert_string_equal(record.resolution, "?");
	log_entry_format_time(record.created_ms, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	log_entry_format_time(-1, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	log_entry_format_time(1, text);
	assert_string_equal(text, "1970-01-01T00:00:00.001Z");
	lclog_close(log);
}

static void keeps_few_corrupt_copies(void **state)
{
	struct fixture *f = *state;
	char aside[160];
	struct stat st;

	for (int i = 0; i < LCLOG_KEEP_CORRUPT + 2; i++) {
		fill(f, 120);
		assert_int_equal(truncate(f->path, 20000), 0);
		assert_moved_aside(f);
	}
	snprintf(aside, sizeof(aside), "%s.corrupt-%d", f->path, LCLOG_KEEP_CORRUPT);
	assert_int_equal(stat(aside, &st), 0);
	snprintf(aside, sizeof(aside), "%s.corrupt-%d", f->path, LCLOG_KEEP_CORRUPT + 1);
	assert_int_equal(stat(aside, &st), -1);
}

/* A full disk: records are lost, counted, and the loss is told when there is room again. */
static void full_disk(void **state)
{
	struct fixture *f = *state;
	struct lclog_record record;
	int64_t oldest, newest, before;
	struct lclog *log;
	int lost = 0;

	assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
	assert_int_equal(lclog_limit_pages(log, 8), 0);
	for (int i = 0; i < 200; i++) {
		int r = lclog_emit(log, MSG_ISM0050, "169.254.1.2", "1", "IPv4");

		assert_true(r == 0 || r == -ENOSPC);
		lost += r != 0;
	}
	assert_true(lost > 0 && lost < 200);
	lclog_get_range(log, &oldest, &before);
	assert_int_equal(before, 200 - lost);
	/* What is there can still be read. */
	assert_int_equal(lclog_get(log, before, &record), 0);

	assert_int_equal(lclog_limit_pages(log, 1000000), 0);
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	lclog_get_range(log, &oldest, &newest);
	assert_int_equal(newest, before + 2);
	assert_int_equal(lclog_get(log, before + 1, &record), 0);
	assert_string_equal(record.message_id, "ISM1037");
	assert_int_equal(atoi(record.args[0]), lost);
	assert_int_equal(lclog_get(log, before + 2, &record), 0);
	assert_string_equal(record.message_id, "ISM1030");
	lclog_close(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_database, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(long_log_damaged_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(long_log_damaged_at_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(record_with_wrong_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_few_corrupt_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
