/* SPDX-License-Identifier: Apache-2.0 */
/* The Lifecycle log: durable, bounded, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lclog_fixture.h"

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

/* No database to be had at all: the service goes on with a log in memory. */
static void no_folder(void **state)
{
	struct lclog *log;

	assert_int_equal(lclog_open("/proc/no/such/folder", 100, &log), 0);
	assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
	assert_range(log, 1, 1);
	lclog_close(log);
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
		cmocka_unit_test(no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
