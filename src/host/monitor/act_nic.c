/* SPDX-License-Identifier: Apache-2.0 */
/* Acts about the NIC: facts of any, the claim of one, and sockets bound to the claimed one. */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/relayed.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/access.h"
#include "host/monitor/acts.h"
#include "host/monitor/facts.h"
#include "host/monitor/machine.h"
#include "host/monitor/neighbour_socket.h"
#include "host/monitor/nl.h"

#define MODULE "acts"

/* The channel's life line is silent; the kernel finds out when the other end is gone. Seconds. */
#define KEEPALIVE_IDLE	   4
#define KEEPALIVE_INTERVAL 1
#define KEEPALIVE_COUNT	   3
#define USER_TIMEOUT_MS	   5000
/* Bytes that the kernel holds for us (it doubles them). Else a BMC could make it hold 6 MB, which a
 * stream that is read at a bounded rate would bring for half a minute after its end. */
#define RECEIVE_BYTES 131072

static struct facts_roots get_roots(const struct acts *acts)
{
	const struct acts_roots *roots = &acts->environment->roots;

	return (struct facts_roots){.sys = roots->sys, .dmi = roots->dmi, .run = roots->run};
}

static void read_mac(struct plan_nic *nic)
{
	struct nl_link link;

	if (nl_get_link(nic->ifindex, &link) == 0 && link.has_mac)
		memcpy(nic->mac, link.mac, sizeof(nic->mac));
}

/* The NIC that the worker names, as the kernel describes it. */
static int take_nic(const struct acts *acts, struct wire_reader *in, struct plan_nic *nic)
{
	struct facts_roots roots = get_roots(acts);

	*nic = (struct plan_nic){.ifindex = wire_get_u32(in)};
	if (!wire_is_done(in) || nic->ifindex == 0)
		return -EPERM;
	return sysfs_read_nic_facts(&roots, nic);
}

int act_get_nic_facts(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct plan_nic nic;
	int r = take_nic(acts, in, &nic);

	if (r < 0)
		return r;
	wire_put_u8(out, (uint8_t)nic.bus);
	wire_put_u16(out, nic.vendor);
	wire_put_u16(out, nic.product);
	wire_put_bool(out, nic.udev_ready);
	return 0;
}

static bool is_alive(unsigned int ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name) != NULL;
}

/* 0, -EPERM, or what keeps it from being known just now. */
static int check_allowed(const struct acts *acts, const struct plan_nic *nic)
{
	struct facts_device devices[FACTS_MAX_DMI];
	struct facts_roots roots = get_roots(acts);
	size_t n;
	int r = facts_read_devices(&roots, devices, FACTS_MAX_DMI, &n);

	if (r < 0)
		return r;
	return facts_nic_is_allowed(acts->settings.interface, nic, devices, n) ? 0 : -EPERM;
}

static void give_up(struct acts *acts)
{
	act_arp_stop(acts);
	access_stop(acts->access);
	act_care_stop(acts);
	acts->claim_may_move = false;
	acts->ifindex = 0;
}

void act_nic_review_claim(struct acts *acts)
{
	struct facts_roots roots = get_roots(acts);
	struct plan_nic nic = {.ifindex = acts->ifindex};
	int r = sysfs_read_nic_facts(&roots, &nic);

	if (r == 0)
		r = check_allowed(acts, &nic);
	if (r == 0 || r == -EIO || state_is_passing(r)) /* not known is no reason */
		return;
	log_info(MODULE, "NIC %u is given up: the configuration names another one", acts->ifindex);
	give_up(acts);
}

/*
 * A claim is for the life of the NIC: the worker cannot walk with its rights from one NIC to the
 * next. It moves when the NIC is gone, or when the configuration no longer allows it.
 */
