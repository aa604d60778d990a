/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/event.h"
#include "base/log.h"
#include "base/util.h"

/* The log goes to a socket of ours: what is logged is part of the contract. */
static int journal = -1;
static char socket_path[] = "/tmp/test_event.XXXXXX/s";
static time_t clock_now = 1000;

static void read_clock(struct timespec *realtime, time_t *monotonic, void *arg)
{
	realtime->tv_sec = 1700000000 + clock_now;
	realtime->tv_nsec = 123456789;
	*monotonic = clock_now;
}

static int set_up(void **state)
{
	static struct log_paths paths = {socket_path, "/nonexistent"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*strrchr(socket_path, '/') = '\0';
	if (!mkdtemp(socket_path))
		return -1;
	socket_path[strlen(socket_path)] = '/';
	strcpy(address.sun_path, socket_path);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(journal, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	log_open_at("test", false, LOG_LEVEL_DEBUG, &paths);
	return 0;
}

static int tear_down(void **state)
{
	close(journal);
	unlink(socket_path);
	*strrchr(socket_path, '/') = '\0';
	return rmdir(socket_path);
}

/* The next log line's MESSAGE, "" when there is none; the whole datagram stays in last_line. */
static char last_line[8192];

static const char *next_line(void)
{
	static char message[2048];
	ssize_t n = recv(journal, last_line, sizeof(last_line) - 1, 0);
	char *start;

	last_line[n > 0 ? n : 0] = '\0';
	start = strstr(last_line, "MESSAGE=");
	if (!start)
		return "";
	snprintf(message, sizeof(message), "%.*s", (int)strcspn(start + 8, "\n"), start + 8);
	return message;
}

static struct event_log *make_log(void)
{
	struct event_log *log = NULL;

	assert_int_equal(event_log_new(&log), 0);
	event_log_set_clock(log, read_clock, NULL);
	return log;
}

struct collected {
	unsigned int n, stop_after;
	uint64_t first, last;
	unsigned int count;
	struct event event;
};

static bool collect(const struct event *event, void *arg)
{
	struct collected *c = arg;

	if (c->n++ == 0)
		c->first = event->sequence;
	else
		assert_int_equal(event->sequence, c->last + 1);
	c->last = event->sequence;
	c->count += event->count;
	c->event = *event;
	return c->n != c->stop_after;
}

static void hear(const struct event *event, void *arg)
{
	collect(event, arg);
}

static void test_ring_is_bounded(void **state)
{
	struct event_log *log = make_log();
	struct collected c = {0};
	char number[16];

	event_log_each(log, 0, collect, &c);
	assert_int_equal(c.n, 0);
	for (int i = 1; i <= EVENT_RING + 100; i++) {
		snprintf(number, sizeof(number), "%d", i);
		event_emit(log, MSG_ISM1021, number);
		next_line();
	}
	event_log_each(log, 0, collect, &c);
	assert_int_equal(c.n, EVENT_RING);
	assert_int_equal(c.first, 101);
	assert_int_equal(c.last, EVENT_RING + 100);
	assert_string_equal(c.event.args[0], "612");

	c = (struct collected){0};
	event_log_each(log, EVENT_RING + 98, collect, &c);
	assert_int_equal(c.n, 2);
	c = (struct collected){0};
	event_log_each(log, 50, collect, &c); /* gone already: from the oldest there is */
	assert_int_equal(c.first, 101);
	c = (struct collected){.stop_after = 3};
	event_log_each(log, 0, collect, &c);
	assert_int_equal(c.n, 3);
	c = (struct collected){0};
	event_log_each(log, 100000, collect, &c);
	assert_int_equal(c.n, 0);
	event_log_free(log);
}

static void test_repeats(void **state)
{
	struct event_log *log = make_log();
	struct collected c = {0};

	clock_now = 1000;
	event_emit(log, MSG_ISM1020, "IPv4", "no");
	assert_string_equal(next_line(), "ISM1020: The BMC cannot be reached over IPv4: no.");
	assert_non_null(strstr(last_line, "\nBMCLINK_EVENT=ISM1020\n"));
	assert_non_null(strstr(last_line, "\nBMCLINK_ARG1=IPv4\n"));
	assert_non_null(strstr(last_line, "PRIORITY=4\n"));
	for (int i = 0; i < 50; i++) {
		clock_now++;
		event_emit(log, MSG_ISM1020, "IPv4", "no");
		assert_string_equal(next_line(), "");
	}
	clock_now = 1060;
	event_emit(log, MSG_ISM1020, "IPv4", "no");
	assert_string_equal(
		next_line(), "ISM1020: The BMC cannot be reached over IPv4: no. (51 more times)");
	clock_now = 1061;
	event_emit(log, MSG_ISM1020, "IPv4", "no");
	assert_string_equal(next_line(), "");
	event_log_each(log, 0, collect, &c);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.count, 53);
	assert_int_equal(c.event.time.tv_sec, 1700001000);
	assert_int_equal(c.event.last.tv_sec, 1700001061);

	/* Another argument is another event, and what was not said of the former is said first. */
	event_emit(log, MSG_ISM1020, "IPv6", "no");
	assert_string_equal(
		next_line(), "ISM1020: The BMC cannot be reached over IPv4: no. (1 more time)");
	assert_string_equal(next_line(), "ISM1020: The BMC cannot be reached over IPv6: no.");
	/* With another between, it is not a repeat. */
	event_emit(log, MSG_ISM1020, "IPv4", "no");
	assert_string_equal(next_line(), "ISM1020: The BMC cannot be reached over IPv4: no.");
	c = (struct collected){0};
	event_log_each(log, 0, collect, &c);
	assert_int_equal(c.n, 3);
	event_log_free(log);
}

static void test_flapping(void **state)
{
	struct event_log *log = make_log();
	struct collected c = {0};
	unsigned int lines = 0;

	clock_now = 5000;
	for (int i = 0; i < 1000; i++) {
		event_emit_flapping(log, MSG_ISM0007, "IPv4", "169.254.1.1", "gone");
		event_emit_flapping(log, MSG_ISM0005, "IPv4", "a", "b", "TLS 1.3");
		clock_now += i % 2; /* 500 s in all */
		while (*next_line())
			lines++;
	}
	event_log_each(log, 0, collect, &c);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.count, 2000);
	/* One line at once, one a minute: of each of the two. */
	assert_in_range(lines, 2 * 8, 2 * 10);

	/* Quiet for longer than it takes to be a flap: news again. */
	clock_now += 2 * EVENT_REPEAT_SECONDS;
	event_emit_flapping(log, MSG_ISM0007, "IPv4", "169.254.1.1", "gone");
	c = (struct collected){0};
	event_log_each(log, 0, collect, &c);
	assert_int_equal(c.n, 3);
	event_log_free(log);
	while (*next_line())
		;
}

