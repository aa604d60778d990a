/* SPDX-License-Identifier: Apache-2.0 */
/* The acts about the claimed NIC: what it is, its one-time configuration, its care, its sockets. */
#include <errno.h>
#include <sys/socket.h>

#include "host/priv_private.h"

int priv_get_nic_facts(struct priv *priv, unsigned int ifindex, struct plan_nic *nic)
{
	struct priv_call call;
	uint16_t vendor, product;
	uint8_t bus;
	bool ready;
	int r;

	priv_begin(&call, priv, ACT_GET_NIC_FACTS);
	wire_put_u32(&call.out, ifindex);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	bus = wire_get_u8(&call.in);
	vendor = wire_get_u16(&call.in);
	product = wire_get_u16(&call.in);
	ready = wire_get_bool(&call.in);
	if (priv_end(&call) < 0 || bus > PLAN_BUS_PCI)
		return -EPROTO;
	nic->ifindex = ifindex;
	nic->bus = (enum plan_bus)bus;
	nic->vendor = vendor;
	nic->product = product;
	nic->udev_ready = ready;
	return 0;
}

int priv_claim_nic(struct priv *priv, unsigned int ifindex)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_CLAIM_NIC);
	wire_put_u32(&call.out, ifindex);
	return priv_finish(&call);
}

int priv_is_managed(struct priv *priv, bool *managed, bool *ipv4_disabled)
{
	struct priv_call call;
	bool m, d;
	int r;

	priv_begin(&call, priv, ACT_IS_MANAGED);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	m = wire_get_bool(&call.in);
	d = wire_get_bool(&call.in);
	if (priv_end(&call) < 0)
		return -EPROTO;
	*managed = m;
	*ipv4_disabled = d;
	return 0;
}

static int finish_with_fd(struct priv_call *call, int *fd)
{
	int r = priv_finish(call);

	if (r < 0)
		return r;
	if (call->fd < 0)
		return -EPROTO;
	*fd = call->fd;
	return 0;
}

int priv_open_tcp(struct priv *priv, int family, int *fd)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_OPEN_TCP);
	wire_put_u8(&call.out, family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0);
	return finish_with_fd(&call, fd);
}

int priv_open_neighbour(struct priv *priv, int *fd)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_OPEN_NEIGHBOUR);
	return finish_with_fd(&call, fd);
}

int priv_get_profile(struct priv *priv, struct priv_profile *profile)
{
	struct priv_profile p = {0};
	struct priv_call call;
	uint8_t once;
	int r;

	priv_begin(&call, priv, ACT_GET_PROFILE);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	once = wire_get_u8(&call.in);
	p.has_ipv4 = wire_get_bool(&call.in);
	wire_get_fixed(&call.in, &p.host_ipv4, sizeof(p.host_ipv4));
	wire_get_fixed(&call.in, &p.bmc_ipv4, sizeof(p.bmc_ipv4));
	p.has_ipv6 = wire_get_bool(&call.in);
	wire_get_fixed(&call.in, &p.host_ipv6, sizeof(p.host_ipv6));
	wire_get_fixed(&call.in, &p.bmc_ipv6, sizeof(p.bmc_ipv6));
	p.ipv6_prefix = wire_get_u8(&call.in);
	if (priv_end(&call) < 0 || once > PRIV_ONCE_SPENT)
		return -EPROTO;
	p.once = (enum priv_once)once;
	*profile = p;
	return 0;
}

int priv_configure(struct priv *priv, const struct priv_profile *wanted)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_CONFIGURE);
	wire_put_bool(&call.out, wanted->has_ipv4);
	wire_put_fixed(&call.out, &wanted->host_ipv4, sizeof(wanted->host_ipv4));
	wire_put_fixed(&call.out, &wanted->bmc_ipv4, sizeof(wanted->bmc_ipv4));
	wire_put_bool(&call.out, wanted->has_ipv6);
	wire_put_fixed(&call.out, &wanted->host_ipv6, sizeof(wanted->host_ipv6));
	wire_put_fixed(&call.out, &wanted->bmc_ipv6, sizeof(wanted->bmc_ipv6));
	wire_put_u8(&call.out, wanted->ipv6_prefix);
	return priv_finish(&call);
}

int priv_spend(struct priv *priv)
{
	return priv_ask(priv, ACT_SPEND);
}

int priv_rearm(struct priv *priv)
{
	return priv_ask(priv, ACT_REARM);
}

int priv_care(struct priv *priv, bool on)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_CARE);
	wire_put_bool(&call.out, on);
	return priv_finish(&call);
}

int priv_probe_arp(struct priv *priv, struct in_addr target)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_PROBE_ARP);
	wire_put_fixed(&call.out, &target, sizeof(target));
	return priv_finish(&call);
}
