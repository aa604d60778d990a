/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications, read from the loop, and what to do when they were lost. The table is
 * nic_table.c's, the questions are nic_query.c's.
 */
#include "host/link/nic.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"
#include "host/link/nic_query.h"
#include "host/link/nic_table.h"

#define DATAGRAMS_A_TURN 64
#define DRAIN_MAX	 100000
#define RETRY_MS	 500
#define SETTLE_MS	 20
#define MAX_QUERIES	 8 /* links to ask for at a time; with more a rescan is cheaper */
#define RECORDER_MAX	 32

struct nic_watch {
	struct event_base *base;
	struct event *readable, *retry, *settle;
	int notify_fd;
	struct nic_query *query;
	struct nic_table table;
	nic_change_fn fn;
	void *arg;
	unsigned int rescans;
	bool said_ignored;
	unsigned int depth; /* of calls from the loop: fn may free us */
	bool freed;
	char buffer[NIC_NETLINK_BUFFER] __attribute__((aligned(8)));
};

static int read_all(struct nic_watch *watch, struct nic_table *table)
{
	int r = nic_query_table(watch->query, table);

	if (r == 0 && table->ignored && !watch->said_ignored) {
		watch->said_ignored = true;
		log_notice("nic", "%u links more than %u are not looked at", table->ignored,
			NIC_MAX_LINKS);
	}
	return r;
}

static void tell(unsigned int ifindex, enum nic_change change, void *arg)
{
	struct nic_watch *watch = arg;

	if (!watch->freed)
		watch->fn(ifindex, change, watch->arg);
}

static void rescan(struct nic_watch *watch)
{
	static const struct timeval later = {0, RETRY_MS * 1000};
	struct nic_table fresh = {0};
	int r = read_all(watch, &fresh);

	if (r < 0) {
		log_warning(
			"nic", "cannot read the links: %s; again in %d ms", strerror(-r), RETRY_MS);
		event_add(watch->retry, &later);
		return;
	}
	watch->rescans++;
	nic_table_replace(&watch->table, &fresh, tell, watch);
	tell(0, NIC_RESCAN, watch);
}

/*
 * What a question's answer changed, told only when all of the answer is read: whoever is told may
 * ask a question of his own.
 */
struct recorder {
	struct {
		unsigned int ifindex;
		enum nic_change change;
	} list[RECORDER_MAX];
	size_t n;
	bool overflow;
};

static void record(unsigned int ifindex, enum nic_change change, void *arg)
{
	struct recorder *recorder = arg;

	if (recorder->n == RECORDER_MAX) {
		recorder->overflow = true;
		return;
	}
	recorder->list[recorder->n].ifindex = ifindex;
	recorder->list[recorder->n++].change = change;
}

static void tell_recorded(struct nic_watch *watch, const struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->n; i++)
		tell(recorder->list[i].ifindex, recorder->list[i].change, watch);
	if (recorder->overflow)
		tell(0, NIC_RESCAN, watch);
}

static void look_at_link(struct nic_watch *watch, unsigned int ifindex)
{
	struct recorder recorder = {0};

	/* -ENODEV: it is gone, and the notification that says so is on its way. */
	nic_query_link(watch->query, ifindex, &watch->table, record, &recorder);
	tell_recorded(watch, &recorder);
}

static void look_at_addresses(struct nic_watch *watch)
{
	struct recorder recorder = {0};

	nic_query_ipv6(watch->query, &watch->table, record, &recorder);
	tell_recorded(watch, &recorder);
}

struct todo { /* what the messages of one datagram ask for */
	unsigned int links[MAX_QUERIES], n_links;
	bool addresses, all;
};

static void add_todo(struct todo *todo, enum nic_todo what, unsigned int ifindex)
{
	if (what == NIC_TODO_ADDRESSES)
		todo->addresses = true;
	else if (what == NIC_TODO_QUERY && todo->n_links < MAX_QUERIES)
		todo->links[todo->n_links++] = ifindex;
	else if (what != NIC_TODO_NOTHING)
		todo->all = true;
}

static bool read_datagram(struct nic_watch *watch, size_t length)
{
	static const struct timeval soon = {0, SETTLE_MS * 1000};
	struct nlmsghdr *message = (struct nlmsghdr *)watch->buffer;
	struct todo todo = {0};
	int left = (int)length;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		unsigned int ifindex;
		enum nic_todo what;
		int r = nic_table_apply(&watch->table, message, tell, watch, &what, &ifindex);

		if (r < 0)
			log_debug("nic", "notification of type %u: %s", message->nlmsg_type,
				strerror(-r));
		add_todo(&todo, r == -ENOMEM ? NIC_TODO_RESCAN : what, ifindex);
	}
	for (unsigned int i = 0; i < todo.n_links && !todo.all && !watch->freed; i++)
		look_at_link(watch, todo.links[i]);
	if (todo.addresses && !todo.all && !watch->freed) {
		look_at_addresses(watch);
		/* The kernel may tell of "up" just before it makes the address. */
		if (!watch->freed)
			event_add(watch->settle, &soon);
	}
	return todo.all;
}

