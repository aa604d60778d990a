/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the monitor, for the files that make them: priv.c, and priv_NAME.c of what an act
 * is about. */
#ifndef BMCLINK_HOST_PRIV_PRIVATE_H
#define BMCLINK_HOST_PRIV_PRIVATE_H

#include "host/monitor/acts.h"
#include "host/monitor/wire.h"
#include "host/priv.h"

struct priv_call { /* one request and its answer */
	struct priv *priv;
	uint8_t request[WIRE_MAX_REQUEST];
	struct wire_writer out; /* the act's arguments */
	struct wire_reader in;	/* its results */
	int fd;			/* that came with the answer; -1: none */
};

void priv_begin(struct priv_call *call, struct priv *priv, enum act_number number);
/* Send what was put, wait for the answer; then call->in stands at the results. 0 or the act's
 * negative errno. */
int priv_finish(struct priv_call *call);
/* The results were read: -EPROTO when there were more or less of them. */
int priv_end(const struct priv_call *call);
/* An act without arguments and results. */
int priv_ask(struct priv *priv, enum act_number number);

#endif
