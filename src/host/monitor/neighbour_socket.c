/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/neighbour_socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

/*
 * RFC 8200 clause 4.2: next header and length (the kernel's business), then option 9Eh, four bytes.
 * 10: discard, and send Parameter Problem also for multicast. 11110: RFC 4727's experiment.
 */
static const unsigned char unknown_option[8] = {0, 0, 0x9e, 4, 0, 0, 0, 0};

int neighbour_socket_open(unsigned int ifindex)
{
	_cleanup_close_ int fd = -1;
	struct ifreq request = {0};
	int on = 1, off = 0;

	if (!if_indextoname(ifindex, request.ifr_name))
		return -ENODEV;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	/* A name can go to another NIC between two calls: bound first, then checked. */
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, request.ifr_name,
		    (socklen_t)strlen(request.ifr_name) + 1) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, unknown_option, sizeof(unknown_option)) <
			0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) < 0)
		return -errno;
	if (if_nametoindex(request.ifr_name) != ifindex)
		return -ENODEV;
	return util_steal_fd(&fd);
}
