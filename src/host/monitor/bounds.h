/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses the monitor lets the worker set on the claimed NIC. Pure; the worker may have
 * been taken over by then, and what it asks for may have come from a hostile BMC through type 42:
 * an address that would draw traffic of others to this link is refused, whoever asks.
 */
#ifndef BMCLINK_HOST_BOUNDS_H
#define BMCLINK_HOST_BOUNDS_H

#include <stdint.h>

#include "host/monitor/nl.h"
#include "host/priv.h"
#include "host/settings.h"

struct bounds {
	const struct settings *settings;    /* addresses that the administrator named are his */
	const struct nl_address *addresses; /* of the whole host */
	size_t n_addresses;
	unsigned int ifindex;		  /* of the NIC */
	uint16_t usb_vendor, usb_product; /* of the NIC; 0: it is not on USB */
};

/* 0; -EADDRINUSE: the host has it, or the BMC's address lies in another interface's subnet; -EPERM:
 * anything else that is not allowed. *why is then a static text. */
int bounds_check(const struct bounds *bounds, const struct priv_profile *wanted, const char **why);

#endif
