/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void profile_make_nic_id(const struct plan_nic *nic, char nic_id[PROFILE_MAX_NIC_ID])
{
	const uint8_t *m = nic->mac;
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		m[5]);
	if (nic->bus == PLAN_BUS_USB)
		snprintf(nic_id, PROFILE_MAX_NIC_ID, "usb:%04x:%04x", nic->vendor, nic->product);
	else if (nic->bus == PLAN_BUS_PCI)
		snprintf(nic_id, PROFILE_MAX_NIC_ID, "pci:%04x:%04x:%s", nic->vendor, nic->product,
			mac);
	else
		snprintf(nic_id, PROFILE_MAX_NIC_ID, "mac:%s", mac);
}

static bool same_if_known(const char *a, const char *b)
{
	return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

bool profile_same_machine(const struct profile_machine *a, const struct profile_machine *b)
{
	return same_if_known(a->machine_id, b->machine_id) &&
	       same_if_known(a->system_uuid, b->system_uuid);
}

static bool same_birth(const struct profile_birth *a, const struct profile_birth *b)
{
	return a->ifindex == b->ifindex && strcmp(a->boot_id, b->boot_id) == 0;
}

enum priv_once profile_decide(const struct profile *profile, const struct profile_machine *machine,
	const char *nic_id, const struct profile_birth *birth)
{
	if (!profile->spent || !profile_same_machine(&profile->machine, machine))
		return PRIV_ONCE_ARMED;
	/* "" is the mark of a damaged file: spent for every NIC */
	if (profile->nic_id[0] != '\0' && strcmp(profile->nic_id, nic_id) != 0)
		return PRIV_ONCE_ARMED;
	if (same_birth(&profile->birth, birth))
		return PRIV_ONCE_SPENT;
	return profile->by_us ? PRIV_ONCE_REAPPLY : PRIV_ONCE_SPENT;
}

static bool same_addresses(const struct priv_profile *a, const struct priv_profile *b)
{
	if (a->has_ipv4 != b->has_ipv4 || a->has_ipv6 != b->has_ipv6)
		return false;
	if (a->has_ipv4 && (a->host_ipv4.s_addr != b->host_ipv4.s_addr ||
				   a->bmc_ipv4.s_addr != b->bmc_ipv4.s_addr))
		return false;
	return !a->has_ipv6 || (IN6_ARE_ADDR_EQUAL(&a->host_ipv6, &b->host_ipv6) &&
				       IN6_ARE_ADDR_EQUAL(&a->bmc_ipv6, &b->bmc_ipv6) &&
				       a->ipv6_prefix == b->ipv6_prefix);
}

static void mark(const struct profile *profile, const struct profile_now *now,
	const struct priv_profile *addresses, struct profile *marked)
{
	struct profile made = {
		.spent = true,
		.by_us = addresses != NULL,
		.raised = profile->raised && same_birth(&profile->birth, now->birth),
		.machine = *now->machine,
		.birth = *now->birth,
	};

	snprintf(made.nic_id, sizeof(made.nic_id), "%s", now->nic_id);
	if (addresses != NULL)
		made.addresses = *addresses;
	*marked = made;
}

int profile_plan_configure(const struct profile *profile, const struct profile_now *now,
	const struct priv_profile *wanted, struct profile *marked)
{
	switch (profile_decide(profile, now->machine, now->nic_id, now->birth)) {
	case PRIV_ONCE_ARMED:
		break;
	case PRIV_ONCE_REAPPLY:
		if (!same_addresses(&profile->addresses, wanted))
			return -EPERM;
		break;
	case PRIV_ONCE_SPENT:
	default:
		return -EPERM;
	}
	mark(profile, now, wanted, marked);
	return 0;
}

int profile_plan_raise(
	const struct profile *profile, const struct profile_now *now, struct profile *marked)
{
	if (profile_decide(profile, now->machine, now->nic_id, now->birth) != PRIV_ONCE_ARMED)
		return -ENETDOWN;
	mark(profile, now, NULL, marked);
	marked->spent = false;
	marked->raised = true;
	return 0;
}

bool profile_plan_rearm(
	const struct profile *profile, const struct profile_now *now, struct profile *marked)
{
	struct profile armed;

	mark(profile, now, NULL, &armed);
	armed.spent = false;
	if (!armed.raised)
		return false;
	*marked = armed;
	return true;
}

void profile_plan_spend(
	const struct profile *profile, const struct profile_now *now, struct profile *marked)
{
	switch (profile_decide(profile, now->machine, now->nic_id, now->birth)) {
	case PRIV_ONCE_ARMED:
		mark(profile, now, NULL, marked);
		return;
	case PRIV_ONCE_REAPPLY: /* an administrator was quicker in this birth */
		mark(profile, now, &profile->addresses,
			marked); /* by us all the same, in the next one */
		return;
	case PRIV_ONCE_SPENT:
	default:
		*marked = *profile;
	}
}
