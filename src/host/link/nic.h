/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's view of the NICs, by rtnetlink: dump at start, then notifications; on ENOBUFS a new
 * dump. Worker side: the socket is opened before the sandbox closes, nothing here needs a
 * privilege.
 */
#ifndef BMCLINK_HOST_NIC_H
#define BMCLINK_HOST_NIC_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#define NIC_MAX_LINKS	  64 /* further links are not looked at: counted, said once */
#define NIC_MAX_ADDRESSES 16 /* of one link and family */

struct nic_address4 {
	struct in_addr address, peer;
	unsigned int prefix;
};
struct nic_address6 {
	struct in6_addr address;
	unsigned int prefix;
	bool tentative, dad_failed;
};

struct nic {
	unsigned int ifindex;
	char name[IF_NAMESIZE];
	uint8_t mac[6];
	bool up, carrier;   /* IFF_UP; IFF_LOWER_UP */
	bool ipv6_disabled; /* by sysctl on this NIC, or no IPv6 stack at all */
	unsigned int n_ipv4, n_ipv6;
	struct nic_address4 ipv4[NIC_MAX_ADDRESSES];
	struct nic_address6 ipv6[NIC_MAX_ADDRESSES];
};

enum nic_change {
	NIC_LINK_NEW,
	NIC_LINK_CHANGED,
	NIC_LINK_GONE,
	NIC_ADDRESS_NEW,
	NIC_ADDRESS_GONE,
	NIC_RESCAN
};

struct nic_watch;
/* ifindex 0 with NIC_RESCAN: look at everything again. */
typedef void (*nic_change_fn)(unsigned int ifindex, enum nic_change change, void *arg);

/* Opens the sockets and dumps; from then on fn is called from the loop. */
int nic_watch_new(struct event_base *base, nic_change_fn fn, void *arg, struct nic_watch **watch);
void nic_watch_free(struct nic_watch *watch);
/* NULL when there is none; valid until the loop runs again. */
const struct nic *nic_watch_get(const struct nic_watch *watch, unsigned int ifindex);
const struct nic *nic_watch_next(
	const struct nic_watch *watch, const struct nic *after); /* NULL: first */

/* How often the kernel's notifications overran us and everything was dumped again. */
unsigned int nic_watch_count_rescans(const struct nic_watch *watch);
/* Bytes of the notification socket's buffer. For tests of the above. */
int nic_watch_set_buffer(struct nic_watch *watch, int bytes);

/*
 * The other end's link-local address, from the kernel's neighbour table (RTM_GETNEIGH dump): the
 * one neighbour with fe80::/10 on this two-node link. -ENOENT: none (yet); -ENOTUNIQ: several.
 * The kernel has an entry only when the BMC had reason to ask for our address: neighbour.h makes
 * it answer.
 */
int nic_find_neighbour(struct nic_watch *watch, unsigned int ifindex, struct in6_addr *address);

#endif
