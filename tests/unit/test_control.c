/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/util.h"
#include "host/control.h"

#define USER 1234

static struct event_base *base;
static struct event_log *events;
static struct control *control;
static int status_number;
static bool status_padded;
static unsigned int acted;

static enum control_exit run_status(const json_t *request, json_t **result, char *error, void *arg)
{
	*result = json_pack("{s:i}", "n", status_number);
	if (status_padded) {
		static char pad[20000];

		memset(pad, 'x', sizeof(pad) - 1);
		json_object_set_new(*result, "pad", json_string(pad));
	}
	return CONTROL_DONE;
}

static enum control_exit run_act(const json_t *request, json_t **result, char *error, void *arg)
{
	acted++;
	assert_ptr_equal(arg, &acted);
	return CONTROL_DONE;
}

static enum control_exit run_fail(const json_t *request, json_t **result, char *error, void *arg)
{
	snprintf(error, CONTROL_MAX_ERROR, "needs IPv4");
	return CONTROL_UNAVAILABLE;
}

static uint64_t waiting;

static enum control_exit run_later(const json_t *request, json_t **result, char *error, void *arg)
{
	waiting = control_get_client(control);
	return CONTROL_LATER;
}

static enum control_exit run_huge(const json_t *request, json_t **result, char *error, void *arg)
{
	static char huge[CONTROL_MAX_LINE];

	memset(huge, 'x', sizeof(huge) - 1);
	*result = json_pack("{s:s}", "huge", huge);
	return CONTROL_DONE;
}

/* clang-format off */
static const struct control_command commands[] = {
	{"status", false, run_status},
	{"act", true, run_act},
	{"fail", false, run_fail},
	{"huge", false, run_huge},
	{"later", false, run_later},
};
/* clang-format on */

static struct control_environment environment = {
	.commands = commands, .n_commands = ARRAY_SIZE(commands), .arg = &acted};

static void read_clock(struct timespec *realtime, time_t *monotonic, void *arg)
{
	realtime->tv_sec = realtime->tv_nsec = 0;
	*monotonic = 0;
}

static int set_up(void **state)
{
	base = event_base_new();
	event_log_new(&events);
	event_log_set_clock(events, read_clock, NULL);
	environment.base = base;
	environment.events = events;
	acted = 0;
	status_number = 1;
	status_padded = false;
	return control_new(&environment, -1, &control);
}

static int tear_down(void **state)
{
	control_free(control);
	control = NULL;
	event_log_free(events);
	event_base_free(base);
	return 0;
}

static int connect_as(uid_t uid)
{
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	if (control_adopt(control, pair[0], uid) < 0) {
		close(pair[1]);
		return -1;
	}
	return pair[1];
}

/* Everything that can be done without waiting. */
static void run_loop(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	run_loop();
}

/* One line, "" when there is none, "EOF" at the end; what follows it is kept for the next call. */
static const char *hear(int fd)
{
	static char line[CONTROL_MAX_LINE + 1];
	size_t n = 0;
	ssize_t r = 0;

	while (n < sizeof(line) - 1 && (r = recv(fd, line + n, 1, 0)) == 1) {
		if (line[n] == '\n')
			break;
		n++;
	}
	if (n == 0 && (r == 0 || (r < 0 && errno == ECONNRESET)))
		return "EOF";
	line[n] = '\0';
	return line;
}

#define USAGE(text) "{\"error\":{\"exit\":2,\"text\":\"" text "\"}}"
#define BAD	    USAGE("expected a line with one JSON object that has a \\\"command\\\"")

static void test_commands(void **state)
{
	int fd = connect_as(USER), root = connect_as(0);

	say(fd, "{\"command\": \"status\"}\n");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	/* Two at once, and one in pieces. */
	say(fd, "{\"command\":\"status\"}\n{\"command\":\"fail\"}\n{\"comm");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	assert_string_equal(hear(fd), "{\"error\":{\"exit\":5,\"text\":\"needs IPv4\"}}");
	assert_string_equal(hear(fd), "");
	say(fd, "and\":\"status\"}\r\n");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	say(fd, "{\"command\":\"huge\"}\n");
	assert_string_equal(hear(fd),
		"{\"error\":{\"exit\":1,\"text\":\"the answer is too long for the control "
		"socket\"}}");

	say(fd, "{\"command\":\"act\"}\n");
	assert_string_equal(
		hear(fd), "{\"error\":{\"exit\":1,\"text\":\"'act' is for root only\"}}");
	assert_int_equal(acted, 0);
	say(root, "{\"command\":\"act\"}\n");
	assert_string_equal(hear(root), "{\"result\":{}}");
	assert_int_equal(acted, 1);
	close(fd);
	close(root);
	run_loop();
	assert_int_equal(control_count(control), 0);
}

static void test_garbage(void **state)
{
	static const char *const lines[] = {"", "x", "{}", "[]", "1", "null", "\"status\"",
		"{\"command\":1}", "{\"command\":null}", "{\"command\":{\"command\":\"act\"}}",
		"{\"command\":\"status\"", "{\"command\":\"status\"}}",
		"{\"command\":\"a\",\"command\":\"act\"}", "{\"Command\":\"status\"}",
		"{\"command\":\"\xff\"}", "\x1b[2J", "GET / HTTP/1.1"};
	int fd = connect_as(0);

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		say(fd, lines[i]);
		say(fd, "\n");
		if (strcmp(hear(fd), BAD) != 0)
			fail_msg("'%s' was not refused so", lines[i]);
	}
	assert_int_equal(send(fd, "{\"command\":\"status\0\"}\n", 22, 0), 22);
	run_loop();
	assert_string_equal(hear(fd), BAD);
	say(fd, "{\"command\":\"destroy\"}\n");
	assert_string_equal(hear(fd), USAGE("there is no such command"));
	say(fd, "{\"command\":\"status\\u0000\"}\n");
	assert_string_equal(hear(fd), BAD);
	/* And after all that it still works. */
	say(fd, "{\"command\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	assert_int_equal(acted, 0);
	close(fd);
	run_loop();
}

