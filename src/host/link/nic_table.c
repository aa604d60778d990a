/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/nic_table.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct attributes { /* borrowed from the message; NULL when absent */
	const struct nlattr *at[64];
};

static int collect(const struct nlattr *attr, void *arg)
{
	struct attributes *attributes = arg;
	unsigned int type = mnl_attr_get_type(attr);

	if (type < ARRAY_SIZE(attributes->at))
		attributes->at[type] = attr;
	return MNL_CB_OK;
}

static const void *payload_of(const struct attributes *a, unsigned int type, size_t length)
{
	const struct nlattr *attr = a->at[type];

	return attr && mnl_attr_get_payload_len(attr) == length ? mnl_attr_get_payload(attr) : NULL;
}

static void emit(nic_change_fn fn, unsigned int ifindex, enum nic_change change, void *arg)
{
	if (fn)
		fn(ifindex, change, arg);
}

/* --- the table --- */

static size_t position(const struct nic_table *table, unsigned int ifindex)
{
	size_t i = 0;

	while (i < table->n && table->links[i]->ifindex < ifindex)
		i++;
	return i;
}

struct nic *nic_table_find(const struct nic_table *table, unsigned int ifindex)
{
	size_t i = position(table, ifindex);

	return i < table->n && table->links[i]->ifindex == ifindex ? table->links[i] : NULL;
}

static void remove_at(struct nic_table *table, size_t i)
{
	free(table->links[i]);
	table->n--;
	memmove(&table->links[i], &table->links[i + 1], (table->n - i) * sizeof(table->links[0]));
	memmove(&table->software[i], &table->software[i + 1],
		(table->n - i) * sizeof(table->software[0]));
}

static int insert(struct nic_table *table, const struct nic *nic, bool software)
{
	size_t i = position(table, nic->ifindex);
	struct nic *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *nic;
	memmove(&table->links[i + 1], &table->links[i], (table->n - i) * sizeof(table->links[0]));
	memmove(&table->software[i + 1], &table->software[i],
		(table->n - i) * sizeof(table->software[0]));
	table->links[i] = copy;
	table->software[i] = software;
	table->n++;
	return 0;
}

/* For a link of hardware only; its change is told like any other. */
static bool make_room(struct nic_table *table, nic_change_fn fn, void *arg)
{
	for (size_t i = table->n; i-- > 0;) {
		unsigned int ifindex = table->links[i]->ifindex;

		if (!table->software[i])
			continue;
		remove_at(table, i);
		table->ignored++;
		emit(fn, ifindex, NIC_LINK_GONE, arg);
		return true;
	}
	return false;
}

void nic_table_clear(struct nic_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->links[i]);
	memset(table, 0, sizeof(*table));
}

/* --- links --- */

/* IFLA_INET6_CONF is an array of numbers by DEVCONF_*; older kernels have a shorter one. */
static bool read_disable_ipv6(const struct nlattr *inet6, bool *disabled)
{
	struct attributes a = {{0}};
	const struct nlattr *conf;
	const int32_t *values;

	if (mnl_attr_parse_nested(inet6, collect, &a) < 0)
		return false;
	conf = a.at[IFLA_INET6_CONF];
	if (!conf || mnl_attr_get_payload_len(conf) <= DEVCONF_DISABLE_IPV6 * sizeof(int32_t))
		return false;
	values = mnl_attr_get_payload(conf);
	*disabled = values[DEVCONF_DISABLE_IPV6] != 0;
	return true;
}

/* A link without an AF_INET6 part has no IPv6: no stack, ipv6.disable=1, or too small an MTU. */
static bool is_ipv6_disabled(const struct attributes *link)
{
	struct attributes families = {{0}};
	bool disabled = true;

	if (link->at[IFLA_AF_SPEC])
		mnl_attr_parse_nested(link->at[IFLA_AF_SPEC], collect, &families);
	if (families.at[AF_INET6])
		read_disable_ipv6(families.at[AF_INET6], &disabled);
	return disabled;
}

static bool is_software(const struct attributes *link)
{
	struct attributes info = {{0}};

	if (link->at[IFLA_LINKINFO])
		mnl_attr_parse_nested(link->at[IFLA_LINKINFO], collect, &info);
	return info.at[IFLA_INFO_KIND] != NULL;
}

