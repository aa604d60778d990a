/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one-time configuration. The order is the promise: first the mark is durable, then the NIC is
 * touched. A kill between the two leaves a NIC without an address and a spent mark, which an
 * administrator can see and mend; the other order could configure twice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/acts.h"
#include "host/monitor/bounds.h"
#include "host/monitor/hosts_file.h"
#include "host/monitor/machine.h"

#define MODULE "acts"

static struct profile_now get_now(const struct acts *acts)
{
	return (struct profile_now){
		.machine = &acts->machine, .nic_id = acts->nic_id, .birth = &acts->birth};
}

static int keep(struct acts *acts, const struct profile *marked)
{
	int r = profile_store(acts->environment->state_fd, marked);

	if (r == 0)
		acts->profile = *marked;
	else
		log_error(MODULE, "cannot write %s: %s", PROFILE_FILE, strerror(-r));
	return r;
}

static void put_addresses(struct wire_writer *out, const struct priv_profile *addresses)
{
	wire_put_bool(out, addresses->has_ipv4);
	wire_put_fixed(out, &addresses->host_ipv4, sizeof(addresses->host_ipv4));
	wire_put_fixed(out, &addresses->bmc_ipv4, sizeof(addresses->bmc_ipv4));
	wire_put_bool(out, addresses->has_ipv6);
	wire_put_fixed(out, &addresses->host_ipv6, sizeof(addresses->host_ipv6));
	wire_put_fixed(out, &addresses->bmc_ipv6, sizeof(addresses->bmc_ipv6));
	wire_put_u8(out, addresses->ipv6_prefix);
}

int act_get_profile(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	static const struct priv_profile none;
	enum priv_once once = acts_get_once(acts);

	if (!wire_is_done(in))
		return -EPERM;
	wire_put_u8(out, (uint8_t)once);
	put_addresses(out, once == PRIV_ONCE_ARMED ? &none : &acts->profile.addresses);
	return 0;
}

static struct nl_address get_pair4(const struct acts *acts, const struct priv_profile *wanted)
{
	return (struct nl_address){.ifindex = acts->ifindex,
		.family = AF_INET,
		.prefix = 32,
		.local.v4 = wanted->host_ipv4,
		.peer.v4 = wanted->bmc_ipv4};
}

static struct nl_address get_pair6(const struct acts *acts, const struct priv_profile *wanted)
{
	bool has_bmc = !IN6_IS_ADDR_UNSPECIFIED(&wanted->bmc_ipv6);

	return (struct nl_address){.ifindex = acts->ifindex,
		.family = AF_INET6,
		.prefix = wanted->ipv6_prefix,
		.local.v6 = wanted->host_ipv6,
		.peer.v6 = has_bmc ? wanted->bmc_ipv6 : wanted->host_ipv6};
}

