/* SPDX-License-Identifier: Apache-2.0 */
/* In-band access: how bytes go through, how much may wait, and how a connection ends. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/relay/flow.h"

struct wires {		/* a client, and the BMC's end */
	int outside[2]; /* the other ends of the two connections */
	struct flow_end client, bmc;
	struct flow flow; /* from the client to the BMC */
	struct flow_pipes pipes;
};

static void open_wires(struct wires *w)
{
	int a[2], b[2];

	memset(w, 0, sizeof(*w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
	w->outside[0] = a[0];
	w->client = (struct flow_end){a[1], true, true};
	w->outside[1] = b[0];
	w->bmc = (struct flow_end){b[1], true, true};
	flow_init(&w->flow);
}

static void close_wires(struct wires *w)
{
	flow_stop(&w->flow, &w->pipes);
	flow_pipes_close(&w->pipes);
	close(w->outside[0]);
	close(w->outside[1]);
	close(w->client.fd);
	close(w->bmc.fd);
}

static enum flow_result run(struct wires *w)
{
	return flow_run(&w->flow, &w->client, &w->bmc, &w->pipes);
}

static void test_flow(void **state)
{
	struct wires w;
	char text[16] = "";

	open_wires(&w);
	assert_int_equal(run(&w), FLOW_WAIT);
	assert_false(w.client.readable);
	assert_int_equal(w.flow.pipe.in, -1); /* who says nothing has no pipe */
	assert_int_equal(write(w.outside[0], "hello", 5), 5);
	w.client.readable = true;
	assert_int_equal(run(&w), FLOW_WAIT);
	assert_int_equal(w.flow.bytes, 5);
	assert_int_equal(read(w.outside[1], text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(w.flow.pipe.in, -1);
	assert_int_equal(w.pipes.n, 1); /* and it is there for the next */
	/* the end goes on, after the last bytes, and once */
	assert_int_equal(write(w.outside[0], "bye", 3), 3);
	shutdown(w.outside[0], SHUT_WR);
	w.client.readable = true;
	assert_int_equal(run(&w), FLOW_WAIT);
	assert_true(w.flow.ended && w.flow.closed);
	assert_int_equal(read(w.outside[1], text, sizeof(text)), 3);
	assert_int_equal(read(w.outside[1], text, sizeof(text)), 0);
	assert_int_equal(run(&w), FLOW_WAIT);
	close_wires(&w);
}

/* A taker that does not take: what waits is bounded, and all of it comes when he does. */
static void test_flow_back_pressure(void **state)
{
	static uint8_t block[4096], got[sizeof(block)];
	struct wires w;
	uint64_t sent = 0, taken = 0;
	ssize_t n;

	open_wires(&w);
	for (unsigned int i = 0; i < 1000; i++) {
		n = write(w.outside[0], block, sizeof(block));
		sent += n > 0 ? (uint64_t)n : 0;
		w.client.readable = true;
		if (run(&w) == FLOW_WAIT && n < 0)
			break;
	}
	assert_false(w.bmc.writable);
	assert_true(w.flow.held > 0 && w.flow.held <= FLOW_PIPE_BYTES);
	assert_true(sent < 3 * 1024 * 1024); /* two socket buffers and the pipe */
	while (taken < sent) {
		n = read(w.outside[1], got, sizeof(got));
		taken += n > 0 ? (uint64_t)n : 0;
		w.bmc.writable = w.client.readable = true;
		assert_int_not_equal(run(&w), FLOW_TAKER_LOST);
	}
	assert_int_equal(taken, sent);
	assert_int_equal(w.flow.bytes, sent);
	assert_int_equal(w.flow.held, 0);
	close_wires(&w);
}

static void test_flow_lost(void **state)
{
	struct wires w;

	open_wires(&w);
	assert_int_equal(write(w.outside[0], "hello", 5), 5);
	shutdown(w.outside[1], SHUT_RDWR);
	assert_int_equal(run(&w), FLOW_TAKER_LOST);
	flow_stop(&w.flow, &w.pipes); /* with bytes in the pipe: it is not for others */
	assert_int_equal(w.pipes.n, 0);
	close_wires(&w);
}

static int ignore_pipe_signal(void **state)
{
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_flow_back_pressure),
		cmocka_unit_test(test_flow_lost),
	};

	return cmocka_run_group_tests(tests, ignore_pipe_signal, NULL);
}
