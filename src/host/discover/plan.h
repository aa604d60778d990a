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
	unsigned int others; /* further NICs that match as well: the choice is then the lowest
				ifindex, with a warning */
	char why_not[160];   /* when not found: what was looked for, printable */

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

	uint16_t port, plain_port;
	char hostname[SMBIOS42_MAX_HOSTNAME];
	const struct smbios42 *record; /* the type 42 structure that matched, borrowed, or NULL */
};

struct plan_facts {
	const struct settings *settings;
	const struct smbios42 *records;
	size_t n_records;
	const struct plan_nic *nics;
	size_t n_nics;
};

void plan_make(const struct plan_facts *facts, struct plan *plan);

/* For `bmclinkctl discover --json`: every record, every NIC looked at, the plan and its sources.
 * New reference. */
json_t *plan_to_json(const struct plan_facts *facts, const struct plan *plan);
const char *plan_source_name(
	enum plan_source source); /* "configuration", "smbios", "usb-id", "default", "none" */

#endif
