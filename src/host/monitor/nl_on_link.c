/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/util.h"
#include "host/monitor/nl.h"

static bool covers(const struct nl_address *own, struct in_addr bmc)
{
	uint32_t mask = own->prefix == 0 ? 0 : UINT32_MAX << (32 - own->prefix);

	if (own->local.v4.s_addr == bmc.s_addr || own->prefix == 0)
		return false;
	if (own->peer.v4.s_addr == bmc.s_addr)
		return true;
	return own->prefix < 32 && ((ntohl(own->peer.v4.s_addr) ^ ntohl(bmc.s_addr)) & mask) == 0;
}

bool nl_is_on_link(unsigned int ifindex, struct in_addr bmc)
{
	_cleanup_free_ struct nl_address *addresses = NULL;
	bool found = false;
	size_t n;

	if (ifindex == 0 || nl_get_addresses(&addresses, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (addresses[i].family != AF_INET)
			continue;
		if (addresses[i].local.v4.s_addr == bmc.s_addr)
			return false;
		found |= addresses[i].ifindex == ifindex && covers(&addresses[i], bmc);
	}
	return found;
}
