/* SPDX-License-Identifier: Apache-2.0 */
#include "host/discover/plan_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "host/discover/nic_ids.h"

#define DEFAULT_BMC	  0xa9fe0101u /* 169.254.1.1 */
#define DEFAULT_BMC_OTHER 0xa9fe0001u /* 169.254.0.1 */
#define DEFAULT_PORT	  443
#define DEFAULT_PLAIN	  80
#define ULA_PREFIX	  64

/*
 * DSP0270 gives the address fields a meaning for static and AutoConfigure only. Shipped machines:
 * docs/discovery.md. A service address is the only clue there is, so it is used whenever given; a
 * host address that the host is to choose or to ask for is ours to set beside the BMC's.
 */
static const struct plan_meaning meanings[] = {
	[SMBIOS42_ASSIGN_UNKNOWN] = {false, true, "unknown: we take the address beside the BMC's"	 },
	[SMBIOS42_ASSIGN_STATIC] = {true,  true,
				     "static: we take the address given, else the one beside the BMC's"	  },
	[SMBIOS42_ASSIGN_DHCP] = {false, true,
				     "DHCP: we take the vendor's default or the address beside the BMC's" },
	[SMBIOS42_ASSIGN_AUTO] = {true,	true,
				     "automatic: we take the address given, else the one beside the BMC's"},
	[SMBIOS42_ASSIGN_HOST_SELECTED] = {false, true,
				     "host selected: we take the address beside the BMC's"		     },
};

const struct plan_meaning *plan_get_meaning(enum smbios42_assignment assignment)
{
	if ((unsigned int)assignment >= ARRAY_SIZE(meanings))
		assignment = SMBIOS42_ASSIGN_UNKNOWN;
	return &meanings[assignment];
}

static uint32_t make_mask(unsigned int prefix)
{
	return prefix == 0 ? 0 : ~0u << (32 - prefix);
}

static bool in_network(uint32_t address, uint32_t network, unsigned int prefix)
{
	return ((address ^ network) & make_mask(prefix)) == 0;
}

bool plan_accepts_ipv4(struct in_addr address, uint16_t vendor, uint16_t product)
{
	const struct nic_id *id = nic_ids_find(vendor, product);
	uint32_t a = ntohl(address.s_addr);

	if (in_network(a, 0xa9fe0000, 16))
		return !in_network(a, 0xa9fea900, 24) && !in_network(a, 0xa9feaa00, 24) &&
		       a != 0xa9fe0000 && a != 0xa9feffff;
	if (in_network(a, 0x0a000000, 8) || in_network(a, 0xac100000, 12) ||
		in_network(a, 0xc0a80000, 16))
		return true;
	return id && id->bmc_ipv4 && in_network(a, id->bmc_ipv4, id->prefix);
}

bool plan_accepts_ipv6(const struct in6_addr *address)
{
	static const struct in6_addr metadata = {{{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}}};

	if (IN6_ARE_ADDR_EQUAL(address, &metadata)) /* a cloud's, as 169.254.169.254 is */
		return false;
	return IN6_IS_ADDR_LINKLOCAL(address) || (address->s6_addr[0] & 0xfe) == 0xfc;
}

struct in_addr plan_host_beside(struct in_addr bmc, unsigned int prefix)
{
	uint32_t a = ntohl(bmc.s_addr), broadcast;

	if (prefix == 31)
		return (struct in_addr){htonl(a ^ 1)};
	if (prefix == 0 || prefix > 31)
		prefix = 24;
	broadcast = a | ~make_mask(prefix);
	return (struct in_addr){htonl(a >= broadcast - 1 ? a - 1 : a + 1)};
}

static struct in6_addr host_beside6(const struct in6_addr *bmc)
{
	struct in6_addr host = *bmc;

	/* Only the last byte: the other host of two needs no carry. */
	host.s6_addr[15] = host.s6_addr[15] == 0xff ? 0xfe : (uint8_t)(host.s6_addr[15] + 1);
	return host;
}

/* --- IPv4 --- */

struct context {
	const struct settings *settings;
	const struct smbios42 *const *records;
	size_t n;
	const struct nic_id *id; /* of the NIC in the table, or NULL */
	struct plan *plan;
};

