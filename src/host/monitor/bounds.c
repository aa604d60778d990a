/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/bounds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"

static uint32_t mask4(unsigned int prefix)
{
	return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

static bool is_in4(uint32_t address, uint32_t net, unsigned int prefix)
{
	return prefix <= 32 && ((address ^ net) & mask4(prefix)) == 0;
}

static bool is_in6(const struct in6_addr *a, const struct in6_addr *net, unsigned int prefix)
{
	unsigned int whole = prefix / 8, rest = prefix % 8;

	if (prefix > 128 || memcmp(a, net, whole) != 0)
		return false;
	return rest == 0 || ((a->s6_addr[whole] ^ net->s6_addr[whole]) >> (8 - rest)) == 0;
}

/* No host can have these, whatever the configuration says. */
static bool is_nonsense4(uint32_t address)
{
	return is_in4(address, 0, 8) || is_in4(address, 0x7f000000, 8) ||
	       address >= 0xe0000000; /* multicast, reserved, broadcast */
}

static bool is_named4(const struct settings *settings, struct in_addr address)
{
	return address.s_addr == settings->host_ipv4.s_addr ||
	       address.s_addr == settings->bmc_ipv4.s_addr;
}

/* What may be set without the administrator having named it is what discovery accepts of firmware:
 * the worker is held to the same. */
static int check_plausible4(
	const struct bounds *bounds, const struct priv_profile *wanted, const char **why)
{
	const struct settings *settings = bounds->settings;
	const struct in_addr both[] = {wanted->host_ipv4, wanted->bmc_ipv4};
	size_t i;

	*why = "IPv4 is off in the configuration";
	if (!settings->ipv4)
		return -EPERM;
	*why = "host and BMC cannot have the same address";
	if (both[0].s_addr == both[1].s_addr)
		return -EPERM;
	for (i = 0; i < ARRAY_SIZE(both); i++) {
		*why = "not an address that a host can have";
		if (is_nonsense4(ntohl(both[i].s_addr)))
			return -EPERM;
		*why = "not an address of a pass-through link, and not named in the configuration";
		if (!plan_accepts_ipv4(both[i], bounds->usb_vendor, bounds->usb_product) &&
			!is_named4(settings, both[i]))
			return -EPERM;
	}
	return 0;
}

static int check_free4(
	const struct bounds *bounds, const struct priv_profile *wanted, const char **why)
{
	size_t i;

	for (i = 0; i < bounds->n_addresses; i++) {
		const struct nl_address *a = &bounds->addresses[i];

		if (a->family != AF_INET)
			continue;
		*why = "the BMC's address is this host's own";
		if (a->local.v4.s_addr == wanted->bmc_ipv4.s_addr)
			return -EADDRINUSE;
		if (a->ifindex == bounds->ifindex)
			continue;
		*why = "another interface of this host has the address";
		if (a->local.v4.s_addr == wanted->host_ipv4.s_addr)
			return -EADDRINUSE;
		*why = "the BMC's address lies in the subnet of another interface";
		if (is_in4(ntohl(wanted->bmc_ipv4.s_addr), ntohl(a->peer.v4.s_addr), a->prefix))
			return -EADDRINUSE;
	}
	return 0;
}

static bool is_named6(const struct settings *settings, const struct in6_addr *address)
{
	return !IN6_IS_ADDR_UNSPECIFIED(address) &&
	       (IN6_ARE_ADDR_EQUAL(address, &settings->host_ipv6) ||
		       IN6_ARE_ADDR_EQUAL(address, &settings->bmc_ipv6));
}

static bool is_nonsense6(const struct in6_addr *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_MULTICAST(a) ||
	       IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a) || IN6_IS_ADDR_LINKLOCAL(a);
}

static int check_plausible6(
	const struct settings *settings, const struct priv_profile *wanted, const char **why)
{
	const struct in6_addr *both[] = {&wanted->host_ipv6, &wanted->bmc_ipv6};
	bool has_bmc = !IN6_IS_ADDR_UNSPECIFIED(&wanted->bmc_ipv6);
	size_t i;

	*why = "IPv6 is off in the configuration";
	if (!settings->ipv6)
		return -EPERM;
	/* 64 is the shortest: a shorter one would route nets of others to this link */
	*why = "the IPv6 prefix must be 64 to 128, and 128 beside the BMC's address";
	if (wanted->ipv6_prefix < 64 || wanted->ipv6_prefix > 128 ||
		(has_bmc && wanted->ipv6_prefix != 128))
		return -EPERM;
	*why = "host and BMC cannot have the same address";
	if (IN6_ARE_ADDR_EQUAL(both[0], both[1]))
		return -EPERM;
	for (i = 0; i < (has_bmc ? 2U : 1U); i++) {
		*why = "not an IPv6 address that may be set";
		if (is_nonsense6(both[i]))
			return -EPERM;
		*why = "not a unique local IPv6 address, and not named in the configuration";
		if (!plan_accepts_ipv6(both[i]) && !is_named6(settings, both[i]))
			return -EPERM;
	}
	return 0;
}

static int check_free6(
	const struct bounds *bounds, const struct priv_profile *wanted, const char **why)
{
	/* what will be routed to the NIC: the BMC's address, or the host address's prefix */
	bool has_bmc = !IN6_IS_ADDR_UNSPECIFIED(&wanted->bmc_ipv6);
	const struct in6_addr *net = has_bmc ? &wanted->bmc_ipv6 : &wanted->host_ipv6;
	size_t i;

	for (i = 0; i < bounds->n_addresses; i++) {
		const struct nl_address *a = &bounds->addresses[i];

		if (a->family != AF_INET6)
			continue;
		*why = "the BMC's IPv6 address is this host's own";
		if (has_bmc && IN6_ARE_ADDR_EQUAL(&a->local.v6, net))
			return -EADDRINUSE;
		if (a->ifindex == bounds->ifindex || IN6_IS_ADDR_LINKLOCAL(&a->local.v6))
			continue;
		*why = "another interface of this host has the IPv6 address";
		if (IN6_ARE_ADDR_EQUAL(&a->local.v6, &wanted->host_ipv6))
			return -EADDRINUSE;
		*why = "the IPv6 prefix overlaps the subnet of another interface";
		if (is_in6(net, &a->peer.v6, a->prefix) ||
			is_in6(&a->peer.v6, net, wanted->ipv6_prefix))
			return -EADDRINUSE;
	}
	return 0;
}

int bounds_check(const struct bounds *bounds, const struct priv_profile *wanted, const char **why)
{
	int r = 0;

	*why = NULL; /* no address at all: the NIC is only brought up */
	if (wanted->has_ipv4)
		r = check_plausible4(bounds, wanted, why);
	if (r == 0 && wanted->has_ipv6)
		r = check_plausible6(bounds->settings, wanted, why);
	if (r == 0 && wanted->has_ipv4)
		r = check_free4(bounds, wanted, why);
	if (r == 0 && wanted->has_ipv6)
		r = check_free6(bounds, wanted, why);
	return r;
}
