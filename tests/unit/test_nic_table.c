/* SPDX-License-Identifier: Apache-2.0 */
/* The table behind the NIC watcher: what namespaces cannot show, and messages that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "host/link/nic_table.h"

/* Behind <net/if.h>, which they would clash with the other way round. */
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

static char buffer[4096] __attribute__((aligned(8)));

static struct nlmsghdr *make_link(uint16_t type, int ifindex, const char *name, const char *kind)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	int32_t conf[DEVCONF_DISABLE_IPV6 + 2] = {0};
	struct nlattr *spec, *inet6, *link_info;

	message->nlmsg_type = type;
	info->ifi_type = ARPHRD_ETHER;
	info->ifi_index = ifindex;
	info->ifi_flags = IFF_UP | IFF_LOWER_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put(message, IFLA_ADDRESS, 6, "\2\0\0\0\0\1");
	spec = mnl_attr_nest_start(message, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(message, AF_INET6);
	mnl_attr_put(message, IFLA_INET6_CONF, sizeof(conf), conf);
	mnl_attr_nest_end(message, inet6);
	mnl_attr_nest_end(message, spec);
	if (kind) {
		link_info = mnl_attr_nest_start(message, IFLA_LINKINFO);
		mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
		mnl_attr_nest_end(message, link_info);
	}
	return message;
}

static struct nlmsghdr *make_address(uint16_t type, unsigned int ifindex, const char *text)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	unsigned char bytes[16];

	message->nlmsg_type = type;
	info->ifa_family = (unsigned char)family;
	info->ifa_index = ifindex;
	info->ifa_prefixlen = family == AF_INET ? 24 : 64;
	assert_int_equal(inet_pton(family, text, bytes), 1);
	mnl_attr_put(message, IFA_ADDRESS, family == AF_INET ? 4 : 16, bytes);
	if (family == AF_INET)
		mnl_attr_put(message, IFA_LOCAL, 4, bytes);
	mnl_attr_put_u32(message, IFA_FLAGS, 0);
	return message;
}

static struct {
	unsigned int ifindex;
	enum nic_change change;
} told[8];
static size_t n_told;

static void tell(unsigned int ifindex, enum nic_change change, void *arg)
{
	if (n_told < ARRAY_SIZE(told)) {
		told[n_told].ifindex = ifindex;
		told[n_told].change = change;
	}
	n_told++;
}

static enum nic_todo apply(struct nic_table *table, const struct nlmsghdr *message)
{
	unsigned int ifindex;
	enum nic_todo todo;

	n_told = 0;
	assert_int_equal(nic_table_apply(table, message, tell, NULL, &todo, &ifindex), 0);
	return todo;
}

static void test_hardware_comes_first(void **state)
{
	struct nic_table table = {0};
	char name[IF_NAMESIZE];

	for (int i = 1; i <= NIC_MAX_LINKS; i++) {
		snprintf(name, sizeof(name), "veth%d", i);
		apply(&table, make_link(RTM_NEWLINK, i, name, "veth"));
	}
	assert_int_equal(table.n, NIC_MAX_LINKS);
	apply(&table, make_link(RTM_NEWLINK, 200, "veth200", "veth"));
	assert_null(nic_table_find(&table, 200)); /* software does not displace software */
	assert_int_equal(table.ignored, 1);

	apply(&table, make_link(RTM_NEWLINK, 300, "enx0", NULL));
	assert_non_null(nic_table_find(&table, 300));
	assert_null(nic_table_find(&table, NIC_MAX_LINKS));
	assert_int_equal(n_told, 2);
	assert_int_equal(told[0].ifindex, NIC_MAX_LINKS);
	assert_int_equal(told[0].change, NIC_LINK_GONE);
	assert_int_equal(told[1].ifindex, 300);
	assert_int_equal(told[1].change, NIC_LINK_NEW);

	/* A place falls free: what did not fit may fit now. */
	assert_int_equal(
		apply(&table, make_link(RTM_DELLINK, 1, "veth1", "veth")), NIC_TODO_RESCAN);
	nic_table_clear(&table);
	assert_int_equal(
		apply(&table, make_link(RTM_DELLINK, 1, "veth1", "veth")), NIC_TODO_NOTHING);
}

static void test_many_addresses(void **state)
{
	struct nic_table table = {0};
	char text[INET_ADDRSTRLEN];

	apply(&table, make_link(RTM_NEWLINK, 5, "bmc0", NULL));
	for (int i = 0; i < NIC_MAX_ADDRESSES + 3; i++) {
		snprintf(text, sizeof(text), "10.0.0.%d", i + 1);
		apply(&table, make_address(RTM_NEWADDR, 5, text));
	}
	assert_int_equal(nic_table_find(&table, 5)->n_ipv4, NIC_MAX_ADDRESSES);
	apply(&table, make_address(RTM_NEWADDR, 5, "10.0.0.1")); /* known: nothing new */
	assert_int_equal(n_told, 0);
	/* One fewer of those that we kept: perhaps there is room for one that we did not. */
	assert_int_equal(apply(&table, make_address(RTM_DELADDR, 5, "10.0.0.1")), NIC_TODO_RESCAN);
	assert_int_equal(nic_table_find(&table, 5)->n_ipv4, NIC_MAX_ADDRESSES - 1);
	apply(&table, make_address(RTM_DELADDR, 6, "10.0.0.2")); /* of a link that we have not */
	assert_int_equal(n_told, 0);
	nic_table_clear(&table);
}