static bool accepts_of_record(const struct context *c, struct in_addr address)
{
	bool usb = c->plan->nic.bus == PLAN_BUS_USB;

	return plan_accepts_ipv4(
		address, usb ? c->plan->nic.vendor : 0, usb ? c->plan->nic.product : 0);
}

/* The prefix that goes with this BMC address: the record's that names it, or the vendor's; else 0.
 */
static unsigned int prefix_of_bmc(const struct context *c, struct in_addr bmc)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct smbios42_address *service = &c->records[i]->service;

		if (service->present && service->family == AF_INET &&
			service->ipv4.s_addr == bmc.s_addr)
			return service->prefix;
	}
	return c->id && c->id->bmc_ipv4 == ntohl(bmc.s_addr) ? c->id->prefix : 0;
}

/* A record's host address is of use when the BMC can answer it: same network, not the BMC's own. */
static bool host_of_records(const struct context *c, struct in_addr bmc, struct in_addr *host)
{
	unsigned int prefix = prefix_of_bmc(c, bmc);

	for (size_t i = 0; i < c->n; i++) {
		const struct smbios42_address *a = &c->records[i]->host;
		unsigned int p = prefix && prefix < 32 ? prefix : a->prefix;

		if (!a->present || a->family != AF_INET ||
			!plan_get_meaning(a->assignment)->take_host)
			continue;
		if (!accepts_of_record(c, a->ipv4) || a->ipv4.s_addr == bmc.s_addr ||
			!in_network(ntohl(a->ipv4.s_addr), ntohl(bmc.s_addr), p < 32 ? p : 16))
			continue;
		*host = a->ipv4;
		return true;
	}
	return false;
}

static void add_bmc(struct context *c, struct in_addr bmc, enum plan_source source)
{
	struct plan *plan = c->plan;
	struct in_addr host;

	for (unsigned int i = 0; i < plan->n_bmc_ipv4; i++)
		if (plan->bmc_ipv4[i].s_addr == bmc.s_addr)
			return;
	if (plan->n_bmc_ipv4 >= PLAN_MAX_BMC4)
		return;
	if (c->settings->host_ipv4.s_addr)
		host = c->settings->host_ipv4;
	else if (host_of_records(c, bmc, &host))
		;
	else if (c->id && c->id->host_ipv4 && c->id->bmc_ipv4 == ntohl(bmc.s_addr))
		host.s_addr = htonl(c->id->host_ipv4);
	else
		host = plan_host_beside(bmc, prefix_of_bmc(c, bmc));
	plan->ipv4_source = source;
	plan->bmc_ipv4[plan->n_bmc_ipv4] = bmc;
	plan->host_ipv4[plan->n_bmc_ipv4++] = host;
}

/* Does type 42 name a service, and none of IPv4? */
static bool only_ipv6(const struct context *c)
{
	bool six = false;

	for (size_t i = 0; i < c->n; i++) {
		const struct smbios42_address *service = &c->records[i]->service;

		if (!c->records[i]->has_redfish)
			continue;
		if (service->family != AF_INET6)
			return false;
		six |= service->present;
	}
	return six;
}

static void plan_ipv4(struct context *c)
{
	struct plan *plan = c->plan;

	if (c->settings->bmc_ipv4.s_addr) {
		add_bmc(c, c->settings->bmc_ipv4, PLAN_FROM_CONFIG);
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct smbios42_address *service = &c->records[i]->service;

		if (!service->present || service->family != AF_INET ||
			!plan_get_meaning(service->assignment)->take_service)
			continue;
		if (accepts_of_record(c, service->ipv4))
			add_bmc(c, service->ipv4, PLAN_FROM_SMBIOS);
	}
	if (plan->n_bmc_ipv4)
		return;
	if (only_ipv6(c)) {
		plan->ipv4_source = PLAN_FROM_SMBIOS;
		return;
	}
	if (c->id && c->id->bmc_ipv4) {
		add_bmc(c, (struct in_addr){htonl(c->id->bmc_ipv4)}, PLAN_FROM_USB_ID);
		if (c->id->bmc_ipv4_other)
			add_bmc(c, (struct in_addr){htonl(c->id->bmc_ipv4_other)},
				PLAN_FROM_USB_ID);
		return;
	}
	add_bmc(c, (struct in_addr){htonl(DEFAULT_BMC)}, PLAN_FROM_DEFAULT);
	add_bmc(c, (struct in_addr){htonl(DEFAULT_BMC_OTHER)}, PLAN_FROM_DEFAULT);
}

