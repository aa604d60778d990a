/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: what the worker does. Called by worker.c in the unprivileged process, in two steps:
 * agent_prepare() before the sandbox closes (files of the system can still be read, sockets be
 * opened; no privilege is left but the one to change the root directory), agent_run() after it.
 */
#ifndef BMCLINK_HOST_AGENT_H
#define BMCLINK_HOST_AGENT_H

#include <stdbool.h>

#include "host/priv.h"

struct agent_environment {
	struct priv *priv;
	int control_fd;	     /* listening stream socket, non-blocking */
	int state_fd;	     /* <state-dir>/worker, the root directory once the sandbox is closed */
	const char *version; /* of the program */
	struct priv_self self; /* which machine, which installation */
	void *data;	       /* the agent's own, from agent_prepare() to agent_run() */
};

/* 0 or negative errno: the worker then ends, and is started again with back-off. */
int agent_prepare(struct agent_environment *env);
/* Returns after PRIV_NOTICE_STOP, when the monitor is gone (0), or with negative errno. */
int agent_run(struct agent_environment *env);

#endif