static int read_link(const struct nlmsghdr *message, struct attributes *a, struct nic *nic)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *name;
	const void *mac;

	if (mnl_attr_parse(message, sizeof(*info), collect, a) < 0)
		return -EBADMSG;
	name = a->at[IFLA_IFNAME];
	if (!name || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0 ||
		mnl_attr_get_payload_len(name) > sizeof(nic->name))
		return -EBADMSG;
	memset(nic->name, 0, sizeof(nic->name));
	strcpy(nic->name, mnl_attr_get_str(name));
	mac = payload_of(a, IFLA_ADDRESS, sizeof(nic->mac));
	if (mac)
		memcpy(nic->mac, mac, sizeof(nic->mac));
	nic->up = info->ifi_flags & IFF_UP;
	nic->carrier = info->ifi_flags & IFF_LOWER_UP;
	nic->ipv6_disabled = is_ipv6_disabled(a);
	return 0;
}

bool nic_link_differs(const struct nic *a, const struct nic *b)
{
	return strcmp(a->name, b->name) != 0 || memcmp(a->mac, b->mac, sizeof(a->mac)) != 0 ||
	       a->up != b->up || a->carrier != b->carrier || a->ipv6_disabled != b->ipv6_disabled;
}

/* Each message of a link that is ready and shows no link-local address is a reason to look. */
static bool lacks_link_local(const struct nic *nic)
{
	if (!nic->up || !nic->carrier || nic->ipv6_disabled)
		return false;
	for (unsigned int i = 0; i < nic->n_ipv6; i++)
		if (IN6_IS_ADDR_LINKLOCAL(&nic->ipv6[i].address))
			return false;
	return true;
}

static int new_link(struct nic_table *table, const struct nlmsghdr *message, nic_change_fn fn,
	void *arg, enum nic_todo *todo)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct nic *known = nic_table_find(table, (unsigned int)info->ifi_index), nic;
	struct attributes a = {{0}};
	bool software;
	int r;

	if (info->ifi_type != ARPHRD_ETHER)
		return 0;
	nic = known ? *known : (struct nic){.ifindex = (unsigned int)info->ifi_index};
	r = read_link(message, &a, &nic);
	if (r < 0)
		return r;
	*todo = lacks_link_local(&nic) ? NIC_TODO_ADDRESSES : NIC_TODO_NOTHING;
	if (known) {
		if (nic_link_differs(known, &nic)) {
			*known = nic;
			emit(fn, nic.ifindex, NIC_LINK_CHANGED, arg);
		}
		return 0;
	}
	software = is_software(&a);
	if (table->n == NIC_MAX_LINKS && (software || !make_room(table, fn, arg))) {
		table->ignored++;
		return 0;
	}
	r = insert(table, &nic, software);
	if (r == 0)
		emit(fn, nic.ifindex, NIC_LINK_NEW, arg);
	return r;
}

static enum nic_todo del_link(
	struct nic_table *table, unsigned int ifindex, nic_change_fn fn, void *arg)
{
	if (!nic_table_find(table, ifindex))
		return NIC_TODO_NOTHING;
	remove_at(table, position(table, ifindex));
	emit(fn, ifindex, NIC_LINK_GONE, arg);
	return table->ignored ? NIC_TODO_RESCAN : NIC_TODO_NOTHING;
}

static int apply_link(struct nic_table *table, const struct nlmsghdr *message, nic_change_fn fn,
	void *arg, enum nic_todo *todo, unsigned int *ifindex)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) || info->ifi_index <= 0)
		return -EBADMSG;
	*ifindex = (unsigned int)info->ifi_index;
	/* AF_BRIDGE: the link entered or left a bridge. AF_INET6: its IPv6 settings changed. */
	if (info->ifi_family == AF_INET6 && nic_table_find(table, *ifindex))
		*todo = NIC_TODO_QUERY;
	if (info->ifi_family != AF_UNSPEC)
		return 0;
	if (message->nlmsg_type == RTM_NEWLINK)
		return new_link(table, message, fn, arg, todo);
	*todo = del_link(table, *ifindex, fn, arg);
	return 0;
}

/* --- addresses --- */

static bool apply_ipv4(struct nic *nic, const struct nic_address4 *address, bool present)
{
	unsigned int i = 0;

	while (i < nic->n_ipv4 && memcmp(&nic->ipv4[i], address, sizeof(*address)) != 0)
		i++;
	if (present == (i < nic->n_ipv4) || i >= NIC_MAX_ADDRESSES)
		return false;
	if (present)
		nic->ipv4[nic->n_ipv4++] = *address;
	else
		memmove(&nic->ipv4[i], &nic->ipv4[i + 1],
			(--nic->n_ipv4 - i) * sizeof(nic->ipv4[0]));
	return true;
}

