/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mark that both ends know: connections of in-band access, whose clients are elsewhere, come from
 * these ports of the host, and its own connections from others. To the BMC both have the host's
 * address; by the mark it gives a relayed client nothing that only the host is to have, and keeps
 * the host's own places and log-ins for it. The host puts the mark on for its own good: without it
 * nobody gains a right that any process of the host has not got anyway.
 */
#ifndef BMCLINK_BASE_RELAYED_H
#define BMCLINK_BASE_RELAYED_H

#include <stdbool.h>
#include <stdint.h>

/* Below those that Linux takes by itself (32768 to 60999). */
#define RELAYED_FIRST_PORT 16384
#define RELAYED_LAST_PORT  32767

static inline bool relayed_is_port(uint16_t port)
{
	return port >= RELAYED_FIRST_PORT && port <= RELAYED_LAST_PORT;
}

#endif
