/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/nl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/util.h"
#include "host/monitor/nl_attr.h"

#define BUFFER 32768 /* a dump datagram of the kernel is at most this (NLMSG_GOODSIZE and more) */
/* Of a dump that a change interrupted (-EINTR, by NLM_F_DUMP_INTR): on a host of containers the
 * addresses and routes of others come and go all the time. */
#define DUMP_TRIES 8

/* One request; every message of the answer goes to fn (may be NULL). */
static int ask(struct nlmsghdr *request, mnl_cb_t fn, void *arg)
{
	_cleanup_free_ char *buffer = malloc(BUFFER);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	ssize_t n;
	int r = 0;

	if (buffer == NULL || socket == NULL) {
		r = buffer == NULL ? -ENOMEM : -errno;
		goto out;
	}
	request->nlmsg_seq = 1;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
		r = -errno;
		goto out;
	}
	do {
		n = mnl_socket_recvfrom(socket, buffer, BUFFER);
		if (n < 0) {
			r = -errno;
			goto out;
		}
		r = mnl_cb_run(buffer, (size_t)n, 1, mnl_socket_get_portid(socket), fn, arg);
	} while (r > 0);
	if (r < 0)
		r = -errno;
out:
	if (socket != NULL)
		mnl_socket_close(socket);
	return r;
}

static int set_link(unsigned int ifindex, unsigned int flags)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	header->nlmsg_type = RTM_NEWLINK;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	info->ifi_index = (int)ifindex;
	info->ifi_change = IFF_UP;
	info->ifi_flags = flags;
	return ask(header, NULL, NULL);
}

int nl_set_link_up(unsigned int ifindex)
{
	return set_link(ifindex, IFF_UP);
}

int nl_set_link_down(unsigned int ifindex)
{
	return set_link(ifindex, 0);
}

static int take_link(const struct nlmsghdr *header, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	struct nl_link *link = arg;
	const struct nlattr *attr;

	link->up = (info->ifi_flags & IFF_UP) != 0;
	nl_for_each_attr(attr, header, sizeof(*info))
	{
		if (mnl_attr_get_type(attr) != IFLA_ADDRESS ||
			mnl_attr_get_payload_len(attr) != sizeof(link->mac))
			continue;
		memcpy(link->mac, mnl_attr_get_payload(attr), sizeof(link->mac));
		link->has_mac = true;
	}
	return MNL_CB_OK;
}

int nl_get_link(unsigned int ifindex, struct nl_link *link)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nl_link found = {0};
	struct ifinfomsg *info;
	int r;

	header->nlmsg_type = RTM_GETLINK;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	info->ifi_index = (int)ifindex;
	r = ask(header, take_link, &found);
	if (r == 0)
		*link = found;
	return r;
}

static size_t ip_size(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static int change_address(const struct nl_address *address, uint16_t type, unsigned int flags)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *info;

	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	info->ifa_family = (uint8_t)address->family;
	info->ifa_prefixlen = (uint8_t)address->prefix;
	info->ifa_index = address->ifindex;
	/* IPv4 with scope link: no daemon takes it for an address of this host to the world */
	info->ifa_scope = address->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put(header, IFA_LOCAL, ip_size(address->family), &address->local);
	mnl_attr_put(header, IFA_ADDRESS, ip_size(address->family), &address->peer);
	return ask(header, NULL, NULL);
}

int nl_add_address(const struct nl_address *address)
{
	return change_address(address, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
}

int nl_delete_address(const struct nl_address *address)
{
	return change_address(address, RTM_DELADDR, 0);
}

/* Once more, where it was interrupted; clear: forgets what that one brought. */
static int dump(struct nlmsghdr *request, mnl_cb_t fn, void *arg, void (*clear)(void *arg))
{
	int r = -EINTR;

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		clear(arg);
		r = ask(request, fn, arg);
	}
	return r;
}

struct list {
	struct nl_address *addresses;
	size_t n, room;
};

static void clear_list(void *arg)
{
	struct list *list = arg;

	list->n = 0;
}