/*
 * After an overrun the queue still holds messages older than the loss: applied after a dump they
 * would bring back what is gone. Out with them first.
 */
static void drain(struct nic_watch *watch)
{
	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = nic_netlink_receive(
			watch->notify_fd, watch->buffer, sizeof(watch->buffer), MSG_DONTWAIT);

		if (n < 0 && n != -ENOBUFS)
			return;
	}
}

static void finish_free(struct nic_watch *watch)
{
	nic_table_clear(&watch->table);
	free(watch);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct nic_watch *watch = arg;
	bool all = false;

	watch->depth++;
	for (int i = 0; i < DATAGRAMS_A_TURN && !all && !watch->freed; i++) {
		ssize_t n =
			nic_netlink_receive(fd, watch->buffer, sizeof(watch->buffer), MSG_DONTWAIT);

		if (n == -ENOBUFS) {
			log_debug("nic", "notifications were lost, reading everything again");
			all = true;
		} else if (n < 0) {
			break;
		} else {
			all = read_datagram(watch, (size_t)n);
		}
	}
	if (all && !watch->freed) {
		drain(watch);
		rescan(watch);
	}
	if (--watch->depth == 0 && watch->freed)
		finish_free(watch);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct nic_watch *watch = arg;

	watch->depth++;
	rescan(watch);
	if (--watch->depth == 0 && watch->freed)
		finish_free(watch);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct nic_watch *watch = arg;

	watch->depth++;
	look_at_addresses(watch);
	if (--watch->depth == 0 && watch->freed)
		finish_free(watch);
}

static int join_groups(int fd)
{
	static const int groups[] = {
		RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_IFINFO};

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			    sizeof(groups[i])) < 0)
			return -errno;
	return 0;
}

static int start(struct nic_watch *watch)
{
	int r = nic_query_new(&watch->query);

	if (r < 0)
		return r;
	watch->notify_fd = nic_netlink_open(SOCK_NONBLOCK);
	if (watch->notify_fd < 0)
		return watch->notify_fd;
	/* First the groups, then the dump: nothing can fall between. */
	r = join_groups(watch->notify_fd);
	if (r == 0)
		r = read_all(watch, &watch->table);
	if (r < 0)
		return r;
	watch->readable =
		event_new(watch->base, watch->notify_fd, EV_READ | EV_PERSIST, on_readable, watch);
	watch->retry = evtimer_new(watch->base, on_retry, watch);
	watch->settle = evtimer_new(watch->base, on_settle, watch);
	if (!watch->readable || !watch->retry || !watch->settle ||
		event_add(watch->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int nic_watch_new(struct event_base *base, nic_change_fn fn, void *arg, struct nic_watch **watch)
{
	struct nic_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->base = base;
	w->fn = fn;
	w->arg = arg;
	w->notify_fd = -1;
	r = start(w);
	if (r < 0) {
		nic_watch_free(w);
		return r;
	}
	*watch = w;
	return 0;
}

void nic_watch_free(struct nic_watch *watch)
{
	if (!watch || watch->freed)
		return;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->retry)
		event_free(watch->retry);
	if (watch->settle)
		event_free(watch->settle);
	if (watch->notify_fd >= 0)
		close(watch->notify_fd);
	nic_query_free(watch->query);
	watch->freed = true;
	if (watch->depth == 0)
		finish_free(watch);
}

const struct nic *nic_watch_get(const struct nic_watch *watch, unsigned int ifindex)
{
	return nic_table_find(&watch->table, ifindex);
}

const struct nic *nic_watch_next(const struct nic_watch *watch, const struct nic *after)
{
	for (size_t i = 0; i < watch->table.n; i++)
		if (!after || watch->table.links[i]->ifindex > after->ifindex)
			return watch->table.links[i];
	return NULL;
}

unsigned int nic_watch_count_rescans(const struct nic_watch *watch)
{
	return watch->rescans;
}

int nic_watch_set_buffer(struct nic_watch *watch, int bytes)
{
	return setsockopt(watch->notify_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0
		       ? -errno
		       : 0;
}

int nic_find_neighbour(struct nic_watch *watch, unsigned int ifindex, struct in6_addr *address)
{
	return nic_query_neighbour(watch->query, ifindex, address);
}
