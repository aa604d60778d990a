/* SPDX-License-Identifier: Apache-2.0 */
/* What the plan is made of: settings, NICs and addresses of type 42, for the tests of it. */
#ifndef BMCLINK_TESTS_PLAN_FACTS_H
#define BMCLINK_TESTS_PLAN_FACTS_H

#include "host/discover/plan.h"

/* Initializers of struct plan_nic: MAC 02:00:00:00:00:INDEX. */
#define USB(index, nic_name, v, p)                                                                 \
	{                                                                                          \
		.ifindex = (index), .name = nic_name, .mac = {2, 0, 0, 0, 0, index},               \
		.bus = PLAN_BUS_USB, .vendor = (v), .product = (p)                                 \
	}
#define PCI(index, nic_name, v, p)                                                                 \
	{                                                                                          \
		.ifindex = (index), .name = nic_name, .mac = {2, 0, 0, 0, 0, index},               \
		.bus = PLAN_BUS_PCI, .vendor = (v), .product = (p)                                 \
	}
#define OTHER(index, nic_name)                                                                     \
	{                                                                                          \
		.ifindex = (index), .name = nic_name, .mac = { 2, 0, 0, 0, 0, index }              \
	}

/* The defaults, as far as the plan looks at them. */
struct settings make_settings(void);
struct in_addr ip4(const char *text); /* NULL: 0.0.0.0 */
/* text: IPv4 or IPv6, or NULL for none. */
struct smbios42_address make_address(
	enum smbios42_assignment assignment, const char *text, unsigned int prefix);
/* The record of tests/data/smbios42/NAME.raw. */
void load_sample(const char *name, struct smbios42 *record);

#endif
