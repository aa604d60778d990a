/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets are those of DSP0270 1.3, clause 8. A view is a piece of the structure with its length;
 * nothing is read but through the view_* functions, which know that length.
 */
#include "host/discover/smbios42.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "base/util.h"
#include "host/discover/dmi_walk.h"
#include "host/discover/smbios_string.h"

#define INTERFACE_NETWORK 0x40
#define PROTOCOL_REDFISH  0x04
#define REDFISH_MIN	  91 /* a record's data without its host name */
#define USB_V2_LENGTH	  0x0d
#define USB_V2_LENGTH_13  0x11
#define PCI_V2_LENGTH	  0x14
#define PCI_V2_LENGTH_13  0x18

struct view {
	const uint8_t *data;
	size_t length;
};

struct parts { /* of one structure */
	struct view formatted, strings;
	struct view device; /* device type and descriptor */
	struct view records;
	unsigned int n_records;
};

static bool view_cut(struct view from, size_t offset, size_t length, struct view *out)
{
	if (offset > from.length || length > from.length - offset)
		return false;
	out->data = from.data + offset;
	out->length = length;
	return true;
}

static uint8_t view_u8(struct view v, size_t offset)
{
	return offset < v.length ? v.data[offset] : 0;
}

static uint16_t view_le16(struct view v, size_t offset)
{
	return (uint16_t)(view_u8(v, offset) | view_u8(v, offset + 1) << 8);
}

static uint32_t view_le32(struct view v, size_t offset)
{
	return view_le16(v, offset) | (uint32_t)view_le16(v, offset + 2) << 16;
}

