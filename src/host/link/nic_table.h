/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table behind nic.h: rtnetlink messages in, links and addresses out. Pure: no sockets. Only
 * Ethernet links are kept (a pass-through NIC is one, whatever its bus). When the table is full, a
 * link that some software made (veth, bridge, VLAN: there may be hundreds on a host of containers)
 * makes room for one that hardware made.
 */
#ifndef BMCLINK_HOST_NIC_TABLE_H
#define BMCLINK_HOST_NIC_TABLE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/link/nic.h"

struct nic_table {
	struct nic *links[NIC_MAX_LINKS]; /* by rising ifindex */
	bool software[NIC_MAX_LINKS];
	size_t n;
	unsigned int ignored; /* links that did not fit, since the table was made */
};

enum nic_todo {
	NIC_TODO_NOTHING,
	NIC_TODO_ADDRESSES, /* ask for its addresses: it came up, and the kernel tells nothing of a
			       link-local address until duplicate detection is done */
	NIC_TODO_QUERY,	    /* ask for this link again: a message hints that its flags changed */
	NIC_TODO_RESCAN,    /* a place became free, and there are links that did not fit */
};

void nic_table_clear(struct nic_table *table); /* frees; safe at any time */
struct nic *nic_table_find(const struct nic_table *table, unsigned int ifindex);

/*
 * Apply one RTM_{NEW,DEL}{LINK,ADDR} message, which lies whole in memory (mnl_nlmsg_ok()), padded
 * to four bytes as netlink has it; others do nothing.
 * fn (may be NULL) is called for each change, after it is in the table. *ifindex is the link spoken
 * of. -EBADMSG: not well formed; -ENOMEM.
 */
int nic_table_apply(struct nic_table *table, const struct nlmsghdr *message, nic_change_fn fn,
	void *arg, enum nic_todo *todo, unsigned int *ifindex);

/* In what the link itself says; addresses apart. */
bool nic_link_differs(const struct nic *a, const struct nic *b);

/* Call fn for each difference; then old holds what fresh held, and fresh is empty. */
void nic_table_replace(struct nic_table *old, struct nic_table *fresh, nic_change_fn fn, void *arg);

#endif
