/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of a connection: bytes go from a socket into a pipe and from the pipe into the
 * other socket by splice(2), so that they are never in this process. What waits is bounded by the
 * pipe; where the taker is slow the pipe is full, nothing more is read, and TCP tells the sender.
 */
#ifndef BMCLINK_HOST_RELAY_FLOW_H
#define BMCLINK_HOST_RELAY_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_PIPES_KEPT 64	      /* empty ones, for the next who needs one */
#define FLOW_PIPE_BYTES (256 * 1024)  /* asked for; the system may give 64 KiB or less */
#define FLOW_BUDGET	(1024 * 1024) /* bytes, before others have their turn */

struct flow_pipe {
	int in, out; /* write end, read end */
};

struct flow_pipes { /* empty pipes; zeroed at first */
	struct flow_pipe kept[FLOW_PIPES_KEPT];
	unsigned int n;
};

struct flow_end { /* one socket of the connection; the flags are edge-triggered */
	int fd;
	bool readable, writable;
};

struct flow {
	struct flow_pipe pipe; /* -1: none is needed now */
	size_t held;	       /* bytes in it */
	uint64_t bytes;	       /* that went through */
	bool ended;	       /* the sender has said all */
	bool closed;	       /* and the taker knows */
};

enum flow_result {
	FLOW_WAIT,	  /* for one of the sockets */
	FLOW_MORE,	  /* the budget is used up: call again */
	FLOW_SENDER_LOST, /* its socket has an error */
	FLOW_TAKER_LOST,
	FLOW_LIMIT, /* no pipe can be made */
};

void flow_init(struct flow *flow);
/* Give the pipe back; what is in it is lost. */
void flow_stop(struct flow *flow, struct flow_pipes *pipes);
/* As much as goes without waiting. */
enum flow_result flow_run(struct flow *flow, struct flow_end *sender, struct flow_end *taker,
	struct flow_pipes *pipes);
void flow_pipes_close(struct flow_pipes *pipes);

#endif
