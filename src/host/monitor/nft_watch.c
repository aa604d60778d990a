/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/nft_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/util.h"
#include "host/monitor/nft.h"
#include "host/monitor/nl_attr.h"

#define BUFFER	  32768 /* the kernel puts at most NLMSG_GOODSIZE of news into one datagram */
#define MAX_READS 64	/* then others have their turn */

struct nft_watch {
	struct event *readable;
	struct mnl_socket *socket;
	char table[NFT_MAX_TABLE];
	nft_watch_fn fn;
	void *arg;
};

/* Tables, chains and rules have the table's name in their first attribute: the numbers are one. */
_Static_assert((int)NFTA_CHAIN_TABLE == (int)NFTA_TABLE_NAME, "table");
_Static_assert((int)NFTA_RULE_TABLE == (int)NFTA_TABLE_NAME, "table");

static bool is_of_table(const struct nlmsghdr *header, const char *table)
{
	const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attr;
	size_t length;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*message) ||
		message->nfgen_family != NFPROTO_INET)
		return false;
	nl_for_each_attr(attr, header, sizeof(*message))
	{
		if (mnl_attr_get_type(attr) != NFTA_TABLE_NAME)
			continue;
		length = strlen(table) + 1;
		return mnl_attr_get_payload_len(attr) == length &&
		       memcmp(mnl_attr_get_payload(attr), table, length) == 0;
	}
	return false;
}

static enum nft_news read_message(const char *table, const struct nlmsghdr *header)
{
	if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return NFT_NEWS_NONE;
	switch (NFNL_MSG_TYPE(header->nlmsg_type)) {
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
		return is_of_table(header, table) ? NFT_NEWS_GONE : NFT_NEWS_NONE;
	case NFT_MSG_NEWTABLE:
		return is_of_table(header, table) ? NFT_NEWS_SET : NFT_NEWS_NONE;
	default:
		return NFT_NEWS_NONE;
	}
}

enum nft_news nft_watch_read(const char *table, const void *data, size_t length)
{
	const struct nlmsghdr *header = data;
	enum nft_news news = NFT_NEWS_NONE, one;
	int left = (int)length;

	for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
		one = read_message(table, header);
		if (one != NFT_NEWS_NONE)
			news = one;
	}
	return news;
}

/* One datagram: *news as above; -EAGAIN: there is none. */
static int take(const struct nft_watch *watch, enum nft_news *news)
{
	_Alignas(struct nlmsghdr) char buffer[BUFFER];
	struct sockaddr_nl from = {0};
	struct iovec part = {.iov_base = buffer, .iov_len = sizeof(buffer)};
	struct msghdr message = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1};
	ssize_t n = recvmsg(mnl_socket_get_fd(watch->socket), &message, MSG_DONTWAIT);

	if (n < 0 && errno == ENOBUFS) { /* more was told than the socket can keep */
		*news = NFT_NEWS_UNKNOWN;
		return 0;
	}
	if (n < 0)
		return -errno;
	*news = NFT_NEWS_NONE;
	if (from.nl_pid != 0) /* not the kernel */
		return 0;
	*news = (message.msg_flags & MSG_TRUNC) != 0
			? NFT_NEWS_UNKNOWN
			: nft_watch_read(watch->table, buffer, (size_t)n);
	return 0;
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	const struct nft_watch *watch = arg;
	enum nft_news last = NFT_NEWS_NONE, news;
	unsigned int i;

	for (i = 0; i < MAX_READS && take(watch, &news) == 0; i++)
		if (news != NFT_NEWS_NONE)
			last = news;
	if (last == NFT_NEWS_GONE || last == NFT_NEWS_UNKNOWN)
		watch->fn(last, watch->arg);
}

int nft_watch_start(struct event_base *base, unsigned int ifindex, nft_watch_fn fn, void *arg,
	struct nft_watch **watch)
{
	struct nft_watch *made = calloc(1, sizeof(*made));
	int group = NFNLGRP_NFTABLES, r = -ENOMEM;

	if (made == NULL)
		return -ENOMEM;
	made->fn = fn;
	made->arg = arg;
	snprintf(made->table, sizeof(made->table), NFT_TABLE, ifindex);
	made->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (made->socket == NULL || mnl_socket_bind(made->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_setsockopt(made->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
			0) {
		r = -errno;
		goto fail;
	}
	made->readable = event_new(
		base, mnl_socket_get_fd(made->socket), EV_READ | EV_PERSIST, on_news, made);
	if (made->readable == NULL || event_add(made->readable, NULL) < 0)
		goto fail;
	*watch = made;
	return 0;
fail:
	nft_watch_stop(made);
	return r;
}

void nft_watch_stop(struct nft_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->readable != NULL)
		event_free(watch->readable);
	if (watch->socket != NULL)
		mnl_socket_close(watch->socket);
	free(watch);
}
