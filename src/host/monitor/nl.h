/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few rtnetlink requests that need a privilege, each on a socket of its own that is closed
 * after it: the monitor keeps nothing open. By ifindex only. Return 0 or negative errno.
 */
#ifndef BMCLINK_HOST_NL_H
#define BMCLINK_HOST_NL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

union nl_ip {
	struct in_addr v4;
	struct in6_addr v6;
};

struct nl_address {
	unsigned int ifindex;
	int family;
	unsigned int prefix; /* of peer */
	union nl_ip local;   /* this host's address */
	union nl_ip peer;    /* the other end, or equal to local where there is none */
};

int nl_set_link_up(unsigned int ifindex);
int nl_set_link_down(unsigned int ifindex);
struct nl_link {
	bool up;
	bool has_mac; /* Ethernet: six bytes */
	unsigned char mac[6];
};
int nl_get_link(unsigned int ifindex, struct nl_link *link);

/* IPv4 is added with scope link. -EEXIST: it is there already. */
int nl_add_address(const struct nl_address *address);
int nl_delete_address(const struct nl_address *address); /* -EADDRNOTAVAIL: it is not there */

/* All addresses of this host, of both families; *addresses is the caller's to free. -E2BIG above
 * NL_MAX_ADDRESSES: what cannot be looked at cannot be judged. */
#define NL_MAX_ADDRESSES 4096
int nl_get_addresses(struct nl_address **addresses, size_t *n);

/* Is this IPv4 address on the link of the NIC, and none of this host? False for ifindex 0. */
bool nl_is_on_link(unsigned int ifindex, struct in_addr bmc);

/* Remove the routes that router advertisements brought through this NIC; *removed counts them. */
int nl_delete_ra_routes(unsigned int ifindex, unsigned int *removed);

#endif
