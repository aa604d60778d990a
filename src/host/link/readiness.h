/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a protocol complete on the host's side, and to which address would a connection go? Pure: what
 * the kernel says of the NIC, the plan, the settings and the profile of the one-time act in; the
 * ladder's facts out.
 *
 * A usable address is one from which the BMC's address is on the link: the BMC's is its peer, or
 * lies in its prefix. IPv6 by link-local address asks only for a link-local address of our own.
 */
#ifndef BMCLINK_HOST_READINESS_H
#define BMCLINK_HOST_READINESS_H

#include <stdbool.h>

#include "host/discover/plan.h"
#include "host/link/ladder.h"
#include "host/link/nic.h"
#include "host/priv.h"

struct readiness_input {
	const struct settings *settings;
	const struct plan *plan;
	const struct nic *nic;		    /* NULL: not there, or udev is not done with it */
	const struct priv_profile *profile; /* of the claimed NIC */
	unsigned int candidate;		    /* index into plan->bmc_ipv4 */
	bool managed; /* by NetworkManager or networkd, with an active profile */
	bool ipv4_disabled_by_manager;
};

void readiness_get_facts(const struct readiness_input *input, struct ladder_facts *facts);

/* What the one-time act is to set: addresses of the enabled protocols that lack one; nothing set:
 * bring up only. */
void readiness_get_wanted(const struct readiness_input *input, struct priv_profile *wanted);

/* The BMC's IPv4 address and ours for it: the profile's, where it has one, else the plan's
 * candidate. */
void readiness_get_ipv4(
	const struct readiness_input *input, struct in_addr *host, struct in_addr *bmc);

/* The addresses that IPv4 is used with, ours as it is on the NIC. False: IPv4 is not complete (or
 * not enabled), and nothing is set. */
bool readiness_get_used_ipv4(
	const struct readiness_input *input, struct in_addr *host, struct in_addr *bmc);

/* A complete sentence for people: which condition is missing for protocol, and the command that
 * mends it ("" when none). */
void readiness_explain(const struct readiness_input *input, enum ladder_missing missing,
	enum ladder_protocol protocol, char *text, size_t text_size, char *mend, size_t mend_size);

#endif
