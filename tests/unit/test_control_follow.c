/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket over time: watchers, followers of events, answers that come later. */
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "control_fixture.h"

static void test_watch(void **state)
{
	int fd = connect_as(USER);

	say(fd, "{\"command\":\"status\",\"watch\":true}\n");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	control_publish_status(control); /* nothing changed */
	run_loop();
	assert_string_equal(hear(fd), "");
	status_number = 2;
	control_publish_status(control);
	status_number = 3;
	control_publish_status(control);
	run_loop();
	assert_string_equal(hear(fd), "{\"result\":{\"n\":2}}");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":3}}");
	say(fd, "{\"command\":\"act\"}\n");
	assert_string_equal(hear(fd),
		USAGE("this connection follows or watches: use another one for commands"));
	close(fd);
	run_loop();
	assert_int_equal(control_count(control), 0);
	status_number = 4;
	control_publish_status(control);
}

/* A watcher that does not read: bounded, and in the end it has the last status. */
static void test_slow_watcher(void **state)
{
	int fd = connect_as(USER);
	unsigned int lines = 0;
	char last[64];
	const char *line;

	status_padded = true;
	say(fd, "{\"command\":\"status\",\"watch\":true}\n");
	for (int i = 0; i < 2000; i++) {
		status_number = i;
		control_publish_status(control);
		run_loop();
	}
	do {
		line = hear(fd);
		if (*line) {
			snprintf(last, sizeof(last), "%s", line);
			lines++;
		}
		run_loop();
	} while (*line);
	assert_in_range(lines, 2, 100);
	assert_memory_equal(last, "{\"result\":{\"n\":1999,", 20);
	close(fd);
	run_loop();
}

static long get_sequence(const char *line)
{
	json_t *json = json_loads(line, 0, NULL);
	long n = (long)json_integer_value(
		json_object_get(json_object_get(json, "event"), "sequence"));

	json_decref(json);
	return n;
}

static void emit(int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	event_emit(events, MSG_ISM1021, text);
}

static void test_events(void **state)
{
	int fd = connect_as(USER);

	say(fd, "{\"command\":\"events\"}\n");
	assert_string_equal(hear(fd), "{\"result\":{}}");
	for (int i = 1; i <= 3; i++)
		emit(i);
	say(fd, "{\"command\":\"events\",\"after\":1}\n{\"command\":\"status\"}\n");
	assert_int_equal(get_sequence(hear(fd)), 2);
	assert_int_equal(get_sequence(hear(fd)), 3);
	assert_string_equal(hear(fd), "{\"result\":{}}");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	say(fd, "{\"command\":\"events\",\"after\":99999}\n");
	assert_string_equal(hear(fd), "{\"result\":{}}");
	say(fd, "{\"command\":\"events\",\"after\":-5}\n");
	assert_int_equal(get_sequence(hear(fd)), 1);
	close(fd);
	run_loop();
}

/* All of a full ring, which is more than the backlog, through a socket that is read slowly. */
static void test_many_events(void **state)
{
	int fd = connect_as(USER);
	const char *line;
	long next = 101;

	for (int i = 1; i <= EVENT_RING + 100; i++)
		emit(i);
	say(fd, "{\"command\":\"events\"}\n");
	while (line = hear(fd), *line && strcmp(line, "{\"result\":{}}") != 0) {
		assert_int_equal(get_sequence(line), next++);
		run_loop();
	}
	assert_string_equal(line, "{\"result\":{}}");
	assert_int_equal(next, EVENT_RING + 101);
	close(fd);
	run_loop();
}

static void test_follow(void **state)
{
	int fd = connect_as(USER);
	json_t *json;

	emit(1);
	say(fd, "{\"command\":\"events\",\"follow\":true}\n");
	assert_int_equal(get_sequence(hear(fd)), 1);
	assert_string_equal(hear(fd), "");
	emit(2);
	emit(2); /* counted */
	run_loop();
	assert_int_equal(get_sequence(hear(fd)), 2);
	json = json_loads(hear(fd), 0, NULL);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json, "event"), "count")), 2);
	json_decref(json);
	assert_string_equal(hear(fd), "");
	close(fd);
	run_loop();
	assert_int_equal(control_count(control), 0);
	emit(3);
}

/* A follower that stands still while the ring goes round: told how many it missed, and no more
 * memory used for it than the backlog. */