/* False: errno says why. */
static bool make_room(struct list *list)
{
	size_t room = list->room == 0 ? 32 : list->room * 2;
	struct nl_address *grown;

	if (list->n < list->room)
		return true;
	if (list->n >= NL_MAX_ADDRESSES) {
		errno = E2BIG;
		return false;
	}
	grown = realloc(list->addresses, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	list->addresses = grown;
	list->room = room;
	return true;
}

static int take_address(const struct nlmsghdr *header, void *arg)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
	struct nl_address address = {
		.ifindex = info->ifa_index,
		.family = info->ifa_family,
		.prefix = info->ifa_prefixlen,
	};
	bool has_local = false, has_peer = false;
	struct list *list = arg;
	const struct nlattr *attr;

	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return MNL_CB_OK;
	nl_for_each_attr(attr, header, sizeof(*info))
	{
		if (mnl_attr_get_payload_len(attr) != ip_size(info->ifa_family))
			continue;
		if (mnl_attr_get_type(attr) == IFA_LOCAL) {
			memcpy(&address.local, mnl_attr_get_payload(attr),
				ip_size(info->ifa_family));
			has_local = true;
		} else if (mnl_attr_get_type(attr) == IFA_ADDRESS) {
			memcpy(&address.peer, mnl_attr_get_payload(attr),
				ip_size(info->ifa_family));
			has_peer = true;
		}
	}
	/* IPv6 without a peer has only IFA_ADDRESS; it is the local one then */
	if (!has_local)
		address.local = address.peer;
	if (!has_peer)
		address.peer = address.local;
	if (!has_local && !has_peer)
		return MNL_CB_OK;
	if (!make_room(list))
		return MNL_CB_ERROR;
	list->addresses[list->n++] = address;
	return MNL_CB_OK;
}

int nl_get_addresses(struct nl_address **addresses, size_t *n)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *info;
	struct list list = {0};
	int r;

	header->nlmsg_type = RTM_GETADDR;
	info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	info->ifa_family = AF_UNSPEC;
	r = dump(header, take_address, &list, clear_list);
	if (r < 0) {
		free(list.addresses);
		return r;
	}
	*addresses = list.addresses;
	*n = list.n;
	return 0;
}

#define MAX_RA_ROUTES 64 /* in one pass; there are more only in an attack, then the next pass */

struct ra_routes {
	unsigned int ifindex, n;
	char *messages[MAX_RA_ROUTES];
};

/*
 * The kernel shows the router's routes with protocol "ra", and those of an advertised on-link
 * prefix as its own, but with an end of life. The latter stay where the net is one of a link: a
 * unique local or link-local prefix of 64 bits or more, by which a BMC may well be reached.
 */
static bool is_advertised(const struct rtmsg *route, const struct in6_addr *net, bool expires)
{
	bool of_a_link = (net->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(net);

	if (route->rtm_protocol == RTPROT_RA)
		return true;
	return route->rtm_protocol == RTPROT_KERNEL && expires &&
	       !(of_a_link && route->rtm_dst_len >= 64);
}

static int take_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	struct rta_cacheinfo info = {0};
	struct in6_addr net = {0};
	struct ra_routes *found = arg;
	const struct nlattr *attr;
	unsigned int nic = 0;

	nl_for_each_attr(attr, header, sizeof(*route))
	{
		size_t length = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == RTA_OIF && length == sizeof(nic))
			nic = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_DST && length == sizeof(net))
			memcpy(&net, mnl_attr_get_payload(attr), sizeof(net));
		else if (mnl_attr_get_type(attr) == RTA_CACHEINFO && length >= sizeof(info))
			memcpy(&info, mnl_attr_get_payload(attr), sizeof(info));
	}
	if (nic != found->ifindex || found->n == MAX_RA_ROUTES ||
		!is_advertised(route, &net, info.rta_expires != 0))
		return MNL_CB_OK;
	found->messages[found->n] = malloc(header->nlmsg_len);
	if (found->messages[found->n] != NULL)
		memcpy(found->messages[found->n++], header, header->nlmsg_len);
	return MNL_CB_OK;
}

static void clear_routes(void *arg)
{
	struct ra_routes *found = arg;

	while (found->n > 0)
		free(found->messages[--found->n]);
}

int nl_delete_ra_routes(unsigned int ifindex, unsigned int *removed)
{
	char buffer[256];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ra_routes found = {.ifindex = ifindex};
	struct rtmsg *route;
	unsigned int i;
	int r;

	header->nlmsg_type = RTM_GETROUTE;
	route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	route->rtm_family = AF_INET6;
	r = dump(header, take_route, &found, clear_routes);
	*removed = 0;
	for (i = 0; i < found.n; i++) {
		/* what the kernel told about a route is what names it for deletion */
		header = (struct nlmsghdr *)(void *)found.messages[i];
		header->nlmsg_type = RTM_DELROUTE;
		header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		header->nlmsg_pid = 0;
		if (ask(header, NULL, NULL) == 0)
			(*removed)++;
	}
	clear_routes(&found);
	return r;
}
