/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder: which protocol, when. The heart of the mandate (docs/mandate.md, S1 to S12). Pure: no
 * sockets, no clock of its own; facts and events in, next action out. tests/unit/test_ladder.c is
 * the mandate, sentence by sentence, in virtual time.
 */
#ifndef BMCLINK_HOST_LADDER_H
#define BMCLINK_HOST_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "host/link/outcome.h"

enum ladder_protocol { LADDER_NONE, LADDER_IPV4, LADDER_IPV6 };

enum ladder_ready {	 /* of one protocol on the host's side */
	LADDER_DISABLED, /* by configuration or by the host: never tried */
	LADDER_MISSING,	 /* no usable address */
	LADDER_PENDING,	 /* an address is tentative */
	LADDER_NO_PEER,	 /* our side is complete, the BMC's address of this protocol is not known
			    (yet) */
	LADDER_COMPLETE,
};

enum ladder_once { LADDER_ONCE_NEVER, LADDER_ONCE_ARMED, LADDER_ONCE_REAPPLY, LADDER_ONCE_SPENT };

struct ladder_facts {	  /* the world as it is now */
	bool nic_present; /* and udev is done with it */
	bool nic_up, nic_carrier;
	enum ladder_ready ipv4, ipv6;
	enum ladder_once once;
	bool managed; /* another manager has the NIC: wait for its address before we say "missing"
		       */
	bool can_configure; /* there is an address plan of our own for IPv4 */
	bool trust_changed; /* the trust store or certificate changed since: a refusal may be tried
			       again */
};

#endif
