/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ids of pass-through NICs that are known without SMBIOS, and what their vendors' BMCs have as
 * addresses when nobody changed them. Facts from published tables; docs/discovery.md has the list
 * with its sources.
 */
#ifndef BMCLINK_HOST_NIC_IDS_H
#define BMCLINK_HOST_NIC_IDS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nic_id {
	uint16_t vendor, product; /* USB */
	const char *name;
	/*
	 * A generic id, of Linux's own gadget driver for one: a telephone or a development board
	 * has it too. It counts only when a type 42 structure names it.
	 */
	bool needs_smbios;
	/* Defaults of this vendor; 0: not known. host goes with bmc, and with no other address. */
	uint32_t bmc_ipv4, bmc_ipv4_other, host_ipv4; /* host byte order */
	unsigned int prefix;
};

extern const struct nic_id nic_ids[];
extern const size_t nic_ids_count;

const struct nic_id *nic_ids_find(uint16_t vendor, uint16_t product); /* NULL: not known */

/* "usb:VVVV:PPPP", hex digits, as the configuration has it. 0 or -EINVAL. */
int nic_ids_parse(const char *text, uint16_t *vendor, uint16_t *product);

#endif