static void test_slow_follower(void **state)
{
	int fd = connect_as(USER);
	long sequence = 0, last = 0, dropped = 0, seen = 0;
	size_t before;
	const char *line;

	say(fd, "{\"command\":\"events\",\"follow\":true}\n");
	before = mallinfo2().uordblks;
	for (int i = 1; i <= 5000; i++) {
		emit(i);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	/* with the ring, and 1.2 MB if all of it were kept; the sanitizers count nothing here */
	assert_true(mallinfo2().uordblks < before + 4 * (size_t)CONTROL_MAX_BACKLOG);
	while (line = hear(fd), *line) {
		json_t *json = json_loads(line, 0, NULL), *drop = json_object_get(json, "dropped");

		if (drop) {
			dropped += (long)json_integer_value(drop);
			sequence += (long)json_integer_value(drop);
		} else {
			last = get_sequence(line);
			assert_int_equal(last, ++sequence);
			seen++;
		}
		json_decref(json);
		run_loop();
	}
	assert_int_equal(last, 5000);
	assert_true(dropped > 0);
	assert_int_equal(seen + dropped, 5000);
	close(fd);
	run_loop();
}

#define LATER "{\"command\":\"later\"}\n"

/* An answer that takes its time: requests behind it wait, and then go on. */
static void test_later(void **state)
{
	int fd = connect_as(USER), other = connect_as(USER);

	say(fd, LATER "{\"command\":\"status\"}\n");
	assert_string_equal(hear(fd), "");
	assert_true(waiting != 0);
	assert_int_equal(control_get_client(control), 0); /* only from within a command */
	say(other, "{\"command\":\"status\"}\n");
	assert_string_equal(hear(other), "{\"result\":{\"n\":1}}"); /* nobody else waits */
	control_answer(control, waiting + 1000, CONTROL_DONE, "x", NULL, NULL, "");
	run_loop();
	assert_string_equal(hear(fd), "");
	control_answer(control, waiting, CONTROL_DONE, "item", json_pack("[i, i]", 1, 2),
		json_pack("{s:i}", "n", 9), "");
	run_loop();
	assert_string_equal(hear(fd), "{\"item\":1}");
	assert_string_equal(hear(fd), "{\"item\":2}");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":9}}");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	control_answer(control, waiting, CONTROL_DONE, "x", NULL, NULL, ""); /* once is enough */
	run_loop();
	assert_string_equal(hear(fd), "");
	say(fd, LATER);
	control_answer(control, waiting, CONTROL_UNAVAILABLE, "", NULL, NULL, "no log");
	run_loop();
	assert_string_equal(hear(fd), "{\"error\":{\"exit\":5,\"text\":\"no log\"}}");
	close(fd);
	close(other);
}

/* One that goes while it waits, and one that goes while it follows. */
static void test_later_and_gone(void **state)
{
	int fd = connect_as(USER);

	say(fd, LATER);
	close(fd);
	control_answer(control, waiting, CONTROL_DONE, "x", json_pack("[i]", 1), NULL, "");
	run_loop();
	assert_int_equal(control_count(control), 0);
	control_answer(control, waiting, CONTROL_DONE, "x", json_pack("[i]", 1), NULL, "");
	assert_false(control_append(control, waiting, json_integer(1)));
	fd = connect_as(USER);
	say(fd, LATER);
	control_answer(control, waiting, CONTROL_LATER, "x", NULL, NULL, "");
	assert_true(control_append(control, waiting, json_integer(1)));
	run_loop();
	assert_string_equal(hear(fd), "{\"x\":1}");
	close(fd);
	run_loop();
	assert_int_equal(control_count(control), 0);
}

/* A follower that does not read costs a bounded queue, and is told what it has missed. */
static void test_follower_that_does_not_read(void **state)
{
	static char pad[2000];
	int fd = connect_as(USER);
	unsigned int n = 0, items = 0;
	const char *line;
	int dropped = 0;

	memset(pad, 'x', sizeof(pad) - 1);
	say(fd, LATER);
	control_answer(control, waiting, CONTROL_LATER, "x", NULL, NULL, "");
	for (; n < 3 * CONTROL_MAX_QUEUED; n++) {
		assert_true(control_append(control, waiting, json_string(pad)));
		run_loop();
	}
	for (int idle = 0; idle < 3;) {
		line = hear(fd);
		run_loop();
		idle = *line ? 0 : idle + 1;
		items += strncmp(line, "{\"x\":", 5) == 0;
		sscanf(line, "{\"dropped\":%d}", &dropped);
	}
	assert_true(dropped > 0);
	assert_int_equal(items + (unsigned int)dropped, n);
	assert_true(control_append(control, waiting, json_integer(7)));
	run_loop();
	assert_string_equal(hear(fd), "{\"x\":7}");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(test_later),
		CONTROL_TEST(test_later_and_gone),
		CONTROL_TEST(test_follower_that_does_not_read),
		CONTROL_TEST(test_watch),
		CONTROL_TEST(test_slow_watcher),
		CONTROL_TEST(test_events),
		CONTROL_TEST(test_many_events),
		CONTROL_TEST(test_follow),
		CONTROL_TEST(test_slow_follower),
	};

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERR); /* thousands of events are not news here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