static void send_much(int fd, size_t length)
{
	static char much[2 * CONTROL_MAX_LINE];

	memset(much, ' ', sizeof(much));
	for (size_t sent = 0; sent < length;) {
		size_t left = length - sent;
		ssize_t n = send(fd, much, left < sizeof(much) ? left : sizeof(much), MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN)
			break; /* closed on us: that is what some callers wait for */
		run_loop();
	}
}

static void test_long_lines(void **state)
{
	int fd = connect_as(USER);

	/* As long as allowed: blanks before the object. */
	send_much(fd, CONTROL_MAX_LINE - strlen("{\"command\":\"status\"}\n"));
	say(fd, "{\"command\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	send_much(fd, CONTROL_MAX_LINE - strlen("{\"command\":\"status\"}\n") + 1);
	send(fd, "{\"command\":\"status\"}\n", 21, MSG_NOSIGNAL);
	run_loop();
	assert_string_equal(hear(fd), USAGE("expected a line of at most 65536 bytes"));
	assert_string_equal(hear(fd), "EOF");
	close(fd);

	fd = connect_as(USER);
	send_much(fd, 10 * CONTROL_MAX_LINE); /* no newline ever */
	assert_string_equal(hear(fd), USAGE("expected a line of at most 65536 bytes"));
	assert_string_equal(hear(fd), "EOF");
	close(fd);
	run_loop();
	assert_int_equal(control_count(control), 0);
}

static void test_ends(void **state)
{
	int fd = connect_as(USER);

	/* Gone in the middle of a line. */
	say(fd, "{\"comm");
	close(fd);
	run_loop();
	assert_int_equal(control_count(control), 0);

	/* Asks, ends its side, and still gets the answers. */
	fd = connect_as(USER);
	assert_true(send(fd, "{\"command\":\"status\"}\n", 21, 0) == 21);
	shutdown(fd, SHUT_WR);
	run_loop();
	assert_string_equal(hear(fd), "{\"result\":{\"n\":1}}");
	assert_string_equal(hear(fd), "EOF");
	close(fd);
	assert_int_equal(control_count(control), 0);

	/* Gone without reading what it asked for. */
	fd = connect_as(USER);
	for (int i = 0; i < 10; i++)
		assert_true(send(fd, "{\"command\":\"status\"}\n", 21, 0) == 21);
	close(fd);
	run_loop();
	assert_int_equal(control_count(control), 0);
}

static void test_too_many(void **state)
{
	int fds[CONTROL_MAX_CLIENTS + 1], n = 0;

	for (; n < CONTROL_MAX_PER_UID; n++)
		fds[n] = connect_as(USER);
	assert_int_equal(connect_as(USER), -1);
	fds[n++] = connect_as(USER + 1);
	assert_true(fds[n - 1] >= 0);
	/* Others than root fill half; root still finds room. */
	for (uid_t uid = 2000; n < CONTROL_MAX_CLIENTS / 2; n++)
		fds[n] = connect_as(uid++);
	assert_int_equal(connect_as(9999), -1);
	while (n < CONTROL_MAX_CLIENTS)
		fds[n++] = connect_as(0);
	assert_true(fds[n - 1] >= 0);
	assert_int_equal(connect_as(0), -1);
	close(fds[0]);
	run_loop();
	assert_true((fds[0] = connect_as(0)) >= 0);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	run_loop();
	assert_int_equal(control_count(control), 0);
}

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
	const char *line;

	say(fd, "{\"command\":\"events\",\"follow\":true}\n");
	for (int i = 1; i <= 5000; i++) {
		emit(i);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
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

/* Asks on and on without reading an answer: it is not read from any more. */
static void test_does_not_read(void **state)
{
	int fd = connect_as(USER);
	size_t sent = 0;

	status_padded = true;
	for (int i = 0; i < 100000; i++) {
		ssize_t n = send(fd, "{\"command\":\"status\"}\n", 21, MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			break;
		}
		sent += (size_t)n;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	assert_true(sent < 1024 * 1024);
	assert_int_equal(control_count(control), 1);
	close(fd);
	run_loop();
	assert_int_equal(control_count(control), 0);
}

/* Over a listening socket: the peer's uid comes from the kernel. */
static void test_listening(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/test_control.XXXXXX";
	int fd, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *expected =
		getuid() == 0 ? "{\"result\":{}}"
			      : "{\"error\":{\"exit\":1,\"text\":\"'act' is for root only\"}}";

	control_free(control);
	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", dir);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(control_new(&environment, listener, &control), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	say(fd, "{\"command\":\"act\"}\n");
	assert_string_equal(hear(fd), expected);
	close(fd);
	unlink(address.sun_path);
	rmdir(dir);
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_later_and_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_follower_that_does_not_read, set_up, tear_down),
		TEST(test_commands),
		TEST(test_garbage),
		TEST(test_long_lines),
		TEST(test_ends),
		TEST(test_too_many),
		TEST(test_watch),
		TEST(test_slow_watcher),
		TEST(test_events),
		TEST(test_many_events),
		TEST(test_follow),
		TEST(test_slow_follower),
		TEST(test_does_not_read),
		TEST(test_listening),
	};

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERR); /* thousands of events are not news here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
