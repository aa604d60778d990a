/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMBIOS type 42, Management Controller Host Interface (DSP0134 7.43, DSP0270 clause 8): decoder.
 * Pure. The bytes come from firmware and are not trusted: every access is bounded by the
 * structure's length, an unknown device type or protocol record is skipped and counted, never
 * fatal.
 */
#ifndef BMCLINK_HOST_SMBIOS42_H
#define BMCLINK_HOST_SMBIOS42_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMBIOS42_MAX_HOSTNAME 256 /* with NUL */
#define SMBIOS42_MAX_SERIAL   128
#define SMBIOS42_MAX_FOUND    8 /* structures of one table that we keep */

enum smbios42_device { /* DSP0270 table "device type values" */
	SMBIOS42_DEVICE_NONE = 0,
	SMBIOS42_USB_V1 = 0x02,
	SMBIOS42_PCI_V1 = 0x03,
	SMBIOS42_USB_V2 = 0x04,
	SMBIOS42_PCI_V2 = 0x05,
	SMBIOS42_DEVICE_OEM = 0x80, /* 80h to FFh */
};

enum smbios42_assignment {
	SMBIOS42_ASSIGN_UNKNOWN,
	SMBIOS42_ASSIGN_STATIC,
	SMBIOS42_ASSIGN_DHCP,
	SMBIOS42_ASSIGN_AUTO,
	SMBIOS42_ASSIGN_HOST_SELECTED,
};

struct smbios42_address {
	enum smbios42_assignment assignment;
	int family;	     /* AF_INET, AF_INET6, AF_UNSPEC (unknown) */
	bool present;	     /* an address other than all zero was given */
	struct in_addr ipv4; /* when family is AF_INET */
	struct in6_addr ipv6;
	unsigned int prefix; /* from the mask; a mask with holes counts as none: 32 or 128 */
};

struct smbios42 {
	uint16_t handle;
	enum smbios42_device device;
	uint16_t vendor, product;	 /* USB idVendor/idProduct or PCI vendor/device */
	uint16_t sub_vendor, sub_device; /* PCI */
	bool has_mac;
	uint8_t mac[6];
	bool has_location; /* PCI v2 */
	uint16_t pci_segment;
	uint8_t pci_bus, pci_devfn;
	char serial[SMBIOS42_MAX_SERIAL]; /* UTF-8, printable; "" when none */
	bool bootstrap_by_ipmi;		  /* 1.3: credential bootstrapping supported */
	uint16_t bootstrap_handle;
	bool has_redfish; /* a Redfish over IP record follows */
	uint8_t uuid[16]; /* in text order, all 0 when unknown */
	struct smbios42_address host, service;
	uint16_t port;
	uint32_t vlan;			      /* 0: none (the field's FFFFFFFFh counts as none) */
	char hostname[SMBIOS42_MAX_HOSTNAME]; /* printable; "" when none */
	unsigned int skipped_records;
};

/*
 * One structure (formatted area, then its strings; length is all there is). 0; -ENOTSUP when it is
 * well formed but not a network host interface (interface type other than 40h); -EBADMSG when it is
 * not well formed, with *why a static text. On -ENOTSUP and -EBADMSG out is untouched. The first
 * Redfish over IP record is decoded; further ones count as skipped.
 */
int smbios42_decode(const uint8_t *data, size_t length, struct smbios42 *out, const char **why);

/*
 * As smbios42_decode(), but one answer for each Redfish over IP record of the structure (a BMC may
 * publish an IPv4 and an IPv6 one), at most max: each repeats the device. Returns how many, or
 * negative errno.
 */
int smbios42_decode_all(
	const uint8_t *data, size_t length, struct smbios42 *out, size_t max, const char **why);

/*
 * Walk a whole SMBIOS table (content of /sys/firmware/dmi/tables/DMI) and decode its type 42
 * structures, with smbios42_decode_all(), at most max answers; returns how many were kept. Ends at
 * type 127, at the table's end, or at the first structure that does not fit. *bad counts type 42
 * structures that were not well formed.
 */
size_t smbios42_walk(
	const uint8_t *table, size_t length, struct smbios42 *out, size_t max, unsigned int *bad);

const char *smbios42_assignment_name(
	enum smbios42_assignment assignment); /* "static", "dhcp", ... */

#endif