static bool apply_ipv6(struct nic *nic, const struct nic_address6 *address, bool present)
{
	unsigned int i = 0;

	while (i < nic->n_ipv6 && (!IN6_ARE_ADDR_EQUAL(&nic->ipv6[i].address, &address->address) ||
					  nic->ipv6[i].prefix != address->prefix))
		i++;
	if (i >= NIC_MAX_ADDRESSES || (!present && i == nic->n_ipv6))
		return false;
	if (!present) {
		memmove(&nic->ipv6[i], &nic->ipv6[i + 1],
			(--nic->n_ipv6 - i) * sizeof(nic->ipv6[0]));
		return true;
	}
	if (i < nic->n_ipv6 && nic->ipv6[i].tentative == address->tentative &&
		nic->ipv6[i].dad_failed == address->dad_failed)
		return false;
	nic->ipv6[i] = *address;
	if (i == nic->n_ipv6)
		nic->n_ipv6++;
	return true;
}

static int read_ipv4(const struct attributes *a, unsigned int prefix, struct nic_address4 *address)
{
	const void *local = payload_of(a, IFA_LOCAL, 4), *peer = payload_of(a, IFA_ADDRESS, 4);

	if (!local)
		return -EBADMSG;
	memset(address, 0, sizeof(*address));
	memcpy(&address->address, local, 4);
	memcpy(&address->peer, peer ? peer : local, 4);
	address->prefix = prefix;
	return 0;
}

static int read_ipv6(
	const struct attributes *a, const struct ifaddrmsg *info, struct nic_address6 *address)
{
	const void *local = payload_of(a, IFA_LOCAL, 16);
	const uint32_t *attr = payload_of(a, IFA_FLAGS, sizeof(uint32_t));
	uint32_t flags = attr ? *attr : info->ifa_flags;

	if (!local) /* with a peer IFA_LOCAL is ours, else there is only IFA_ADDRESS */
		local = payload_of(a, IFA_ADDRESS, 16);
	if (!local)
		return -EBADMSG;
	memset(address, 0, sizeof(*address));
	memcpy(&address->address, local, 16);
	address->prefix = info->ifa_prefixlen;
	address->dad_failed = flags & IFA_F_DADFAILED;
	/* An optimistic address may be used already. */
	address->tentative = (flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC);
	return 0;
}

static int apply_address(struct nic_table *table, const struct nlmsghdr *message, nic_change_fn fn,
	void *arg, enum nic_todo *todo, unsigned int *ifindex)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	bool present = message->nlmsg_type == RTM_NEWADDR, changed = false, full = false;
	struct attributes a = {{0}};
	struct nic_address4 v4;
	struct nic_address6 v6;
	struct nic *nic;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) ||
		mnl_attr_parse(message, sizeof(*info), collect, &a) < 0)
		return -EBADMSG;
	*ifindex = info->ifa_index;
	nic = nic_table_find(table, *ifindex);
	if (!nic)
		return 0;
	if (info->ifa_family == AF_INET) {
		if (read_ipv4(&a, info->ifa_prefixlen, &v4) < 0)
			return -EBADMSG;
		full = nic->n_ipv4 == NIC_MAX_ADDRESSES;
		changed = apply_ipv4(nic, &v4, present);
	} else if (info->ifa_family == AF_INET6) {
		if (read_ipv6(&a, info, &v6) < 0)
			return -EBADMSG;
		full = nic->n_ipv6 == NIC_MAX_ADDRESSES;
		changed = apply_ipv6(nic, &v6, present);
		/* disable_ipv6 has no message of its own: addresses going and coming tell. */
		if ((!present && nic->n_ipv6 == 0) || (present && nic->ipv6_disabled) ||
			v6.dad_failed)
			*todo = NIC_TODO_QUERY;
	}
	if (!present && full) /* there may have been more than we keep */
		*todo = NIC_TODO_RESCAN;
	if (changed)
		emit(fn, *ifindex, present ? NIC_ADDRESS_NEW : NIC_ADDRESS_GONE, arg);
	return 0;
}

int nic_table_apply(struct nic_table *table, const struct nlmsghdr *message, nic_change_fn fn,
	void *arg, enum nic_todo *todo, unsigned int *ifindex)
{
	*todo = NIC_TODO_NOTHING;
	*ifindex = 0;
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return apply_link(table, message, fn, arg, todo, ifindex);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return apply_address(table, message, fn, arg, todo, ifindex);
	default:
		return 0;
	}
}