static int apply(const struct acts *acts, const struct priv_profile *wanted)
{
	struct nl_address pair;
	int r;

	r = nl_set_link_up(acts->ifindex);
	if (r < 0)
		return r;
	if (wanted->has_ipv4) {
		pair = get_pair4(acts, wanted);
		r = nl_add_address(&pair);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	if (!wanted->has_ipv6)
		return 0;
	pair = get_pair6(acts, wanted);
	r = nl_add_address(&pair);
	if (r == -EEXIST)
		r = 0;
	if (r < 0)
		log_warning(MODULE, "cannot set the IPv6 address: %s", strerror(-r));
	/* with IPv4 set the link is usable: IPv6 is the spare */
	return wanted->has_ipv4 ? 0 : r;
}

static int check_bounds(const struct acts *acts, const struct priv_profile *wanted)
{
	_cleanup_free_ struct nl_address *addresses = NULL;
	struct bounds bounds = {.settings = &acts->settings,
		.ifindex = acts->ifindex,
		.usb_vendor = acts->usb_vendor,
		.usb_product = acts->usb_product};
	const char *why;
	int r;

	r = nl_get_addresses(&addresses, &bounds.n_addresses);
	if (r < 0)
		return r;
	bounds.addresses = addresses;
	r = bounds_check(&bounds, wanted, &why);
	if (r < 0)
		log_warning(MODULE, "refused to configure the NIC: %s", why);
	return r;
}

/* No address was set: the act is not used up. A kill before this leaves it spent, which is safe. */
static void unmark(struct acts *acts, const struct profile *before)
{
	int r = before->spent || before->raised
			? keep(acts, before)
			: state_remove_file(acts->environment->state_fd, PROFILE_FILE);

	if (r < 0)
		log_warning(MODULE, "the one-time configuration stays spent: %s", strerror(-r));
	else
		acts->profile = *before;
}

int act_configure(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct profile_now now = get_now(acts);
	struct priv_profile wanted = {0};
	struct nl_link link = {.up = true};
	struct profile marked, before = acts->profile;
	int r;

	wanted.has_ipv4 = wire_get_bool(in);
	wire_get_fixed(in, &wanted.host_ipv4, sizeof(wanted.host_ipv4));
	wire_get_fixed(in, &wanted.bmc_ipv4, sizeof(wanted.bmc_ipv4));
	wanted.has_ipv6 = wire_get_bool(in);
	wire_get_fixed(in, &wanted.host_ipv6, sizeof(wanted.host_ipv6));
	wire_get_fixed(in, &wanted.bmc_ipv6, sizeof(wanted.bmc_ipv6));
	wanted.ipv6_prefix = wire_get_u8(in);
	if (!wire_is_done(in) || acts->settings.configure == CONFIGURE_NEVER)
		return -EPERM;
	r = profile_plan_configure(&acts->profile, &now, &wanted, &marked);
	if (r == 0)
		r = check_bounds(acts, &wanted);
	if (r == 0) {
		(void)nl_get_link(acts->ifindex, &link);
		marked.raised = marked.raised || !link.up;
		r = keep(acts, &marked);
	}
	if (r < 0)
		return r;
	r = apply(acts, &wanted);
	if (r < 0) {
		/* The mark that says who brought it up goes with this: down first. */
		if (!link.up)
			nl_set_link_down(acts->ifindex);
		unmark(acts, &before);
	}
	return r;
}

int act_spend(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct profile_now now = get_now(acts);
	struct profile marked;

	if (!wire_is_done(in))
		return -EPERM;
	if (acts_get_once(acts) == PRIV_ONCE_SPENT)
		return 0;
	profile_plan_spend(&acts->profile, &now, &marked);
	return keep(acts, &marked);
}

/* Our own address goes: else the NIC would be complete with it, and the new plan never applied. */
static void take_away(const struct acts *acts, const struct priv_profile *addresses)
{
	struct nl_address pair;

	if (addresses->has_ipv4) {
		pair = get_pair4(acts, addresses);
		nl_delete_address(&pair);
	}
	if (addresses->has_ipv6) {
		pair = get_pair6(acts, addresses);
		nl_delete_address(&pair);
	}
}

int act_rearm(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct profile_now now = get_now(acts);
	struct profile armed = {0}, before = acts->profile;
	bool spent = acts_get_once(acts) == PRIV_ONCE_SPENT;
	int r;

	if (!wire_is_done(in))
		return -EPERM;
	if (profile_plan_rearm(&before, &now, &armed))
		r = keep(acts, &armed);
	else
		r = state_remove_file(acts->environment->state_fd, PROFILE_FILE);
	if (r < 0)
		return r;
	if (spent)
		take_away(acts, &before.addresses);
	acts->profile = armed;
	return 0;
}

int act_profile_raise(struct acts *acts)
{
	struct profile_now now = get_now(acts);
	struct profile marked;
	int r = profile_plan_raise(&acts->profile, &now, &marked);

	if (r == 0)
		r = keep(acts, &marked);
	return r < 0 ? r : nl_set_link_up(acts->ifindex);
}

/* The NIC goes down again, unless somebody else has put an address on it. */
static void lower(const struct acts *acts)
{
	_cleanup_free_ struct nl_address *addresses = NULL;
	size_t n, i;

	if (!acts->profile.raised || nl_get_addresses(&addresses, &n) < 0)
		return;
	for (i = 0; i < n; i++) {
		if (addresses[i].ifindex == acts->ifindex &&
			(addresses[i].family != AF_INET6 ||
				!IN6_IS_ADDR_LINKLOCAL(&addresses[i].local.v6)))
			return;
	}
	nl_set_link_down(acts->ifindex);
}

int acts_cleanup(struct acts *acts)
{
	const char *why;
	char boot_id[PROFILE_MAX_ID];
	int r = machine_read_boot_id(&acts->environment->roots, boot_id);

	if (r < 0)
		return r;
	acts->ifindex = acts->profile.birth.ifindex;
	/* an address of an earlier boot is gone with it, and the index may be another NIC's now */
	if ((acts->profile.spent || acts->profile.raised) && acts->ifindex != 0 &&
		strcmp(boot_id, acts->profile.birth.boot_id) == 0) {
		take_away(acts, &acts->profile.addresses);
		lower(acts);
	}
	acts->profile = (struct profile){0};
	acts->ifindex = 0;
	if (hosts_file_change(acts->environment->roots.etc, NULL, NULL, &why) < 0)
		log_error(MODULE, "our names stay in %s/hosts: %s", acts->environment->roots.etc,
			why);
	act_snmp_cleanup(acts);
	care_recover(acts->environment->state_fd, acts->environment->roots.proc, boot_id);
	return state_remove_file(acts->environment->state_fd, PROFILE_FILE);
}
