/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: requests, garbage, who may ask, and how much. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/util.h"
#include "control_fixture.h"

#define BAD USAGE("expected a line with one JSON object that has a \\\"command\\\"")

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(test_commands),
		CONTROL_TEST(test_garbage),
		CONTROL_TEST(test_long_lines),
		CONTROL_TEST(test_ends),
		CONTROL_TEST(test_too_many),
		CONTROL_TEST(test_does_not_read),
		CONTROL_TEST(test_listening),
	};

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERR); /* thousands of events are not news here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
