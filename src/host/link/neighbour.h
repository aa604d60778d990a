/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of the link, by IPv6? A datagram to all nodes (ff02::1) whose destination
 * option nobody knows and whose type asks to be told so: RFC 8200 clause 4.2, option types
 * 10xxxxxx, "send an ICMP Parameter Problem [...] regardless of whether or not the packet's
 * Destination Address was a multicast address". The source of that ICMP message is the BMC's
 * link-local address; the kernel hands it to us on the socket's error queue. An echo request would
 * do as well, but needs a raw socket, and many a firmware does not answer one to all nodes.
 *
 * The socket comes from the monitor (monitor/neighbour_socket.h), because the option needs
 * CAP_NET_RAW; from then on no privilege is needed.
 */
#ifndef BMCLINK_HOST_NEIGHBOUR_H
#define BMCLINK_HOST_NEIGHBOUR_H

#include <netinet/in.h>

/*
 * Send one question. Needs a link-local address of our own that is no longer tentative
 * (-EADDRNOTAVAIL). The answer comes within a millisecond, or never: ask again after a second.
 */
int neighbour_ask(int fd, unsigned int ifindex);

/*
 * The socket became readable (EPOLLERR counts as readable): read all answers. As
 * nic_find_neighbour(): 0; -ENOENT: no answer; -ENOTUNIQ: several ends answered.
 */
int neighbour_read(int fd, unsigned int ifindex, struct in6_addr *address);

#endif