int act_claim_nic(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	char boot_id[PROFILE_MAX_ID];
	struct plan_nic nic;
	int r = take_nic(acts, in, &nic);

	if (r < 0)
		return r;
	read_mac(&nic);
	r = check_allowed(acts, &nic);
	if (r == 0)
		r = machine_read_boot_id(&acts->environment->roots, boot_id);
	if (r < 0)
		return r;
	if (acts->ifindex == nic.ifindex) {
		acts->claim_may_move = false; /* by what the configuration says now, the same one */
		return 0;
	}
	if (acts->ifindex != 0 && is_alive(acts->ifindex) && !acts->claim_may_move)
		return -EPERM;
	give_up(acts);
	acts->ifindex = nic.ifindex;
	acts->usb_vendor = nic.bus == PLAN_BUS_USB ? nic.vendor : 0;
	acts->usb_product = nic.bus == PLAN_BUS_USB ? nic.product : 0;
	acts->birth.ifindex = nic.ifindex;
	strcpy(acts->birth.boot_id, boot_id);
	profile_make_nic_id(&nic, acts->nic_id);
	log_info(MODULE, "NIC %u (%s, %s) is claimed", nic.ifindex, nic.name, acts->nic_id);
	return 0;
}

int act_nic_bind(int fd, unsigned int ifindex)
{
	const int index = (int)ifindex;
	char name[IF_NAMESIZE];

#ifdef SO_BINDTOIFINDEX
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) == 0)
		return 0;
	if (errno != ENOPROTOOPT)
		return -errno;
#endif
	/* kernels before 5.0. A rename between the two calls is seen by asking again. */
	if (if_indextoname(ifindex, name) == NULL)
		return -ENODEV;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) < 0)
		return -errno;
	return if_nametoindex(name) == ifindex ? 0 : -ENODEV;
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_tcp_options(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{SOL_SOCKET,  SO_KEEPALIVE,	   1		    },
		{SOL_SOCKET,  SO_RCVBUF,	RECEIVE_BYTES     },
		{IPPROTO_TCP, TCP_KEEPIDLE,	    KEEPALIVE_IDLE	  },
		{IPPROTO_TCP, TCP_KEEPINTVL,    KEEPALIVE_INTERVAL},
		{IPPROTO_TCP, TCP_KEEPCNT,	   KEEPALIVE_COUNT	  },
		{IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS   },
		{IPPROTO_TCP, TCP_NODELAY,	   1		    },
	};
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(options) && r == 0; i++)
		r = set_option(fd, options[i].level, options[i].option, options[i].value);
	return r;
}

/*
 * A connection of our own must not look like one of in-band access: where an administrator has
 * given local ports another range, one outside of those is chosen here.
 */
static void keep_out_of_relayed(const struct acts *acts, int fd)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	unsigned int low = 0, high = 0, i, port;
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/net/ipv4/ip_local_port_range",
		acts->environment->roots.proc);
	f = fopen(path, "re");
	if (f == NULL)
		return; /* as the kernel has it by itself */
	if (fscanf(f, "%u %u", &low, &high) != 2 || high > UINT16_MAX)
		low = high = 0;
	fclose(f);
	if (low > RELAYED_LAST_PORT || high < RELAYED_FIRST_PORT || low > high)
		return;
	for (i = 0; i < 256; i++) {
		port = low + (unsigned int)random() % (high - low + 1);
		any.sin_port = htons((uint16_t)port);
		if (!relayed_is_port((uint16_t)port) &&
			bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0)
			return;
	} /* they have no other port: better one of these than none */
}

int act_open_tcp(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	uint8_t which = wire_get_u8(in);
	_cleanup_close_ int made = -1;
	int r;

	if (!wire_is_done(in) || (which != 4 && which != 6))
		return -EPERM;
	/* "disabled" is a promise: not one attempt over that protocol */
	if (which == 4 ? !acts->settings.ipv4 : !acts->settings.ipv6)
		return -EPERM;
	made = socket(which == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		IPPROTO_TCP);
	if (made < 0)
		return -errno;
	r = act_nic_bind(made, acts->ifindex);
	if (r == 0)
		r = set_tcp_options(made);
	if (r == 0 && which == 4)
		keep_out_of_relayed(acts, made);
	if (r == 0)
		*fd = util_steal_fd(&made);
	return r;
}

int act_open_neighbour(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	int made;

	if (!wire_is_done(in) || !acts->settings.ipv6)
		return -EPERM;
	made = neighbour_socket_open(acts->ifindex);
	if (made < 0)
		return made;
	*fd = made;
	return 0;
}
