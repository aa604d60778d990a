/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/readiness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool ipv4_covers(const struct nic_address4 *own, struct in_addr bmc)
{
	uint32_t mask = own->prefix == 0 ? 0 : UINT32_MAX << (32 - own->prefix);

	if (own->address.s_addr == bmc.s_addr)
		return false;
	if (own->peer.s_addr == bmc.s_addr)
		return true;
	return own->prefix < 32 && own->prefix > 0 &&
	       ((ntohl(own->address.s_addr) ^ ntohl(bmc.s_addr)) & mask) == 0;
}

static bool ipv6_covers(const struct nic_address6 *own, const struct in6_addr *bmc)
{
	unsigned int whole = own->prefix / 8, rest = own->prefix % 8;

	if (memcmp(&own->address, bmc, sizeof(*bmc)) == 0 || own->prefix == 0)
		return false;
	if (memcmp(&own->address, bmc, whole) != 0)
		return false;
	return rest == 0 || ((own->address.s6_addr[whole] ^ bmc->s6_addr[whole]) &
				    (0xff << (8 - rest)) & 0xff) == 0;
}

void readiness_get_ipv4(
	const struct readiness_input *input, struct in_addr *host, struct in_addr *bmc)
{
	const struct plan *plan = input->plan;
	bool from_config = plan->ipv4_source == PLAN_FROM_CONFIG;

	/* The act's addresses stay the act's, unless the administrator wrote others since. */
	if (input->profile->has_ipv4 && input->profile->once != PRIV_ONCE_ARMED && !from_config) {
		*host = input->profile->host_ipv4;
		*bmc = input->profile->bmc_ipv4;
	} else {
		*host = plan->host_ipv4[input->candidate];
		*bmc = plan->bmc_ipv4[input->candidate];
	}
}

/* Our address from which bmc is on the link. */
static const struct nic_address4 *find_ipv4(const struct nic *nic, struct in_addr bmc)
{
	for (unsigned int i = 0; i < nic->n_ipv4; i++) {
		if (ipv4_covers(&nic->ipv4[i], bmc))
			return &nic->ipv4[i];
	}
	return NULL;
}

static enum ladder_ready get_ipv4(const struct readiness_input *input)
{
	struct in_addr host, bmc;

	if (!input->settings->ipv4 || input->ipv4_disabled_by_manager)
		return LADDER_DISABLED;
	if (input->plan->n_bmc_ipv4 == 0)
		return LADDER_NO_PEER;
	readiness_get_ipv4(input, &host, &bmc);
	return find_ipv4(input->nic, bmc) != NULL ? LADDER_COMPLETE : LADDER_MISSING;
}

bool readiness_get_used_ipv4(
	const struct readiness_input *input, struct in_addr *host, struct in_addr *bmc)
{
	struct in_addr planned, peer;

	if (input->nic == NULL || get_ipv4(input) != LADDER_COMPLETE)
		return false;
	readiness_get_ipv4(input, &planned, &peer);
	*host = find_ipv4(input->nic, peer)->address;
	*bmc = peer;
	return true;
}

/* Does this address of ours reach the BMC's? own_ula: the one that the one-time act sets beside it.
 */
static bool ipv6_fits(const struct nic_address6 *own, const struct plan *plan)
{
	if (!plan->has_bmc_ipv6 || IN6_IS_ADDR_LINKLOCAL(&plan->bmc_ipv6))
		return IN6_IS_ADDR_LINKLOCAL(&own->address);
	if (plan->has_host_ipv6 &&
		memcmp(&own->address, &plan->host_ipv6, sizeof(own->address)) == 0)
		return true;
	return ipv6_covers(own, &plan->bmc_ipv6);
}

static enum ladder_ready get_ipv6(const struct readiness_input *input)
{
	const struct nic *nic = input->nic;
	enum ladder_ready ready = LADDER_MISSING;

	if (!input->settings->ipv6 || nic->ipv6_disabled)
		return LADDER_DISABLED;
	for (unsigned int i = 0; i < nic->n_ipv6; i++) {
		if (nic->ipv6[i].dad_failed || !ipv6_fits(&nic->ipv6[i], input->plan))
			continue;
		if (!nic->ipv6[i].tentative)
			return LADDER_COMPLETE;
		ready = LADDER_PENDING;
	}
	return ready;
}

static enum ladder_once get_once(const struct readiness_input *input)
{
	if (input->settings->configure == CONFIGURE_NEVER)
		return LADDER_ONCE_NEVER;
	switch (input->profile->once) {
	case PRIV_ONCE_ARMED:
		return LADDER_ONCE_ARMED;
	case PRIV_ONCE_REAPPLY:
		return LADDER_ONCE_REAPPLY;
	case PRIV_ONCE_SPENT:
		break;
	}
	return LADDER_ONCE_SPENT;
}

void readiness_get_facts(const struct readiness_input *input, struct ladder_facts *facts)
{
	const struct plan *plan = input->plan;
	const struct priv_profile *profile = input->profile;
	bool again = profile->once == PRIV_ONCE_REAPPLY;

	*facts = (struct ladder_facts){.nic_present = input->nic != NULL};
	if (input->nic == NULL)
		return;
	facts->nic_up = input->nic->up;
	facts->nic_carrier = input->nic->carrier;
	facts->ready[LADDER_IPV4] = get_ipv4(input);
	facts->ready[LADDER_IPV6] = get_ipv6(input);
	facts->once = get_once(input);
	/* A new birth gets what the act set, and no more. */
	facts->can_set_ipv4 =
		again ? profile->has_ipv4 : plan->n_bmc_ipv4 > 0 && plan->host_ipv4_own;
	facts->can_set_ipv6 = again ? profile->has_ipv6 : plan->has_host_ipv6;
	facts->managed = input->managed;
}

