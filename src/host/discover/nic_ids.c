/* SPDX-License-Identifier: Apache-2.0 */
#include "host/discover/nic_ids.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IPV4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

const struct nic_id nic_ids[] = {
	{
		.vendor = 0x413c,
		.product = 0xa102,
		.name = "Dell iDRAC",
		.bmc_ipv4 = IPV4(169,		      254, 1, 1),
		.bmc_ipv4_other = IPV4(169, 254, 0, 1), /* iDRAC7 and 8 */
		.prefix = 24,
	 },
	{
		.vendor = 0x03f0,
		.product = 0x2927,
		.name = "HPE iLO",
		.bmc_ipv4 = IPV4(16,	     1, 15, 1),
		.host_ipv4 = IPV4(16, 1, 15, 2),
		.prefix = 30,
	 },
	{
		.vendor = 0x04b3,
		.product = 0x4010,
		.name = "Lenovo XCC",
		.bmc_ipv4 = IPV4(169,					      254, 95, 118),
		.host_ipv4 = IPV4(169, 254, 95, 120),
		.prefix = 16,
	 },
	{
		.vendor = 0x046b,
		.product = 0xffb0,
		.name = "AMI MegaRAC",
		.bmc_ipv4 = IPV4(169,	      254, 95, 118),
		.host_ipv4 = IPV4(169, 254, 95, 120),
		.prefix = 16,
	 },
	{
		.vendor = 0x0b1f,
		.product = 0x03ee,
		.name = "Supermicro",
		.bmc_ipv4 = IPV4(169,	      254, 3, 254),
		.host_ipv4 = IPV4(169, 254, 3, 1),
		.prefix = 24,
	 },
	{.vendor = 0x0b05,	   .product = 0x1976,				      .name = "ASUS"					    },
	{.vendor = 0x0d28,  .product = 0x0204,	      .name = "Arm",	     .needs_smbios = true			 },
	{.vendor = 0x0525, .product = 0xa4a2,	      .name = "Linux gadget", .needs_smbios = true},
	{.vendor = 0x1d6b,			   .product = 0x0104,					      .name = "Linux gadget",		      .needs_smbios = true},
	{.vendor = 0x1d6b,  .product = 0x0103,	      .name = "Linux gadget",  .needs_smbios = true			  },
};
const size_t nic_ids_count = sizeof(nic_ids) / sizeof(nic_ids[0]);

const struct nic_id *nic_ids_find(uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < nic_ids_count; i++)
		if (nic_ids[i].vendor == vendor && nic_ids[i].product == product)
			return &nic_ids[i];
	return NULL;
}

static bool parse_hex4(const char *s, uint16_t *value)
{
	for (int i = 0; i < 4; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	*value = (uint16_t)strtoul(s, NULL, 16); /* ends at ':' or NUL, checked by the caller */
	return true;
}

int nic_ids_parse(const char *text, uint16_t *vendor, uint16_t *product)
{
	uint16_t v, p;

	if (strncmp(text, "usb:", 4) != 0 || strlen(text) != 13 || text[8] != ':')
		return -EINVAL;
	if (!parse_hex4(text + 4, &v) || !parse_hex4(text + 9, &p))
		return -EINVAL;
	*vendor = v;
	*product = p;
	return 0;
}
