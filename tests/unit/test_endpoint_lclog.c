/* SPDX-License-Identifier: Apache-2.0 */
/* The Lifecycle log: durable, bounded, and never silently lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/util.h"
#include "endpoint/lclog.h"

struct fixture {
	char folder[64], path[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->folder, sizeof(f->folder), "/tmp/test-lclog-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/" LCLOG_FILE, f->folder);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

struct ids {
	int64_t ids[4096];
	unsigned int n, stop_at;
};

static bool take_id(const struct lclog_record *record, void *arg)
{
	struct ids *ids = arg;

	ids->ids[ids->n++] = record->id;
	return ids->n != ids->stop_at;
}

static void assert_range(struct lclog *log, int64_t oldest, int64_t newest)
{
	int64_t o, n;

	lclog_get_range(log, &o, &n);
	assert_int_equal(o, oldest);
	assert_int_equal(n, newest);
}

static void write_and_read(void **state)
{
	struct fixture *f = *state;
	struct lclog_record record;
	struct ids ids = {.n = 0};
	struct lclog *log;

	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	assert_range(log, 1, 0);
	assert_int_equal(lclog_get(log, 1, &record), -ENOENT);
	assert_int_equal(lclog_emit(log, MSG_ISM0050, "169.254.1.2\n\033[31m", "1", "IPv4"), 0);
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	lclog_close(log);

	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	assert_range(log, 1, 2);
	assert_int_equal(lclog_get(log, 1, &record), 0);
	assert_string_equal(record.message_id, "ISM0050");
	assert_int_equal(record.severity, SEVERITY_WARNING);
	assert_int_equal(record.n_args, 3);
	assert_string_equal(record.args[0], "169.254.1.2??[31m"); /* made harmless */
	assert_null(strchr(record.message, '\033'));
	assert_non_null(strstr(record.message, "attempt 1 over IPv4"));
	assert_true(record.created_ms > 1500000000000);
	assert_int_equal(lclog_get(log, 2, &record), 0);
	assert_int_equal(record.n_args, 0);
	assert_int_equal(lclog_get(log, 3, &record), -ENOENT);
	assert_int_equal(lclog_read_down(log, 2, 10, take_id, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_int_equal(ids.ids[0], 2);
	lclog_close(log);
}

static void second_process(void **state)
{
	struct fixture *f = *state;
	struct lclog *log;
	int status;
	pid_t child;

	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	child = fork();
	if (child == 0) {
		struct lclog *other;

		_exit(lclog_open(f->folder, 100, &other) == -EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	lclog_close(log);
}

static void overwrite_oldest(void **state)
{
	struct fixture *f = *state;
	struct lclog_record record;
	struct ids ids = {.n = 0};
	struct lclog *log;

	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	for (int i = 0; i < 250; i++)
		assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_range(log, 151, 250);
	assert_int_equal(lclog_get(log, 150, &record), -ENOENT);
	assert_int_equal(lclog_get(log, 151, &record), 0);
	assert_int_equal(lclog_read_up(log, 0, 4096, take_id, &ids), 0);
	assert_int_equal(ids.n, 100);
	for (unsigned int i = 0; i < ids.n; i++)
		assert_int_equal(ids.ids[i], 151 + i);
	/* A smaller maximum takes effect at the next record, and survives. */
	lclog_set_maximum(log, 10);
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_range(log, 242, 251);
	lclog_close(log);
	assert_int_equal(lclog_open(f->folder, 10, &log), 0);
	assert_range(log, 242, 251);
	lclog_close(log);
}

/* The file does not grow with the number of records that were ever written. */
static void bounded_file(void **state)
{
	struct fixture *f = *state;
	struct lclog *log;
	struct stat st;

	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	for (int i = 0; i < 500; i++)
		assert_int_equal(lclog_emit(log, MSG_ISM0050, "169.254.1.2", "1", "IPv4"), 0);
	lclog_close(log);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size < 120000);
}

static void cursors(void **state)
{
	struct ids up = {.n = 0}, down = {.n = 0}, few = {.stop_at = 2};
	struct fixture *f = *state;
	struct lclog *log;

	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	for (int i = 0; i < 20; i++)
		lclog_emit(log, MSG_ISM1030);
	assert_int_equal(lclog_read_up(log, 17, 100, take_id, &up), 0);
	assert_int_equal(up.n, 3);
	assert_int_equal(up.ids[0], 18);
	assert_int_equal(lclog_read_down(log, 5, 3, take_id, &down), 0);
	assert_int_equal(down.n, 3);
	assert_int_equal(down.ids[2], 3);
	assert_int_equal(lclog_read_up(log, 0, 100, take_id, &few), 0);
	assert_int_equal(few.n, 2);
	/* A reading that was ended early leaves nothing behind that would hold up writing. */
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	lclog_close(log);
}

static void count(void *arg)
{
	(*(int *)arg)++;
}

static void listener(void **state)
{
	struct fixture *f = *state;
	struct lclog *log;
	int n = 0;

	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	lclog_listen(log, count, &n);
	lclog_emit(log, MSG_ISM1030);
	lclog_emit(log, MSG_ISM1030);
	assert_int_equal(n, 2);
	lclog_close(log);
}

/* kill -9 right behind a record: it is there. */
static void survive_kill(void **state)
{
	struct fixture *f = *state;
	struct lclog *log;
	int status, fds[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		if (lclog_open(f->folder, 100, &log) < 0)
			_exit(1);
		for (int i = 0; i < 7; i++)
			lclog_emit(log, MSG_ISM1030);
		if (write(fds[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(lclog_open(f->folder, 100, &log), 0);
	assert_range(log, 1, 7);
	lclog_close(log);
	close(fds[0]);
	close(fds[1]);
}

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
	assert_range(log, 1, 1); /* the new one */
	assert_int_equal(lclog_get(log, 1, &record), 0);
	assert_string_equal(record.message_id, "ISM1036");
	lclog_close(log);
	assert_int_equal(access(f->path, F_OK), 0);
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

/* No database to be had at all: the service goes on with a log in memory. */
static void no_folder(void **state)
{
	struct lclog *log;

	assert_int_equal(lclog_open("/proc/no/such/folder", 100, &log), 0);
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_range(log, 1, 1);
	lclog_close(log);
}

/* Group commit: the first at once, the others share commits, and show only when they are durable.
 */
static void group(void **state)
{
	struct fixture *f = *state;
	struct event_base *base = event_base_new();
	struct lclog_record record;
	struct lclog *log;
	struct ids ids = {0};
	int told = 0;

	assert_int_equal(lclog_open(f->folder, 80, &log), 0);
	assert_int_equal(lclog_set_group(log, base, 60000), 0);
	lclog_listen(log, count, &told);
	for (int i = 0; i < 100; i++)
		assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_int_equal(lclog_get_commits(log), 2); /* one alone, LCLOG_GROUP_MAX together */
	assert_int_equal(told, 2);
	assert_range(log, 1, 1 + LCLOG_GROUP_MAX);
	assert_int_equal(lclog_get(log, 2 + LCLOG_GROUP_MAX, &record), -ENOENT);
	assert_int_equal(lclog_read_up(log, 0, 1000, take_id, &ids), 0);
	assert_int_equal(ids.n, 1 + LCLOG_GROUP_MAX);
	assert_int_equal(lclog_flush(log), 0);
	assert_int_equal(lclog_flush(log), 0); /* nothing is left to do */
	assert_int_equal(lclog_get_commits(log), 3);
	assert_range(log, 21, 100);
	/* By itself, when the window ends. */
	assert_int_equal(lclog_set_group(log, base, 50), 0);
	lclog_emit(log, MSG_ISM1030);
	lclog_emit(log, MSG_ISM1030);
	event_base_dispatch(base); /* until nothing is armed any more */
	assert_range(log, 23, 102);
	/* What waits is written at the end. */
	assert_int_equal(lclog_set_group(log, base, 60000), 0);
	lclog_emit(log, MSG_ISM1030);
	lclog_close(log);
	assert_int_equal(lclog_open(f->folder, 80, &log), 0);
	assert_range(log, 24, 103);
	lclog_close(log);
	event_base_free(base);
}

static void tell_range(void *arg)
{
	struct teller {
		struct lclog *log;
		int fd;
	} *teller = arg;
	int64_t oldest, newest;

	lclog_get_range(teller->log, &oldest, &newest);
	if (write(teller->fd, &newest, sizeof(newest)) != sizeof(newest))
		_exit(1);
}

/* kill -9 in the middle of a burst: all that somebody was told of is there. */
static void group_survives_kill(void **state)
{
	struct fixture *f = *state;
	int64_t told = 0, last = 0, oldest, newest;
	struct lclog *log;
	int status, fds[2];
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		struct {
			struct lclog *log;
			int fd;
		} teller = {.fd = fds[1]};

		if (lclog_open(f->folder, 100000, &teller.log) < 0 ||
			lclog_set_group(teller.log, event_base_new(), 60000) < 0)
			_exit(1);
		lclog_listen(teller.log, tell_range, &teller);
		for (;;)
			lclog_emit(teller.log, MSG_ISM1030);
	}
	close(fds[1]);
	while (last < 5 * LCLOG_GROUP_MAX)
		assert_int_equal(read(fds[0], &last, sizeof(last)), sizeof(last));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	while (read(fds[0], &told, sizeof(told)) == sizeof(told))
		last = told;
	assert_int_equal(lclog_open(f->folder, 100000, &log), 0);
	lclog_get_range(log, &oldest, &newest);
	assert_int_equal(oldest, 1);
	assert_true(newest >= last);
	lclog_close(log);
	close(fds[0]);
}

struct sums {
	int written, lost;
};

static bool add_up(const struct lclog_record *record, void *arg)
{
	struct sums *sums = arg;

	if (strcmp(record->message_id, "ISM1037") == 0)
		sums->lost += atoi(record->args[0]);
	else
		sums->written++;
	return true;
}

/* A full disk takes whole groups: each record is there, or counted in one that tells of losses. */
static void group_on_full_disk(void **state)
{
	struct fixture *f = *state;
	struct event_base *base = event_base_new();
	struct sums sums = {0};
	struct lclog *log;

	assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
	assert_int_equal(lclog_set_group(log, base, 60000), 0);
	assert_int_equal(lclog_limit_pages(log, 8), 0);
	for (int i = 0; i < 300; i++)
		lclog_emit(log, MSG_ISM0050, "169.254.1.2", "1", "IPv4");
	lclog_flush(log);
	assert_int_equal(lclog_limit_pages(log, 1000000), 0);
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_int_equal(lclog_flush(log), 0);
	assert_int_equal(lclog_read_up(log, 0, 1000, add_up, &sums), 0);
	assert_true(sums.lost > 0 && sums.written > 1);
	assert_int_equal(sums.written + sums.lost, 301);
	lclog_close(log);
	event_base_free(base);
}

/* One transaction: a clearing that cannot be written leaves the log as it was, and says so. */
static void test_clear_is_one_commit(void **state)
{
	struct fixture *f = *state;
	struct ids ids = {0};
	struct lclog *log;
	uint64_t commits;

	assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
	for (int i = 0; i < 300; i++)
		lclog_emit(log, MSG_ISM1022);
	assert_int_equal(lclog_limit_pages(log, 1), 0);
	for (int i = 0; i < 40; i++) /* fill what is left of the last page */
		lclog_emit(log, MSG_ISM1022);
	int64_t oldest, newest;

	lclog_get_range(log, &oldest, &newest);
	assert_true(lclog_clear(log, "somebody") < 0);
	assert_range(log, oldest, newest);
	assert_int_equal(lclog_limit_pages(log, 1000000), 0);
	assert_int_equal(lclog_emit(log, MSG_ISM1022), 0); /* with the record about lost ones */
	lclog_get_range(log, &oldest, &newest);
	assert_int_equal(oldest, 1);
	commits = lclog_get_commits(log);
	assert_int_equal(lclog_clear(log, "somebody"), 0);
	assert_int_equal(lclog_get_commits(log), commits + 1);
	assert_range(log, newest + 1, newest + 1);
	lclog_close(log);
	assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
	assert_int_equal(lclog_read_up(log, 0, 100, take_id, &ids), 0);
	assert_int_equal(ids.n, 1);
	lclog_close(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clear_is_one_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(write_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(second_process, setup, teardown),
		cmocka_unit_test_setup_teardown(overwrite_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(bounded_file, setup, teardown),
		cmocka_unit_test_setup_teardown(cursors, setup, teardown),
		cmocka_unit_test_setup_teardown(listener, setup, teardown),
		cmocka_unit_test_setup_teardown(survive_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_database, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(long_log_damaged_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(long_log_damaged_at_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_few_corrupt_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(group, setup, teardown),
		cmocka_unit_test_setup_teardown(group_survives_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(group_on_full_disk, setup, teardown),
		cmocka_unit_test(no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
