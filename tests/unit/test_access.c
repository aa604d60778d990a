/* SPDX-License-Identifier: Apache-2.0 */
/* The relay as the monitor's process: what child_exec() would start is this test's. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "acts_harness.h"
#include "host/monitor/access_private.h"
#include "host/relay/relay.h"

/* In the relay's place: deaf, and alive. */
int execv(const char *path, char *const argv[])
{
	close(RELAY_MONITOR_FD);
	for (;;)
		pause();
}

static void on_child(evutil_socket_t signal, short what, void *arg)
{
	access_child_ended(arg);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	fail_msg("%s", "nothing came of it");
}

/* qemu's user mode, in which the tests for ARM run, does not know this option of all systems since
 * Linux 3.9. */
static bool has_lock_filter(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, r;

	assert_true(fd >= 0);
	r = setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on));
	close(fd);
	return r == 0 || errno != ENOPROTOOPT;
}

static void start(struct harness *h)
{
	struct settings *settings = &h->acts.settings;

	settings->inband_access = settings->tls = settings->ipv4 = true;
	snprintf(settings->access_allow, sizeof(settings->access_allow), "192.0.2.0/24");
	settings->access_port = 0; /* whichever is free */
	settings->access_max = settings->access_max_per_source = 4;
	h->acts.ifindex = 1;
	assert_int_equal(
		access_start(h->acts.access, (struct in_addr){htonl(INADDR_LOOPBACK)}, 443), 0);
	assert_int_equal(h->acts.access->state, ACCESS_LISTENING);
}

/* One that closed its end hears nothing any more, so it could not be told to stop either. */
static void test_one_that_lives_on_deaf_is_ended(void **state)
{
	struct harness *h = *state;
	struct event_base *base = h->environment.base;
	struct event *late, *child;
	struct access *access;
	pid_t first;

	if (!has_lock_filter())
		skip();
	late = evtimer_new(base, on_late, NULL);
	assert_int_equal(access_new(&h->acts, &h->acts.access), 0);
	access = h->acts.access;
	child = evsignal_new(base, SIGCHLD, on_child, access);
	assert_int_equal(event_add(child, NULL), 0);
	assert_int_equal(event_add(late, &(struct timeval){.tv_sec = 20}), 0);
	start(h);
	first = access->pid;
	while (access->pid == first)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(access->pid, 0); /* none beside it */
	assert_int_equal(access->state, ACCESS_WAITING);
	assert_non_null(strstr(access->problem, "killed"));
	while (access->pid == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(access->state, ACCESS_LISTENING);
	event_free(late);
	event_free(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_one_that_lives_on_deaf_is_ended, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
