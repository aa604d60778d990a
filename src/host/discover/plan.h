/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which NIC is the pass-through NIC, and which addresses both ends have on it. Pure: facts in, plan
 * out.
 *
 * Addresses come, in this order, from the configuration, from SMBIOS type 42, from the vendor's USB
 * id, and from the defaults (BMC 169.254.1.1, else 169.254.0.1; host = BMC + 1, or - 1 where + 1 is
 * the broadcast address of the prefix). The plan says of each where it came from.
 */
#ifndef BMCLINK_HOST_PLAN_H
#define BMCLINK_HOST_PLAN_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "host/discover/smbios42.h"
#include "host/settings.h"

#define PLAN_MAX_NICS 64
#define PLAN_MAX_BMC4 2 /* candidates, to be told apart by an ARP probe */

enum plan_bus { PLAN_BUS_OTHER, PLAN_BUS_USB, PLAN_BUS_PCI };

struct plan_nic { /* what the kernel says of one NIC (rtnetlink and sysfs) */
	unsigned int ifindex;
	char name[IF_NAMESIZE];
	uint8_t mac[6];
	enum plan_bus bus;
	uint16_t vendor, product; /* USB or PCI ids; 0 on another bus */
	bool udev_ready;	  /* udev has done with it, or there is no udev */
};

enum plan_source {
	PLAN_FROM_NONE,
	PLAN_FROM_CONFIG,
	PLAN_FROM_SMBIOS,
	PLAN_FROM_USB_ID,
	PLAN_FROM_DEFAULT
};

struct plan {
	bool found; /* a NIC was found (it may still not be ready) */
	enum plan_source nic_source;
	struct plan_nic nic;
	unsigned int
		others;	   /* further NICs that match as well: the choice is then the lowest
			      ifindex, with a warning (several PCI NICs of one model: no choice) */
	char why_not[160]; /* when not found: what was looked for, printable */

	enum plan_source ipv4_source;
	unsigned int n_bmc_ipv4; /* 0: IPv4 cannot be planned (BMC has only IPv6 by type 42) */
	struct in_addr bmc_ipv4[PLAN_MAX_BMC4], host_ipv4[PLAN_MAX_BMC4];
	bool host_ipv4_own; /* host address may be set by us; false: assignment is left to somebody
			       else */

	enum plan_source ipv6_source;
	bool has_bmc_ipv6; /* else: the neighbour on the link, found when it is needed */
	struct in6_addr bmc_ipv6;
	bool has_host_ipv6; /* an address of ours to set beside a ULA of the BMC's */
	struct in6_addr host_ipv6;
	unsigned int host_ipv6_prefix;

	unsigned int refused; /* addresses of type 42 not taken: see plan_accepts_ipv4() */
	uint16_t port, plain_port;
	char hostname[SMBIOS42_MAX_HOSTNAME];
	const struct smbios42 *record; /* the type 42 structure that matched, borrowed, or NULL */
	unsigned int records_used;     /* bit i: records[i] speaks of this NIC */
};

struct plan_facts {
	const struct settings *settings;
	const struct smbios42 *records;
	size_t n_records;
	const struct plan_nic *nics;
	size_t n_nics;
	/* The NIC in use, 0: none. It stays the one as long as it lives, whatever it is called by
	 * now and whatever else shows up; and how it was found. */
	unsigned int claimed;
	enum plan_source claimed_source;
};

void plan_make(const struct plan_facts *facts, struct plan *plan);

/*
 * What firmware may name as an address of this link: link-local (but not 169.254.169.0/24 and
 * 169.254.170.0/24, where clouds have their metadata services), RFC 1918, or the vendor's own
 * default network; fe80::/10 and ULA. A /32 route to anything else could take traffic that is not
 * the BMC's: a BMC that has been taken over must not get at it. An administrator may name any
 * address in the configuration.
 */
bool plan_accepts_ipv4(struct in_addr address, uint16_t vendor, uint16_t product);
bool plan_accepts_ipv6(const struct in6_addr *address);
/* The other host of the prefix: BMC + 1, or - 1 where + 1 is the broadcast address. An unknown
 * prefix (0, 32) counts as 24. */
struct in_addr plan_host_beside(struct in_addr bmc, unsigned int prefix);

/* What an address assignment type means for us: docs/discovery.md has the table for people. */
struct plan_meaning {
	bool take_host, take_service; /* the record's address of that end is used when given */
	const char *host;	      /* one sentence for `bmclinkctl discover` */
};
const struct plan_meaning *plan_get_meaning(enum smbios42_assignment assignment);

/* For `bmclinkctl discover --json`: every record, every NIC looked at, the plan and its sources.
 * New reference. */
json_t *plan_to_json(const struct plan_facts *facts, const struct plan *plan);
const char *plan_source_name(
	enum plan_source source); /* "configuration", "smbios", "usb-id", "default", "none" */

#endif