/* --- IPv6 --- */

/* A link-local address goes before a ULA: it needs no address of ours beside it. */
static void find_bmc_ipv6(struct context *c)
{
	struct plan *plan = c->plan;

	if (!IN6_IS_ADDR_UNSPECIFIED(&c->settings->bmc_ipv6)) {
		plan->bmc_ipv6 = c->settings->bmc_ipv6;
		plan->ipv6_source = PLAN_FROM_CONFIG;
		plan->has_bmc_ipv6 = true;
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct smbios42_address *service = &c->records[i]->service;

		if (!service->present || service->family != AF_INET6 ||
			!plan_accepts_ipv6(&service->ipv6))
			continue;
		if (plan->has_bmc_ipv6 && !IN6_IS_ADDR_LINKLOCAL(&service->ipv6))
			continue;
		plan->bmc_ipv6 = service->ipv6;
		plan->ipv6_source = PLAN_FROM_SMBIOS;
		plan->has_bmc_ipv6 = true;
		if (IN6_IS_ADDR_LINKLOCAL(&service->ipv6))
			return;
	}
}

static void find_host_ipv6(struct context *c)
{
	struct plan *plan = c->plan;

	if (!IN6_IS_ADDR_UNSPECIFIED(&c->settings->host_ipv6)) {
		plan->host_ipv6 = c->settings->host_ipv6;
	} else if (plan->has_bmc_ipv6 && !IN6_IS_ADDR_LINKLOCAL(&plan->bmc_ipv6)) {
		plan->host_ipv6 = host_beside6(&plan->bmc_ipv6);
		for (size_t i = 0; i < c->n; i++) {
			const struct smbios42_address *a = &c->records[i]->host;

			/* The same /64 as an acceptable address is acceptable. */
			if (a->present && a->family == AF_INET6 &&
				plan_get_meaning(a->assignment)->take_host &&
				memcmp(&a->ipv6, &plan->bmc_ipv6, ULA_PREFIX / 8) == 0 &&
				!IN6_ARE_ADDR_EQUAL(&a->ipv6, &plan->bmc_ipv6)) {
				plan->host_ipv6 = a->ipv6;
				break;
			}
		}
	} else {
		return;
	}
	plan->has_host_ipv6 = true;
	plan->host_ipv6_prefix = ULA_PREFIX;
}

static void find_ports_and_name(struct context *c)
{
	struct plan *plan = c->plan;

	plan->port = (uint16_t)c->settings->port;
	for (size_t i = 0; i < c->n; i++) {
		if (!plan->port)
			plan->port = c->records[i]->port;
		if (!plan->hostname[0])
			snprintf(plan->hostname, sizeof(plan->hostname), "%s",
				c->records[i]->hostname);
	}
	if (!plan->port)
		plan->port = DEFAULT_PORT;
	plan->plain_port =
		c->settings->plain_port ? (uint16_t)c->settings->plain_port : DEFAULT_PLAIN;
}

static bool is_refused(const struct context *c, const struct smbios42_address *a)
{
	if (!a->present)
		return false;
	return a->family == AF_INET ? !accepts_of_record(c, a->ipv4) : !plan_accepts_ipv6(&a->ipv6);
}

void plan_addresses(const struct settings *settings, const struct smbios42 *const *records,
	size_t n, struct plan *plan)
{
	struct context c = {settings, records, n, NULL, plan};

	if (plan->nic.bus == PLAN_BUS_USB)
		c.id = nic_ids_find(plan->nic.vendor, plan->nic.product);
	for (size_t i = 0; i < n; i++)
		plan->refused += (unsigned int)is_refused(&c, &records[i]->host) +
				 (unsigned int)is_refused(&c, &records[i]->service);
	plan_ipv4(&c);
	plan->host_ipv4_own = settings->configure != CONFIGURE_NEVER && plan->n_bmc_ipv4 > 0;
	find_bmc_ipv6(&c);
	find_host_ipv6(&c);
	find_ports_and_name(&c);
}