static void test_hints(void **state)
{
	struct nic_table table = {0};
	struct nlmsghdr *message;

	/* Up, carrier, IPv6, and no link-local address: look for one. */
	assert_int_equal(
		apply(&table, make_link(RTM_NEWLINK, 5, "bmc0", NULL)), NIC_TODO_ADDRESSES);
	assert_false(nic_table_find(&table, 5)->ipv6_disabled);
	apply(&table, make_address(RTM_NEWADDR, 5, "fe80::1"));
	assert_int_equal(apply(&table, make_link(RTM_NEWLINK, 5, "bmc0", NULL)), NIC_TODO_NOTHING);
	/* The last IPv6 address goes: was IPv6 switched off? */
	assert_int_equal(apply(&table, make_address(RTM_DELADDR, 5, "fe80::1")), NIC_TODO_QUERY);
	/* A bridge port that leaves its bridge is not gone. */
	message = make_link(RTM_DELLINK, 5, "bmc0", NULL);
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_family = AF_BRIDGE;
	apply(&table, message);
	assert_non_null(nic_table_find(&table, 5));
	/* Not Ethernet. */
	message = make_link(RTM_NEWLINK, 6, "lo", NULL);
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_type = ARPHRD_LOOPBACK;
	apply(&table, message);
	assert_null(nic_table_find(&table, 6));
	nic_table_clear(&table);
}

static void test_replace(void **state)
{
	struct nic_table old = {0}, fresh = {0};

	apply(&old, make_link(RTM_NEWLINK, 5, "bmc0", NULL));
	apply(&old, make_address(RTM_NEWADDR, 5, "10.0.0.1"));
	apply(&old, make_address(RTM_NEWADDR, 5, "10.0.0.2"));
	apply(&old, make_link(RTM_NEWLINK, 6, "gone", NULL));
	apply(&fresh, make_link(RTM_NEWLINK, 5, "idrac", NULL));
	apply(&fresh, make_address(RTM_NEWADDR, 5, "10.0.0.2"));
	apply(&fresh, make_address(RTM_NEWADDR, 5, "fe80::1"));
	apply(&fresh, make_link(RTM_NEWLINK, 7, "born", NULL));
	n_told = 0;
	nic_table_replace(&old, &fresh, tell, NULL);
	assert_int_equal(n_told, 5);
	assert_int_equal(told[0].ifindex, 6);
	assert_int_equal(told[0].change, NIC_LINK_GONE);
	assert_int_equal(told[1].change, NIC_LINK_CHANGED);
	assert_int_equal(told[2].change, NIC_ADDRESS_GONE);
	assert_int_equal(told[3].change, NIC_ADDRESS_NEW);
	assert_int_equal(told[4].ifindex, 7);
	assert_int_equal(told[4].change, NIC_LINK_NEW);
	assert_string_equal(nic_table_find(&old, 5)->name, "idrac");

	/* The same again, in another order: nothing is told. */
	apply(&fresh, make_link(RTM_NEWLINK, 7, "born", NULL));
	apply(&fresh, make_link(RTM_NEWLINK, 5, "idrac", NULL));
	apply(&fresh, make_address(RTM_NEWADDR, 5, "fe80::1"));
	apply(&fresh, make_address(RTM_NEWADDR, 5, "10.0.0.2"));
	n_told = 0;
	nic_table_replace(&old, &fresh, tell, NULL);
	assert_int_equal(n_told, 0);
	nic_table_clear(&old);
	nic_table_clear(&fresh);
}

/* As a message would be given: only when the kernel's own check of its length is passed. */
static void apply_broken(const char *bytes, size_t length)
{
	struct nlmsghdr *exact = calloc(1, (length + 3) / 4 * 4); /* netlink pads its messages */
	struct nic_table table = {0};
	unsigned int ifindex;
	enum nic_todo todo;

	apply(&table, make_link(RTM_NEWLINK, 5, "bmc0", NULL));
	memcpy(exact, bytes, length);
	if (mnl_nlmsg_ok(exact, (int)length))
		nic_table_apply(&table, exact, tell, NULL, &todo, &ifindex);
	for (size_t i = 0; i < table.n; i++)
		assert_true(strnlen(table.links[i]->name, IF_NAMESIZE) < IF_NAMESIZE);
	nic_table_clear(&table);
	free(exact);
}

static void break_message(const struct nlmsghdr *message)
{
	char bytes[1024];
	size_t n = message->nlmsg_len;

	assert_true(n <= sizeof(bytes));
	memcpy(bytes, message, n);
	for (size_t cut = sizeof(*message); cut <= n; cut++) {
		uint32_t length = (uint32_t)cut;

		memcpy(bytes, &length, sizeof(length));
		apply_broken(bytes, cut);
	}
	for (size_t at = 0; at < n; at++) {
		char saved = bytes[at];

		for (int value = 0; value < 256; value++) {
			bytes[at] = (char)value;
			apply_broken(bytes, n);
		}
		bytes[at] = saved;
	}
}

static void test_broken_messages(void **state)
{
	char copy[1024] __attribute__((aligned(8)));
	struct nlmsghdr *message = make_link(RTM_NEWLINK, 9, "enx020000000001", "veth");

	memcpy(copy, message, message->nlmsg_len);
	break_message((struct nlmsghdr *)copy);
	message = make_address(RTM_NEWADDR, 5, "fe80::1");
	memcpy(copy, message, message->nlmsg_len);
	break_message((struct nlmsghdr *)copy);
	message = make_address(RTM_DELADDR, 5, "10.0.0.1");
	memcpy(copy, message, message->nlmsg_len);
	break_message((struct nlmsghdr *)copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hardware_comes_first),
		cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_broken_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
