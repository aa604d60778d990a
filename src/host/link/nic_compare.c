/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two tables: after notifications were lost. */
#include <string.h>

#include "host/link/nic_table.h"

static void tell(nic_change_fn fn, unsigned int ifindex, enum nic_change change, void *arg)
{
	if (fn)
		fn(ifindex, change, arg);
}

static bool has_ipv4(const struct nic *nic, const struct nic_address4 *address)
{
	for (unsigned int i = 0; i < nic->n_ipv4; i++)
		if (memcmp(&nic->ipv4[i], address, sizeof(*address)) == 0)
			return true;
	return false;
}

static bool has_ipv6(const struct nic *nic, const struct nic_address6 *address, bool with_flags)
{
	for (unsigned int i = 0; i < nic->n_ipv6; i++) {
		const struct nic_address6 *a = &nic->ipv6[i];

		if (IN6_ARE_ADDR_EQUAL(&a->address, &address->address) &&
			a->prefix == address->prefix &&
			(!with_flags || (a->tentative == address->tentative &&
						a->dad_failed == address->dad_failed)))
			return true;
	}
	return false;
}

/* Does a have an address that b has not? */
static bool has_more(const struct nic *a, const struct nic *b, bool with_flags)
{
	for (unsigned int i = 0; i < a->n_ipv4; i++)
		if (!has_ipv4(b, &a->ipv4[i]))
			return true;
	for (unsigned int i = 0; i < a->n_ipv6; i++)
		if (!has_ipv6(b, &a->ipv6[i], with_flags))
			return true;
	return false;
}

static void compare_link(
	const struct nic *old, const struct nic *fresh, nic_change_fn fn, void *arg)
{
	if (!old) {
		tell(fn, fresh->ifindex, NIC_LINK_NEW, arg);
		return;
	}
	if (nic_link_differs(old, fresh))
		tell(fn, fresh->ifindex, NIC_LINK_CHANGED, arg);
	if (has_more(old, fresh, false))
		tell(fn, fresh->ifindex, NIC_ADDRESS_GONE, arg);
	if (has_more(fresh, old, true))
		tell(fn, fresh->ifindex, NIC_ADDRESS_NEW, arg);
}

void nic_table_replace(struct nic_table *old, struct nic_table *fresh, nic_change_fn fn, void *arg)
{
	struct nic_table before = *old;

	*old = *fresh;
	memset(fresh, 0, sizeof(*fresh));
	for (size_t i = 0; i < before.n; i++)
		if (!nic_table_find(old, before.links[i]->ifindex))
			tell(fn, before.links[i]->ifindex, NIC_LINK_GONE, arg);
	for (size_t i = 0; i < old->n; i++)
		compare_link(
			nic_table_find(&before, old->links[i]->ifindex), old->links[i], fn, arg);
	nic_table_clear(&before);
}
