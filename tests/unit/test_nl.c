/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's netlink dumps, where somebody else's changes interrupt them. The kernel is the
 * test's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "host/monitor/nl.h"

#define NIC   5
#define TRIES 100 /* more of them would be "for ever" */

static struct {
	uint16_t asked; /* type of the last request */
	unsigned int dumps, deleted;
	unsigned int interrupted; /* of the dumps, the first ones */
} w;

/* --- the kernel --- */

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	return (struct mnl_socket *)&w;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	return 0;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *socket)
{
	return 0;
}

int mnl_socket_close(struct mnl_socket *socket)
{
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t length)
{
	const struct nlmsghdr *header = request;

	w.asked = header->nlmsg_type;
	if ((header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		assert_in_range(++w.dumps, 1, TRIES);
	else
		w.deleted += header->nlmsg_type == RTM_DELROUTE;
	return (ssize_t)length;
}

static struct nlmsghdr *put(char *at, uint16_t type)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(at);

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_MULTI;
	header->nlmsg_seq = 1;
	return header;
}

static struct nlmsghdr *put_address(char *at, uint32_t number)
{
	struct nlmsghdr *header = put(at, RTM_NEWADDR);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(header, sizeof(*info));

	info->ifa_family = AF_INET;
	info->ifa_prefixlen = 24;
	info->ifa_index = NIC;
	mnl_attr_put_u32(header, IFA_LOCAL, htonl(0xc0000200 + number));
	return header;
}

static struct nlmsghdr *put_route(char *at, uint32_t number)
{
	struct nlmsghdr *header = put(at, RTM_NEWROUTE);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	struct in6_addr net = {{{0x20, 0x01, 0x0d, 0xb8, [7] = (uint8_t)number}}};

	route->rtm_family = AF_INET6;
	route->rtm_dst_len = 64;
	route->rtm_protocol = RTPROT_RA;
	mnl_attr_put(header, RTA_DST, sizeof(net), &net);
	mnl_attr_put_u32(header, RTA_OIF, NIC);
	return header;
}

static size_t put_dump(char *buffer)
{
	struct nlmsghdr *header;
	size_t used = 0;

	for (uint32_t i = 1; i <= 2; i++) {
		header = w.asked == RTM_GETADDR ? put_address(buffer + used, i)
						: put_route(buffer + used, i);
		if (i == 2 && w.dumps <= w.interrupted)
			header->nlmsg_flags |= NLM_F_DUMP_INTR;
		used += header->nlmsg_len;
	}
	header = put(buffer + used, NLMSG_DONE);
	mnl_nlmsg_put_extra_header(header, sizeof(int));
	return used + header->nlmsg_len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	struct nlmsghdr *header;

	assert_true(size >= 4096);
	if (w.asked == RTM_GETADDR || w.asked == RTM_GETROUTE)
		return (ssize_t)put_dump(buffer);
	header = put(buffer, NLMSG_ERROR); /* of 0: done */
	mnl_nlmsg_put_extra_header(header, sizeof(struct nlmsgerr));
	return (ssize_t)header->nlmsg_len;
}

/* --- tests --- */

static int set_up(void **state)
{
	memset(&w, 0, sizeof(w));
	return 0;
}

static void test_addresses(void **state)
{
	struct nl_address *addresses = NULL;
	size_t n = 0;

	for (w.interrupted = 0; w.interrupted < 4; w.interrupted++) {
		w.dumps = 0;
		assert_int_equal(nl_get_addresses(&addresses, &n), 0);
		assert_int_equal(w.dumps, w.interrupted + 1);
		/* what the interrupted ones brought is not in it */
		assert_int_equal(n, 2);
		assert_int_equal(addresses[1].local.v4.s_addr, htonl(0xc0000202));
		free(addresses);
	}
}

static void test_is_on_link(void **state)
{
	w.interrupted = 3;
	assert_true(nl_is_on_link(NIC, (struct in_addr){htonl(0xc0000263)}));
	w.dumps = 0;
	assert_false(nl_is_on_link(NIC, (struct in_addr){htonl(0xc0000363)}));
}

static void test_routes(void **state)
{
	unsigned int removed = 0;

	w.interrupted = 3;
	assert_int_equal(nl_delete_ra_routes(NIC, &removed), 0);
	assert_int_equal(removed, 2);
	assert_int_equal(w.deleted, 2);
}

/* The monitor has other work, too. */
static void test_not_for_ever(void **state)
{
	struct nl_address *addresses = NULL;
	unsigned int removed = 0;
	size_t n = 0;

	w.interrupted = UINT32_MAX;
	assert_int_equal(nl_get_addresses(&addresses, &n), -EINTR);
	assert_null(addresses);
	w.dumps = 0;
	assert_int_equal(nl_delete_ra_routes(NIC, &removed), -EINTR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_addresses, set_up),
		cmocka_unit_test_setup(test_is_on_link, set_up),
		cmocka_unit_test_setup(test_routes, set_up),
		cmocka_unit_test_setup(test_not_for_ever, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
