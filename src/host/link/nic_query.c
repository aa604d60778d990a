/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/nic_query.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUERY_SECONDS 2 /* the kernel answers at once; this is for "never wait for ever" */
#define DUMP_TRIES    8 /* of a dump that a change interrupted */

struct nic_query {
	int fd;
	uint32_t sequence;
	char buffer[NIC_NETLINK_BUFFER] __attribute__((aligned(8)));
};

typedef int (*message_fn)(const struct nlmsghdr *message, void *arg);

int nic_netlink_open(int flags)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

ssize_t nic_netlink_receive(int fd, char *buffer, size_t size, int flags)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {buffer, size};
	struct msghdr header = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do
		n = recvmsg(fd, &header, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (header.msg_flags & MSG_TRUNC)
		return -ENOBUFS; /* something is lost, as if the queue had overrun */
	return header.msg_namelen == sizeof(from) && from.nl_pid == 0 ? n : 0;
}

/*
 * Send the request and give each message of the answer to fn until the end. -EINTR: the dump is not
 * consistent (NLM_F_DUMP_INTR). The whole answer is read in any case: a rest in the socket would be
 * taken for the next answer.
 */
static int ask(struct nic_query *query, struct nlmsghdr *request, message_fn fn, void *arg)
{
	bool dump = request->nlmsg_flags & NLM_F_DUMP;
	int result = 0;

	request->nlmsg_seq = ++query->sequence;
	if (send(query->fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = nic_netlink_receive(query->fd, query->buffer, sizeof(query->buffer), 0);
		struct nlmsghdr *message = (struct nlmsghdr *)query->buffer;
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			int r = 0;

			if (message->nlmsg_seq != request->nlmsg_seq)
				continue;
			if (message->nlmsg_flags & NLM_F_DUMP_INTR)
				result = -EINTR;
			if (message->nlmsg_type == NLMSG_DONE)
				return result;
			if (message->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

				return mnl_nlmsg_get_payload_len(message) < sizeof(*error)
					       ? -EBADMSG
					       : error->error;
			}
			r = fn(message, arg);
			if (r < 0 && result == 0)
				result = r;
			if (!dump)
				return result;
		}
	}
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return request;
}

static int apply_silently(const struct nlmsghdr *message, void *arg)
{
	enum nic_todo todo;
	unsigned int ifindex;

	return nic_table_apply(arg, message, NULL, NULL, &todo, &ifindex);
}

static int dump_links(struct nic_query *query, struct nic_table *table)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = begin(buffer, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return ask(query, request, apply_silently, table);
}

static int dump_addresses(struct nic_query *query, unsigned char family, message_fn fn, void *arg)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = begin(buffer, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	int r;

	info->ifa_family = family;
	r = ask(query, request, fn, arg);
	/* A kernel without an IPv6 stack has no such dump. */
	return family == AF_INET6 && (r == -EOPNOTSUPP || r == -EAFNOSUPPORT) ? 0 : r;
}

int nic_query_table(struct nic_query *query, struct nic_table *table)
{
	int r = -EINTR;

	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		nic_table_clear(table);
		r = dump_links(query, table);
		if (r == 0)
			r = dump_addresses(query, AF_INET, apply_silently, table);
		if (r == 0)
			r = dump_addresses(query, AF_INET6, apply_silently, table);
	}
	if (r < 0)
		nic_table_clear(table);
	return r;
}

struct nic_changes { /* where an answer goes, and who is told */
	struct nic_table *table;
	nic_change_fn fn;
	void *arg;
};

static int apply_answer(const struct nlmsghdr *message, void *arg)
{
	struct nic_changes *changes = arg;
	enum nic_todo todo;
	unsigned int ifindex;

	return nic_table_apply(changes->table, message, changes->fn, changes->arg, &todo, &ifindex);
}

int nic_query_ipv6(struct nic_query *query, struct nic_table *table, nic_change_fn fn, void *arg)
{
	struct nic_changes changes = {table, fn, arg};
	int r = -EINTR;

	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++)
		r = dump_addresses(query, AF_INET6, apply_answer, &changes);
	return r;
}

int nic_query_link(struct nic_query *query, unsigned int ifindex, struct nic_table *table,
	nic_change_fn fn, void *arg)
{
	struct nic_changes changes = {table, fn, arg};
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = begin(buffer, RTM_GETLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)ifindex;
	return ask(query, request, apply_answer, &changes);
}

struct neighbours {
	unsigned int ifindex, n;
	struct in6_addr address;
};

static int add_neighbour(const struct nlattr *attr, void *arg)
{
	struct neighbours *found = arg;
	struct in6_addr address;

	if (mnl_attr_get_type(attr) != NDA_DST || mnl_attr_get_payload_len(attr) != sizeof(address))
		return MNL_CB_OK;
	memcpy(&address, mnl_attr_get_payload(attr), sizeof(address));
	if (IN6_IS_ADDR_LINKLOCAL(&address)) {
		found->address = address;
		found->n++;
	}
	return MNL_CB_OK;
}

static int collect_neighbour(const struct nlmsghdr *message, void *arg)
{
	const struct ndmsg *entry = mnl_nlmsg_get_payload(message);
	struct neighbours *found = arg;

	if (message->nlmsg_type != RTM_NEWNEIGH ||
		mnl_nlmsg_get_payload_len(message) < sizeof(*entry) ||
		entry->ndm_family != AF_INET6 ||
		(unsigned int)entry->ndm_ifindex != found->ifindex ||
		entry->ndm_flags & NTF_PROXY ||
		!(entry->ndm_state &
			(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)))
		return 0;
	return mnl_attr_parse(message, sizeof(*entry), add_neighbour, found) < 0 ? -EBADMSG : 0;
}

int nic_query_neighbour(struct nic_query *query, unsigned int ifindex, struct in6_addr *address)
{
	struct neighbours found;
	int r = -EINTR;

	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		char buffer[256] __attribute__((aligned(8)));
		struct nlmsghdr *request = begin(buffer, RTM_GETNEIGH, NLM_F_DUMP);
		struct ndmsg *entry = mnl_nlmsg_put_extra_header(request, sizeof(*entry));

		entry->ndm_family = AF_INET6;
		mnl_attr_put_u32(request, NDA_IFINDEX, ifindex); /* kernels that filter */
		memset(&found, 0, sizeof(found));
		found.ifindex = ifindex;
		r = ask(query, request, collect_neighbour, &found);
	}
	if (r < 0)
		return r;
	if (found.n != 1)
		return found.n ? -ENOTUNIQ : -ENOENT;
	*address = found.address;
	return 0;
}

int nic_query_new(struct nic_query **query)
{
	static const struct timeval timeout = {QUERY_SECONDS, 0};
	struct nic_query *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->fd = r = nic_netlink_open(0);
	if (r >= 0 && setsockopt(q->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		r = -errno;
	if (r < 0) {
		nic_query_free(q);
		return r;
	}
	*query = q;
	return 0;
}

void nic_query_free(struct nic_query *query)
{
	if (!query)
		return;
	if (query->fd >= 0)
		close(query->fd);
	free(query);
}
