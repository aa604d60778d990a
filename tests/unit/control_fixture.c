/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "control_fixture.h"

struct event_base *base;
struct event_log *events;
struct control *control;
int status_number;
bool status_padded;
unsigned int acted;
uint64_t waiting;

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

struct control_environment environment = {
	.commands = commands, .n_commands = ARRAY_SIZE(commands), .arg = &acted};

static void read_clock(struct timespec *realtime, time_t *monotonic, void *arg)
{
	realtime->tv_sec = realtime->tv_nsec = 0;
	*monotonic = 0;
}

int set_up(void **state)
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

int tear_down(void **state)
{
	control_free(control);
	control = NULL;
	event_log_free(events);
	event_base_free(base);
	return 0;
}

int connect_as(uid_t uid)
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
void run_loop(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	run_loop();
}

/* One line, "" when there is none, "EOF" at the end; what follows it is kept for the next call. */
const char *hear(int fd)
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