void readiness_get_wanted(const struct readiness_input *input, struct priv_profile *wanted)
{
	const struct plan *plan = input->plan;
	struct ladder_facts facts;

	if (input->profile->once == PRIV_ONCE_REAPPLY) {
		*wanted = *input->profile; /* exactly what the act set: the monitor takes nothing
					      else */
		return;
	}
	readiness_get_facts(input, &facts);
	*wanted = (struct priv_profile){.once = input->profile->once};
	if (facts.ready[LADDER_IPV4] == LADDER_MISSING && facts.can_set_ipv4) {
		wanted->has_ipv4 = true;
		readiness_get_ipv4(input, &wanted->host_ipv4, &wanted->bmc_ipv4);
	}
	if (facts.ready[LADDER_IPV6] == LADDER_MISSING && facts.can_set_ipv6) {
		wanted->has_ipv6 = true;
		wanted->host_ipv6 = plan->host_ipv6;
		wanted->bmc_ipv6 = plan->bmc_ipv6;
		wanted->ipv6_prefix = 128; /* a pair, as for IPv4: no route beside the BMC's */
	}
}

static void explain_address(const struct readiness_input *input, enum ladder_protocol protocol,
	char *text, size_t text_size, char *mend, size_t mend_size)
{
	const char *nic = input->nic->name,
		   *manager = input->managed ? ", and another network manager has it" : "";
	char host_text[INET6_ADDRSTRLEN], bmc_text[INET6_ADDRSTRLEN];
	struct in_addr host, bmc;

	if (protocol == LADDER_IPV4) {
		readiness_get_ipv4(input, &host, &bmc);
		inet_ntop(AF_INET, &host, host_text, sizeof(host_text));
		inet_ntop(AF_INET, &bmc, bmc_text, sizeof(bmc_text));
		snprintf(text, text_size, "%s has no IPv4 address that reaches the BMC at %s%s",
			nic, bmc_text, manager);
		snprintf(mend, mend_size, "ip address add %s peer %s/32 scope link dev %s",
			host_text, bmc_text, nic);
	} else if (input->plan->has_bmc_ipv6 && input->plan->has_host_ipv6) {
		inet_ntop(AF_INET6, &input->plan->host_ipv6, host_text, sizeof(host_text));
		inet_ntop(AF_INET6, &input->plan->bmc_ipv6, bmc_text, sizeof(bmc_text));
		snprintf(text, text_size, "%s has no IPv6 address that reaches the BMC at %s%s",
			nic, bmc_text, manager);
		snprintf(mend, mend_size, "ip -6 address add %s peer %s/128 dev %s", host_text,
			bmc_text, nic);
	} else {
		snprintf(text, text_size, "%s has no IPv6 link-local address%s", nic, manager);
		snprintf(mend, mend_size, "sysctl net.ipv6.conf.%s.addr_gen_mode=0", nic);
	}
}

static void explain_enabled(const struct readiness_input *input, enum ladder_protocol protocol,
	char *text, size_t text_size, char *mend, size_t mend_size)
{
	bool by_us = protocol == LADDER_IPV4 ? !input->settings->ipv4 : !input->settings->ipv6;
	const char *key = protocol == LADDER_IPV4 ? "ipv4" : "ipv6";

	if (by_us) {
		snprintf(text, text_size, "%s is switched off in bmclinkd.conf",
			ladder_protocol_name(protocol));
		snprintf(mend, mend_size,
			"set %s = on in bmclinkd.conf, then systemctl reload bmclinkd", key);
	} else {
		snprintf(text, text_size, "%s is disabled on %s by this host",
			ladder_protocol_name(protocol), input->nic->name);
		if (protocol == LADDER_IPV6)
			snprintf(mend, mend_size, "sysctl net.ipv6.conf.%s.disable_ipv6=0",
				input->nic->name);
	}
}

void readiness_explain(const struct readiness_input *input, enum ladder_missing missing,
	enum ladder_protocol protocol, char *text, size_t text_size, char *mend, size_t mend_size)
{
	const char *nic = input->nic != NULL ? input->nic->name : "";
	const char *name = ladder_protocol_name(protocol);

	text[0] = mend[0] = '\0';
	switch (missing) {
	case LADDER_LACKS_NOTHING:
		break;
	case LADDER_LACKS_NIC:
		snprintf(text, text_size, "the pass-through NIC is not there");
		break;
	case LADDER_LACKS_UP:
		snprintf(text, text_size, "%s is down", nic);
		snprintf(mend, mend_size, "ip link set %s up", nic);
		break;
	case LADDER_LACKS_CARRIER:
		snprintf(text, text_size, "%s has no carrier: the BMC's end is not up", nic);
		break;
	case LADDER_LACKS_ENABLED:
		explain_enabled(input, protocol, text, text_size, mend, mend_size);
		break;
	case LADDER_LACKS_ADDRESS:
		explain_address(input, protocol, text, text_size, mend, mend_size);
		break;
	case LADDER_LACKS_TENTATIVE:
		snprintf(text, text_size, "the %s address of %s is still tentative", name, nic);
		break;
	case LADDER_LACKS_PEER:
		snprintf(text, text_size, "the BMC has no %s address on this link", name);
		break;
	}
}
