/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to rtnetlink, on a socket of their own: the kernel answers within the call. No
 * privilege needed. What nic.c stands on. fn is called while the answer is being read: it must not
 * ask another question.
 */
#ifndef BMCLINK_HOST_NIC_QUERY_H
#define BMCLINK_HOST_NIC_QUERY_H

#include <sys/types.h>

#include "host/link/nic_table.h"

#define NIC_NETLINK_BUFFER 32768 /* the kernel's own largest dump message */

/* A NETLINK_ROUTE socket with SOCK_* flags: descriptor or negative errno. */
int nic_netlink_open(int flags);
/*
 * One datagram of the kernel's: its length; 0 when another process sent it, which is not to be
 * believed; -EAGAIN; -ENOBUFS: something was lost.
 */
ssize_t nic_netlink_receive(int fd, char *buffer, size_t size, int flags);

struct nic_query;

int nic_query_new(struct nic_query **query);
void nic_query_free(struct nic_query *query);

/* Everything, into table (cleared first). -EINTR: it changed each time while it was read. */
int nic_query_table(struct nic_query *query, struct nic_table *table);
/* One link, applied to table. -ENODEV: it is gone. */
int nic_query_link(struct nic_query *query, unsigned int ifindex, struct nic_table *table,
	nic_change_fn fn, void *arg);
/* IPv6 addresses of all links that table has: adds what is new there. */
int nic_query_ipv6(struct nic_query *query, struct nic_table *table, nic_change_fn fn, void *arg);
/* As nic_find_neighbour(). */
int nic_query_neighbour(struct nic_query *query, unsigned int ifindex, struct in6_addr *address);

#endif
