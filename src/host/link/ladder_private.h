/* SPDX-License-Identifier: Apache-2.0 */
/* What ladder.c and its one-time act, ladder_once.c, share. */
#ifndef BMCLINK_HOST_LADDER_PRIVATE_H
#define BMCLINK_HOST_LADDER_PRIVATE_H

#include "host/link/ladder.h"

static inline struct ladder_action ladder_wait(uint64_t until)
{
	return (struct ladder_action){.type = LADDER_WAIT, .until = until};
}

static inline struct ladder_action ladder_act(
	enum ladder_action_type type, enum ladder_protocol protocol)
{
	return (struct ladder_action){.type = type, .protocol = protocol, .until = LADDER_NEVER};
}

/* Is it the turn of the one-time act, or of waiting for it? True with *action. */
bool ladder_next_once(struct ladder *ladder, uint64_t now, struct ladder_action *action);
/* When an act that failed is tried again; LADDER_NEVER. */
uint64_t ladder_get_retry(const struct ladder *ladder);

#endif