/* Others between, which do not flap: each is a line, and no reason for one more of what flaps. */
static void test_flapping_among_others(void **state)
{
	static const char *const whys[] = {"a", "b"};
	struct event_log *log = make_log();
	unsigned int flapping = 0, others = 0;
	const char *line;

	for (int i = 0; i < 100; i++) {
		event_emit_flapping(log, MSG_ISM0007, "IPv4", "169.254.1.1", "gone");
		event_emit(log, MSG_ISM1014, whys[i % 2]);
		while (*(line = next_line())) {
			flapping += strncmp(line, "ISM0007", 7) == 0;
			others += strncmp(line, "ISM1014", 7) == 0;
		}
	}
	assert_int_equal(flapping, 1);
	assert_int_equal(others, 100);
	event_log_free(log);
	assert_non_null(strstr(next_line(), "(99 more times)"));
	assert_string_equal(next_line(), "");
}

static void test_rest_is_told_at_the_end(void **state)
{
	struct event_log *log = make_log();

	event_emit(log, MSG_ISM1022);
	event_emit(log, MSG_ISM1022);
	assert_string_equal(next_line(), "ISM1022: The service module was stopped.");
	assert_string_equal(next_line(), "");
	event_log_free(log);
	assert_string_equal(next_line(), "ISM1022: The service module was stopped. (1 more time)");
	event_log_free(NULL);
}

