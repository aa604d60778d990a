/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/listen.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "base/log.h"
#include "base/util.h"

#define GROUPS	(RTMGRP_LINK | RTMGRP_IPV4_IFADDR)
#define BACKLOG 64

struct listen {
	struct listen_handlers handlers;
	char interface[IF_NAMESIZE];
	unsigned int ifindex; /* 0: no NIC */
	bool up;	      /* handlers.up() succeeded for it */
	bool failing;	      /* and that was said */
	struct mnl_socket *netlink;
	struct event *readable, *retry;
};

static int set_number(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* What an accepted connection inherits: no delay, and the kernel finds out who is gone. */
static void set_care(int fd)
{
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 3);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 15000);
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

int listen_bind_to_nic(int fd, unsigned int ifindex)
{
	char name[IF_NAMESIZE];
	int r = set_number(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)ifindex);

	if (r != -ENOPROTOOPT)
		return r;
	/* Kernels before 5.0 know names only. */
	if (!if_indextoname(ifindex, name))
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) < 0)
		return -errno;
	return 0;
}

static int bind_address(int fd, int family, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int r;

	/* Any address: the NIC is the bound, and its addresses come and go. */
	if (family == AF_INET)
		r = bind(fd, (struct sockaddr *)&in, sizeof(in));
	else
		r = bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	return r < 0 ? -errno : 0;
}

int listen_open_socket(int family, unsigned int ifindex, uint16_t port)
{
	_cleanup_close_ int fd =
		socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int r;

	if (fd < 0)
		return -errno;
	set_care(fd);
	/* Connections inherit it: without it the next start would wait a minute for their end. */
	r = set_number(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && family == AF_INET6)
		r = set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (r == 0)
		r = listen_bind_to_nic(fd, ifindex);
	if (r == 0)
		r = bind_address(fd, family, port);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	return r < 0 ? r : util_steal_fd(&fd);
}

/* Said once, however long it lasts. */
static void try_again(struct listen *listen, const char *what, int r)
{
	static const struct timeval wait = {1, 0};

	if (!listen->failing)
		log_error("listen", "%s %s: %s; trying again each second", listen->interface, what,
			strerror(-r));
	listen->failing = true;
	evtimer_add(listen->retry, &wait);
}

static void try_up(struct listen *listen)
{
	int r = listen->handlers.up(listen->ifindex, listen->handlers.arg);

	if (r < 0) {
		try_again(listen, "cannot be listened on", r);
		return;
	}
	if (listen->failing)
		log_notice("listen", "%s is listened on", listen->interface);
	listen->failing = false;
	listen->up = true;
}

/* The one place where the NIC changes. */
static void set_nic(struct listen *listen, unsigned int ifindex)
{
	if (listen->ifindex == ifindex)
		return;
	log_notice("listen", "%s: ifindex %u -> %u%s", listen->interface, listen->ifindex, ifindex,
		ifindex ? "" : ", waiting for it");
	evtimer_del(listen->retry);
	if (listen->up)
		listen->handlers.down(listen->handlers.arg);
	listen->up = false;
	listen->ifindex = ifindex;
	if (ifindex)
		try_up(listen);
}

/* Want of a descriptor or of memory says nothing of the NIC. */
static void find_nic(struct listen *listen)
{
	unsigned int found = if_nametoindex(listen->interface);

	if (!found && errno != ENODEV)
		try_again(listen, "cannot be looked for", -errno);
	else
		set_nic(listen, found);
}

/* Messages may have been lost: look at what is there now. */
static void rescan(struct listen *listen)
{
	char name[IF_NAMESIZE];

	if (listen->ifindex && !if_indextoname(listen->ifindex, name)) {
		if (errno != ENXIO) {
			try_again(listen, "cannot be looked for", -errno);
			return;
		}
		set_nic(listen, 0);
	}
	if (!listen->ifindex)
		find_nic(listen);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct listen *listen = arg;

	if (listen->ifindex && !listen->up)
		try_up(listen);
	else
		rescan(listen);
}

static int on_message(const struct nlmsghdr *header, void *arg)
{
	struct listen *listen = arg;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(header);

	if (header->nlmsg_type == RTM_NEWADDR) {
		if (mnl_nlmsg_get_payload_len(header) >= sizeof(*address) && listen->up &&
			address->ifa_index == listen->ifindex)
			listen->handlers.address(listen->handlers.arg);
		return MNL_CB_OK;
	}
	if (mnl_nlmsg_get_payload_len(header) < sizeof(*info) || info->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	if (header->nlmsg_type == RTM_DELLINK && (unsigned int)info->ifi_index == listen->ifindex)
		set_nic(listen, 0);
	/* A name that is free now may be another NIC's already. */
	if (!listen->ifindex)
		find_nic(listen);
	return MNL_CB_OK;
}

static void on_netlink(evutil_socket_t fd, short what, void *arg)
{
	struct listen *listen = arg;
	char buffer[16384];
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
		mnl_cb_run(buffer, (size_t)n, 0, 0, on_message, listen);
	if (n < 0 && errno == ENOBUFS)
		rescan(listen);
}

static int open_netlink(struct event_base *base, struct listen *listen)
{
	listen->netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!listen->netlink)
		return -errno;
	if (mnl_socket_bind(listen->netlink, GROUPS, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	listen->readable = event_new(
		base, mnl_socket_get_fd(listen->netlink), EV_READ | EV_PERSIST, on_netlink, listen);
	listen->retry = evtimer_new(base, on_retry, listen);
	if (!listen->readable || !listen->retry || event_add(listen->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int listen_new(struct event_base *base, const char *interface,
	const struct listen_handlers *handlers, struct listen **listen)
{
	struct listen *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	made->handlers = *handlers;
	r = open_netlink(base, made);
	if (r < 0) {
		listen_free(made);
		return r;
	}
	*listen = made;
	listen_restart(made, interface);
	return 0;
}

void listen_restart(struct listen *listen, const char *interface)
{
	evtimer_del(listen->retry);
	listen->up = listen->failing = false;
	listen->ifindex = 0;
	snprintf(listen->interface, sizeof(listen->interface), "%s", interface);
	rescan(listen);
	if (!listen->ifindex)
		log_notice("listen", "%s is not there: waiting for it", interface);
}

void listen_free(struct listen *listen)
{
	if (!listen)
		return;
	if (listen->readable)
		event_free(listen->readable);
	if (listen->retry)
		event_free(listen->retry);
	if (listen->netlink)
		mnl_socket_close(listen->netlink);
	free(listen);
}

unsigned int listen_get_ifindex(const struct listen *listen)
{
	return listen->ifindex;
}
