/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/neighbour.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>

#define DISCARD_PORT 9
#define ANSWERS_MAX  64

int neighbour_ask(int fd, unsigned int ifindex)
{
	struct sockaddr_in6 all_nodes = {.sin6_family = AF_INET6,
		.sin6_port = htons(DISCARD_PORT),
		.sin6_addr = {{{0xff, 0x02, [15] = 0x01}}},
		.sin6_scope_id = ifindex};

	return sendto(fd, "", 0, 0, (struct sockaddr *)&all_nodes, sizeof(all_nodes)) < 0 ? -errno
											  : 0;
}

/* The sender of an ICMPv6 Parameter Problem, from one entry of the error queue. */
static int get_offender(struct msghdr *header, unsigned int ifindex, struct in6_addr *address)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		struct {
			struct sock_extended_err error;
			struct sockaddr_in6 offender;
		} data;

		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_RECVERR ||
			c->cmsg_len < CMSG_LEN(sizeof(data)))
			continue;
		memcpy(&data, CMSG_DATA(c), sizeof(data));
		if (data.error.ee_origin != SO_EE_ORIGIN_ICMP6 ||
			data.error.ee_type != ICMP6_PARAM_PROB ||
			data.offender.sin6_family != AF_INET6 ||
			!IN6_IS_ADDR_LINKLOCAL(&data.offender.sin6_addr) ||
			data.offender.sin6_scope_id != ifindex)
			continue;
		*address = data.offender.sin6_addr;
		return 0;
	}
	return -ENOENT;
}

int neighbour_read(int fd, unsigned int ifindex, struct in6_addr *address)
{
	struct in6_addr found;
	int result = -ENOENT;

	for (int i = 0; i < ANSWERS_MAX; i++) {
		char payload[64], control[512] __attribute__((aligned(8)));
		struct iovec iov = {payload, sizeof(payload)};
		struct msghdr header = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		struct in6_addr offender;

		if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		if (get_offender(&header, ifindex, &offender) < 0)
			continue;
		if (result == 0 && !IN6_ARE_ADDR_EQUAL(&found, &offender))
			return -ENOTUNIQ;
		found = offender;
		result = 0;
	}
	/* Datagrams to our port are nothing that we asked for, and must not keep us awake. */
	for (int i = 0; i < ANSWERS_MAX; i++) {
		char byte;

		if (recv(fd, &byte, 1, MSG_DONTWAIT) < 0)
			break;
	}
	if (result == 0)
		*address = found;
	return result;
}
