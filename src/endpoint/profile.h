/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this firmware can do, by configuration and by profile. Pure.
 * With profile = idrac the firmware version decides as the real ones do: no TLS on the pass-through
 * NIC before 3.30.30.30, no IPv6 on it before 2.70.70.70.
 */
#ifndef BMCLINK_ENDPOINT_PROFILE_H
#define BMCLINK_ENDPOINT_PROFILE_H

#include <stdbool.h>

#define PROFILE_IDRAC_TLS_SINCE	 "3.30.30.30"
#define PROFILE_IDRAC_IPV6_SINCE "2.70.70.70"

enum profile_kind { PROFILE_REDFISH, PROFILE_IDRAC };

struct profile_wish { /* what the configuration asks for */
	enum profile_kind kind;
	const char *firmware_version;
	bool tls, ipv4, ipv6;
};

struct profile { /* what the firmware then has */
	bool tls, ipv4, ipv6;
	const char *manager_id; /* static: "bmc" or "iDRAC.Embedded.1" */
	const char *system_id;	/* static: "system" or "System.Embedded.1" */
};

/*
 * Compare dotted versions number by number: < 0, 0, > 0. A missing part counts as 0, anything that
 * is not a digit ends a part, so that "3.30.30.30-b1" equals "3.30.30.30".
 */
int profile_compare_versions(const char *a, const char *b);

void profile_decide(const struct profile_wish *wish, struct profile *profile);

#endif
