/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/profile.h"

#include <limits.h>

/* The next part of a version as a number, saturated; moves *s behind its dot. */
static unsigned long take_part(const char **s)
{
	unsigned long value = 0;

	while (**s >= '0' && **s <= '9') {
		unsigned long digit = (unsigned long)(**s - '0');

		value = value > (ULONG_MAX - digit) / 10 ? ULONG_MAX : value * 10 + digit;
		(*s)++;
	}
	while (**s && **s != '.')
		(*s)++;
	if (**s == '.')
		(*s)++;
	return value;
}

int profile_compare_versions(const char *a, const char *b)
{
	while (*a || *b) {
		unsigned long x = take_part(&a), y = take_part(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

void profile_decide(const struct profile_wish *wish, struct profile *profile)
{
	bool idrac = wish->kind == PROFILE_IDRAC;
	const char *version = wish->firmware_version;

	*profile = (struct profile){
		.tls = wish->tls,
		.ipv4 = wish->ipv4,
		.ipv6 = wish->ipv6,
		.manager_id = idrac ? "iDRAC.Embedded.1" : "bmc",
		.system_id = idrac ? "System.Embedded.1" : "system",
	};
	if (idrac && profile_compare_versions(version, PROFILE_IDRAC_TLS_SINCE) < 0)
		profile->tls = false;
	if (idrac && profile_compare_versions(version, PROFILE_IDRAC_IPV6_SINCE) < 0)
		profile->ipv6 = false;
}