/* A minute after the last line, without another event: the owner's timer runs only then. */
static void test_rest_is_told_when_it_is_time(void **state)
{
	struct event_log *log = make_log();

	event_emit(log, MSG_ISM1022);
	assert_int_equal(event_log_flush_due(log), 0); /* told at once: no timer */
	next_line();
	clock_now += 20;
	event_emit(log, MSG_ISM1022);
	event_emit(log, MSG_ISM1022);
	assert_int_equal(event_log_flush_due(log), EVENT_REPEAT_SECONDS - 20);
	assert_string_equal(next_line(), "");
	clock_now += EVENT_REPEAT_SECONDS - 21;
	assert_int_equal(event_log_flush_due(log), 1);
	assert_string_equal(next_line(), "");
	clock_now += 1;
	assert_int_equal(event_log_flush_due(log), 0);
	assert_string_equal(next_line(), "ISM1022: The service module was stopped. (2 more times)");
	event_log_free(log);
	assert_string_equal(next_line(), ""); /* not told again */
}

static void test_listeners(void **state)
{
	struct event_log *log = make_log();
	struct collected a = {0}, b = {0};

	event_log_listen(log, hear, &a);
	event_log_listen(log, hear, &b);
	event_emit(log, MSG_ISM1021, "1");
	event_emit(log, MSG_ISM1021, "2");
	assert_int_equal(a.n, 2);
	assert_int_equal(b.n, 2);
	assert_string_equal(a.event.args[0], "2");
	event_log_free(log);
	while (*next_line())
		;
}

static void test_foreign_args(void **state)
{
	struct event_log *log = make_log();
	struct collected c = {0};
	char big[4000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	event_emit(log, MSG_ISM1001, "IPv4\nMESSAGE=fake", NULL, big);
	next_line();
	assert_non_null(strstr(last_line, "\nBMCLINK_ARG1=IPv4?MESSAGE=fake\n"));
	assert_null(strstr(last_line, "\nMESSAGE=fake"));
	event_log_each(log, 0, collect, &c);
	assert_string_equal(c.event.args[0], "IPv4?MESSAGE=fake");
	assert_string_equal(c.event.args[1], "");
	assert_int_equal(strlen(c.event.args[2]), MESSAGE_MAX_ARG - 1);
	event_log_free(log);
}

static void test_json(void **state)
{
	struct event_log *log = make_log();
	struct collected c = {0};
	json_t *json, *expected;

	clock_now = 0;
	event_emit(log, MSG_ISM0057, "a", "b", "c", "d");
	next_line();
	event_log_each(log, 0, collect, &c);
	json = event_to_json(&c.event);
	expected = json_pack("{s:i, s:s, s:s, s:s, s:s, s:[s,s,s,s], s:i, s:s, s:s}", "sequence", 1,
		"time", "2023-11-14T22:13:20.123Z", "id", "ISM0057", "severity", "Warning", "text",
		"Communication with the BMC is limited: a cannot be used on b: c.", "args", "a",
		"b", "c", "d", "count", 1, "last", "2023-11-14T22:13:20.123Z", "resolution", "d");
	assert_non_null(expected);
	assert_true(json_equal(json, expected));
	json_decref(json);
	json_decref(expected);
	event_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_is_bounded),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_flapping_among_others),
		cmocka_unit_test(test_rest_is_told_at_the_end),
		cmocka_unit_test(test_rest_is_told_when_it_is_time),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_foreign_args),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
