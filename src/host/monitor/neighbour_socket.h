/* SPDX-License-Identifier: Apache-2.0 */
/* The privileged half of link/neighbour.h. */
#ifndef BMCLINK_HOST_NEIGHBOUR_SOCKET_H
#define BMCLINK_HOST_NEIGHBOUR_SOCKET_H

/*
 * A UDP socket for the worker, bound to the NIC, whose datagrams carry an unknown destination
 * option. Needs CAP_NET_RAW. Who holds it can send such datagrams on that NIC and nothing else: a
 * socket bound to a device stays bound without CAP_NET_RAW. Descriptor or negative errno.
 */
int neighbour_socket_open(unsigned int ifindex);

#endif
