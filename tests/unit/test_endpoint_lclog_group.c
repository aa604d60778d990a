/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit of the Lifecycle log: what shares a commit, and what a kill or a full disk takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lclog_fixture.h"

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

/* Records that wait for their commit when the record of who cleared the log does not get in: the
 * log is as it was, and they are in it. */
static void failed_clear_takes_nothing(void **state)
{
	struct fixture *f = *state;
	struct event_base *base = event_base_new();
	char by[MESSAGE_MAX_ARG], wal[sizeof(f->path) + 8];
	struct lclog *log;
	int failed = 0;

	memset(by, 'x', sizeof(by) - 1);
	by[sizeof(by) - 1] = '\0';
	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	for (int n = LCLOG_GROUP_MAX - 16; n < LCLOG_GROUP_MAX; n++) {
		assert_int_equal(lclog_open(f->folder, 1000, &log), 0);
		assert_int_equal(lclog_set_group(log, base, 60000), 0);
		for (int i = 0; i < n; i++)
			assert_int_equal(lclog_emit(log, MSG_ISM1030), 0);
		assert_int_equal(lclog_limit_pages(log, 1), 0); /* not one more than there are */
		if (lclog_clear(log, by) < 0) {
			assert_range(log, 1, n);
			failed++;
		}
		lclog_close(log);
		unlink(f->path);
		unlink(wal);
	}
	assert_true(failed > 0);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(group, setup, teardown),
		cmocka_unit_test_setup_teardown(group_survives_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(group_on_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_clear_takes_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