static void view_copy(struct view v, size_t offset, void *out, size_t length)
{
	struct view piece;

	if (view_cut(v, offset, length, &piece))
		memcpy(out, piece.data, length);
	else
		memset(out, 0, length);
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

static int split(const uint8_t *data, size_t length, struct parts *parts, const char **why)
{
	struct view all = {data, length};
	size_t n;

	if (length < 6 || data[0] != DMI_TYPE_HOST_INTERFACE) {
		*why = "not a type 42 structure";
		return -EBADMSG;
	}
	if (data[1] < 6 || !view_cut(all, 0, data[1], &parts->formatted)) {
		*why = "the structure's length does not fit";
		return -EBADMSG;
	}
	view_cut(all, data[1], length - data[1], &parts->strings);
	if (data[4] != INTERFACE_NETWORK)
		return -ENOTSUP;
	n = data[5];
	if (n == 0 || !view_cut(parts->formatted, 6, n, &parts->device)) {
		*why = "the interface specific data does not fit";
		return -EBADMSG;
	}
	/* Without a count of records there are none: DSP0134 before 3.2 ended here. */
	parts->n_records = view_u8(parts->formatted, 6 + n);
	parts->records = (struct view){NULL, 0};
	if (parts->formatted.length > 7 + n)
		view_cut(parts->formatted, 7 + n, parts->formatted.length - 7 - n, &parts->records);
	return 0;
}

static void decode_mac(struct view device, size_t offset, struct smbios42 *out)
{
	view_copy(device, offset, out->mac, sizeof(out->mac));
	/* All zero or a group address is no NIC's. */
	out->has_mac = !is_zero(out->mac, sizeof(out->mac)) && !(out->mac[0] & 1);
	if (!out->has_mac)
		memset(out->mac, 0, sizeof(out->mac));
}

/* A USB string descriptor: bLength, bDescriptorType 03h, UTF-16LE without a NUL. */
static void decode_usb_serial(struct view device, size_t offset, struct smbios42 *out)
{
	size_t length = view_u8(device, offset);
	struct view text;
	char utf8[2 * UINT8_MAX];

	if (length <= 2 || view_u8(device, offset + 1) != 3 ||
		!view_cut(device, offset + 2, length - 2, &text))
		return;
	text_make_printable(utf8, smbios_utf16_to_utf8(text.data, text.length, utf8), out->serial,
		sizeof(out->serial));
}

/* 1.3: does the structure's own length say that the last two fields are there? */
static void decode_bootstrap(
	struct view device, size_t offset, size_t length_13, struct smbios42 *out)
{
	if (device.length < length_13 || view_u8(device, 1) < length_13)
		return;
	out->bootstrap_by_ipmi = view_le16(device, offset) & 1;
	out->bootstrap_handle = view_le16(device, offset + 2);
}

/* Offsets count from the device type, which is the first byte of the view. */
static int decode_device(const struct parts *parts, struct smbios42 *out, const char **why)
{
	struct view device = parts->device;
	uint8_t type = view_u8(device, 0);
	size_t ids = 1, needed;

	switch (type) {
	case SMBIOS42_USB_V1:
		needed = 5;
		break;
	case SMBIOS42_PCI_V1:
		needed = 9;
		break;
	case SMBIOS42_USB_V2:
		ids = 2;
		needed = USB_V2_LENGTH;
		break;
	case SMBIOS42_PCI_V2:
		ids = 2;
		needed = PCI_V2_LENGTH;
		break;
	default:
		out->device =
			type >= SMBIOS42_DEVICE_OEM ? SMBIOS42_DEVICE_OEM : SMBIOS42_DEVICE_NONE;
		return 0;
	}
	if (device.length < needed) {
		*why = "the device descriptor is too short for its type";
		return -EBADMSG;
	}
	out->device = type;
	out->vendor = view_le16(device, ids);
	out->product = view_le16(device, ids + 2);
	if (type == SMBIOS42_PCI_V1 || type == SMBIOS42_PCI_V2) {
		out->sub_vendor = view_le16(device, ids + 4);
		out->sub_device = view_le16(device, ids + 6);
	}
	if (type == SMBIOS42_USB_V1)
		decode_usb_serial(device, 5, out);
	if (type == SMBIOS42_USB_V2) {
		smbios_get_string(parts->strings.data, parts->strings.length, view_u8(device, 6),
			out->serial, sizeof(out->serial));
		decode_mac(device, 7, out);
		decode_bootstrap(device, 0x0d, USB_V2_LENGTH_13, out);
	}
	if (type == SMBIOS42_PCI_V2) {
		decode_mac(device, 0x0a, out);
		out->has_location = true;
		out->pci_segment = view_le16(device, 0x10);
		out->pci_bus = view_u8(device, 0x12);
		out->pci_devfn = view_u8(device, 0x13);
		decode_bootstrap(device, 0x14, PCI_V2_LENGTH_13, out);
	}
	return 0;
}

/* The number of leading ones; bits when there are ones behind a zero, or none at all. */
static unsigned int mask_to_prefix(const uint8_t *mask, unsigned int bits)
{
	unsigned int prefix = 0;

	while (prefix < bits && mask[prefix / 8] & 0x80 >> prefix % 8)
		prefix++;
	for (unsigned int i = prefix; i < bits; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return bits;
	return prefix ? prefix : bits;
}

/* Assignment (1), format (1), address (16), mask (16). */
static void decode_address(struct view data, size_t offset, struct smbios42_address *out)
{
	uint8_t assignment = view_u8(data, offset), bytes[16], mask[16];

	out->assignment =
		assignment <= SMBIOS42_ASSIGN_HOST_SELECTED ? assignment : SMBIOS42_ASSIGN_UNKNOWN;
	out->family = AF_UNSPEC;
	view_copy(data, offset + 2, bytes, sizeof(bytes));
	view_copy(data, offset + 18, mask, sizeof(mask));
	switch (view_u8(data, offset + 1)) {
	case 1:
		out->family = AF_INET;
		memcpy(&out->ipv4, bytes, sizeof(out->ipv4));
		out->present = !is_zero(bytes, sizeof(out->ipv4));
		out->prefix = mask_to_prefix(mask, 32);
		break;
	case 2:
		out->family = AF_INET6;
		memcpy(&out->ipv6, bytes, sizeof(out->ipv6));
		out->present = !is_zero(bytes, sizeof(out->ipv6));
		out->prefix = mask_to_prefix(mask, 128);
		break;
	default:
		break;
	}
}

/* SMBIOS has the first three groups of a UUID little endian. */
static void decode_uuid(struct view data, uint8_t uuid[16])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	for (size_t i = 0; i < 16; i++)
		uuid[i] = view_u8(data, order[i]);
	/* "Not present" in SMBIOS's own words: as unknown as all zero. */
	for (size_t i = 0; i < 16; i++)
		if (uuid[i] != 0xff)
			return;
	memset(uuid, 0, 16);
}

static void decode_hostname(struct view data, char *out, size_t size)
{
	size_t length = view_u8(data, 90);
	const void *end;
	struct view name = data;

	if (!view_cut(data, REDFISH_MIN, length, &name))
		view_cut(data, REDFISH_MIN, data.length - REDFISH_MIN, &name);
	end = memchr(name.data, 0, name.length);
	if (end)
		name.length = (size_t)((const uint8_t *)end - name.data);
	text_make_printable((const char *)name.data, name.length, out, size);
}

static void decode_redfish(struct view data, struct smbios42 *out)
{
	out->has_redfish = true;
	decode_uuid(data, out->uuid);
	decode_address(data, 16, &out->host);
	decode_address(data, 50, &out->service);
	out->port = view_le16(data, 84);
	out->vlan = view_le32(data, 86);
	if (out->vlan == UINT32_MAX)
		out->vlan = 0;
	decode_hostname(data, out->hostname, sizeof(out->hostname));
}

/* Find the wanted-th Redfish record; counts all the others as skipped. */
static int scan_records(const struct parts *parts, unsigned int wanted, struct view *redfish,
	unsigned int *n_redfish, unsigned int *n_skipped, const char **why)
{
	size_t at = 0;

	*n_redfish = 0;
	for (unsigned int i = 0; i < parts->n_records; i++) {
		struct view data;

		if (parts->records.length < at + 2 ||
			!view_cut(parts->records, at + 2, parts->records.data[at + 1], &data)) {
			*why = "a protocol record does not fit";
			return -EBADMSG;
		}
		if (parts->records.data[at] == PROTOCOL_REDFISH && data.length >= REDFISH_MIN &&
			(*n_redfish)++ == wanted)
			*redfish = data;
		else
			(*n_skipped)++;
		at += 2 + data.length;
	}
	return 0;
}

int smbios42_decode_all(
	const uint8_t *data, size_t length, struct smbios42 *out, size_t max, const char **why)
{
	struct smbios42 found = {0};
	struct view redfish = {NULL, 0};
	struct parts parts;
	unsigned int n_redfish = 0, n;
	int r;

	*why = "";
	r = split(data, length, &parts, why);
	if (r == 0)
		r = scan_records(&parts, 0, &redfish, &n_redfish, &found.skipped_records, why);
	if (r < 0)
		return r;
	found.handle = view_le16(parts.formatted, 2);
	r = decode_device(&parts, &found, why);
	if (r < 0)
		return r;
	for (n = 0; n < max && (n == 0 || n < n_redfish); n++) {
		unsigned int ignored, skipped = 0;

		out[n] = found;
		if (n > 0)
			scan_records(&parts, n, &redfish, &ignored, &skipped, why);
		if (n_redfish)
			decode_redfish(redfish, &out[n]);
	}
	return (int)n;
}

int smbios42_decode(const uint8_t *data, size_t length, struct smbios42 *out, const char **why)
{
	int r = smbios42_decode_all(data, length, out, 1, why);

	return r < 0 ? r : 0;
}

size_t smbios42_walk(
	const uint8_t *table, size_t length, struct smbios42 *out, size_t max, unsigned int *bad)
{
	size_t kept = 0, offset = 0, size;
	const uint8_t *start;

	*bad = 0;
	while (kept < max && dmi_walk_find(table, length, DMI_TYPE_HOST_INTERFACE, &offset, &start,
				     &size) == 0) {
		const char *why;
		int r = smbios42_decode_all(start, size, out + kept, max - kept, &why);

		if (r > 0)
			kept += (size_t)r;
		else if (r == -EBADMSG)
			(*bad)++;
	}
	return kept;
}

const char *smbios42_assignment_name(enum smbios42_assignment assignment)
{
	static const char *const names[] = {"unknown", "static", "dhcp", "auto", "host-selected"};

	return (unsigned int)assignment < ARRAY_SIZE(names) ? names[assignment] : names[0];
}
