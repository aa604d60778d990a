/* SPDX-License-Identifier: Apache-2.0 */
#include "host/relay/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/util.h"

#define HOW (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

void flow_init(struct flow *flow)
{
	*flow = (struct flow){
		.pipe = {-1, -1}
	};
}

static void close_pipe(struct flow_pipe *pipe)
{
	if (pipe->in >= 0)
		close(pipe->in);
	if (pipe->out >= 0)
		close(pipe->out);
	*pipe = (struct flow_pipe){-1, -1};
}

static int take_pipe(struct flow *flow, struct flow_pipes *pipes)
{
	int made[2];

	if (flow->pipe.in >= 0)
		return 0;
	if (pipes->n > 0) {
		flow->pipe = pipes->kept[--pipes->n];
		return 0;
	}
	if (pipe2(made, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	flow->pipe = (struct flow_pipe){.in = made[1], .out = made[0]};
	/* beyond what one user may have in pipes it stays as it is: slower, not wrong */
	(void)fcntl(made[1], F_SETPIPE_SZ, FLOW_PIPE_BYTES);
	return 0;
}

/* Only an empty one is worth keeping. */
static void give_pipe(struct flow *flow, struct flow_pipes *pipes)
{
	if (flow->pipe.in < 0)
		return;
	if (flow->held > 0 || pipes->n == FLOW_PIPES_KEPT)
		close_pipe(&flow->pipe);
	else
		pipes->kept[pipes->n++] = flow->pipe;
	flow->pipe = (struct flow_pipe){-1, -1};
}

void flow_stop(struct flow *flow, struct flow_pipes *pipes)
{
	give_pipe(flow, pipes);
	flow->held = 0;
}

/* EAGAIN means that the socket is empty or that the pipe is full: only an empty pipe tells. */
static ssize_t fill(struct flow *flow, struct flow_end *sender)
{
	ssize_t n = splice(sender->fd, NULL, flow->pipe.in, NULL, FLOW_BUDGET, HOW);

	if (n > 0)
		flow->held += (size_t)n;
	else if (n == 0)
		flow->ended = true;
	else if (errno == EAGAIN && flow->held == 0)
		sender->readable = false;
	return n >= 0 ? n : -errno;
}

static ssize_t drain(struct flow *flow, struct flow_end *taker)
{
	ssize_t n = splice(flow->pipe.out, NULL, taker->fd, NULL, flow->held, HOW);

	if (n > 0) {
		flow->held -= (size_t)n;
		flow->bytes += (uint64_t)n;
	} else if (n < 0 && errno == EAGAIN) {
		taker->writable = false;
	}
	return n >= 0 ? n : -errno;
}

static bool is_lost(ssize_t n)
{
	return n < 0 && n != -EAGAIN && n != -EINTR;
}

static enum flow_result pump(struct flow *flow, struct flow_end *sender, struct flow_end *taker,
	struct flow_pipes *pipes)
{
	uint64_t end = flow->bytes + FLOW_BUDGET;

	while (flow->bytes < end) {
		ssize_t in = -EAGAIN, out = -EAGAIN;

		if (sender->readable && !flow->ended) {
			if (take_pipe(flow, pipes) < 0)
				return FLOW_LIMIT;
			in = fill(flow, sender);
			if (is_lost(in))
				return FLOW_SENDER_LOST;
		}
		if (flow->held > 0 && taker->writable) {
			out = drain(flow, taker);
			if (is_lost(out))
				return FLOW_TAKER_LOST;
		}
		if (in <= 0 && out <= 0)
			return FLOW_WAIT;
	}
	return FLOW_MORE;
}

enum flow_result flow_run(struct flow *flow, struct flow_end *sender, struct flow_end *taker,
	struct flow_pipes *pipes)
{
	enum flow_result result;

	if (flow->closed)
		return FLOW_WAIT;
	result = pump(flow, sender, taker, pipes);
	if (result == FLOW_WAIT && flow->held == 0)
		give_pipe(flow, pipes);
	if (result == FLOW_WAIT && flow->ended && flow->held == 0) {
		flow->closed = true;
		if (shutdown(taker->fd, SHUT_WR) < 0 && errno != ENOTCONN)
			return FLOW_TAKER_LOST;
	}
	return result;
}

void flow_pipes_close(struct flow_pipes *pipes)
{
	while (pipes->n > 0)
		close_pipe(&pipes->kept[--pipes->n]);
}
