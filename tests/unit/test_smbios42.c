/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type 42 decoder: four shapes as machines publish them, made structures for what no sample
 * has, and every truncation and single-byte change of each. Buffers are of the exact size, so that
 * the address sanitizer sees any read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "host/discover/smbios42.h"

static const char *const samples[] = {"dell_r740", "lenovo_xcc", "supermicro", "usbv2_v13"};

static size_t read_sample(const char *name, uint8_t *data, size_t size)
{
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), TEST_DATA "/smbios42/%s.raw", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(data, 1, size, f);
	fclose(f);
	assert_true(n > 0 && n < size);
	return n;
}

/* Decode from a buffer that ends where the data ends. */
static int decode_exact(const uint8_t *data, size_t length, struct smbios42 *out, const char **why)
{
	uint8_t *exact = malloc(length ? length : 1);
	int r;

	memcpy(exact, data, length);
	r = smbios42_decode(length ? exact : exact + 1, length, out, why);
	free(exact);
	return r;
}

static void check_address(const struct smbios42_address *address,
	enum smbios42_assignment assignment, const char *text, unsigned int prefix)
{
	char found[INET6_ADDRSTRLEN] = "";

	assert_int_equal(address->assignment, assignment);
	assert_int_equal(address->present, text != NULL);
	if (!text)
		return;
	inet_ntop(address->family,
		address->family == AF_INET ? (const void *)&address->ipv4
					   : (const void *)&address->ipv6,
		found, sizeof(found));
	assert_string_equal(found, text);
	assert_int_equal(address->prefix, prefix);
}

static void check_uuid(const struct smbios42 *record, const char *text)
{
	uint8_t wanted[16];
	char plain[33];
	size_t n = 0;

	for (const char *s = text; *s; s++)
		if (*s != '-')
			plain[n++] = *s;
	plain[n] = '\0';
	assert_int_equal(text_parse_hex(plain, wanted, 16), 0);
	assert_memory_equal(record->uuid, wanted, 16);
}

static void test_samples(void **state)
{
	static const struct {
		const char *sample;
		uint16_t handle;
		enum smbios42_device device;
		uint16_t vendor, product;
		const char *mac, *uuid;
		bool bootstrap;
		uint16_t bootstrap_handle;
		enum smbios42_assignment host_assign;
		const char *host;
		unsigned int host_prefix;
		enum smbios42_assignment service_assign;
		const char *service;
		unsigned int service_prefix;
		const char *hostname;
	} rows[] = {
		{"dell_r740",  0x2a00, SMBIOS42_USB_V1, 0x413c, 0xa102, NULL,
			"00000000-0000-0000-0000-000000000000", false, 0,	  SMBIOS42_ASSIGN_DHCP,
			NULL,											   0,	 SMBIOS42_ASSIGN_STATIC, "169.254.2.2",	24, "idrac.local"	 },
		{"lenovo_xcc", 0x00d0, SMBIOS42_USB_V1, 0x04b3, 0x4010, NULL,
			"a4b13f22-d0f3-11ea-aca9-e5b8d327f39f", false, 0,	  SMBIOS42_ASSIGN_STATIC,
			"169.254.95.120",									       16, SMBIOS42_ASSIGN_STATIC, "169.254.95.118", 16,
			"garamond"																			},
		{"supermicro", 0x007d, SMBIOS42_USB_V1, 0x0b1f, 0x03ee, NULL,
			"c95cab2a-6de0-45f4-8b3b-726c3794b26b", false, 0,	  SMBIOS42_ASSIGN_AUTO,
			"169.254.3.1",										  24, SMBIOS42_ASSIGN_AUTO,	 "169.254.3.254",  24,
			"169.254.3.254"																		   },
		{"usbv2_v13",  0x0004, SMBIOS42_USB_V2, 0x0d28, 0x0204, "724577aaf787",
			"d53c5478-bbd5-8d40-94db-0836e2c0f01e", true,  0xffff,
			SMBIOS42_ASSIGN_STATIC,							"192.168.122.9", 24, SMBIOS42_ASSIGN_STATIC,
			"192.168.122.10",															     24, "192.168.122.10"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t data[512], mac[6];
		struct smbios42 r;
		const char *why;
		size_t n = read_sample(rows[i].sample, data, sizeof(data));

		print_message("%s\n", rows[i].sample);
		assert_int_equal(decode_exact(data, n, &r, &why), 0);
		assert_int_equal(r.handle, rows[i].handle);
		assert_int_equal(r.device, rows[i].device);
		assert_int_equal(r.vendor, rows[i].vendor);
		assert_int_equal(r.product, rows[i].product);
		assert_int_equal(r.sub_vendor | r.sub_device, 0);
		assert_int_equal(r.has_mac, rows[i].mac != NULL);
		if (rows[i].mac) {
			text_parse_hex(rows[i].mac, mac, 6);
			assert_memory_equal(r.mac, mac, 6);
		}
		assert_false(r.has_location);
		assert_string_equal(r.serial, "");
		assert_int_equal(r.bootstrap_by_ipmi, rows[i].bootstrap);
		assert_int_equal(r.bootstrap_handle, rows[i].bootstrap_handle);
		assert_true(r.has_redfish);
		check_uuid(&r, rows[i].uuid);
		check_address(&r.host, rows[i].host_assign, rows[i].host, rows[i].host_prefix);
		check_address(&r.service, rows[i].service_assign, rows[i].service,
			rows[i].service_prefix);
		assert_int_equal(r.port, 443);
		assert_int_equal(r.vlan, 0);
		assert_string_equal(r.hostname, rows[i].hostname);
		assert_int_equal(r.skipped_records, 0);
	}
}

/* --- made structures --- */

struct build {
	uint8_t data[600];
	size_t length;
};

static void add(struct build *b, const void *bytes, size_t length)
{
	assert_true(b->length + length <= sizeof(b->data));
	memcpy(b->data + b->length, bytes, length);
	b->length += length;
}

static void begin(struct build *b, const void *device, size_t length, uint8_t n_records)
{
	const uint8_t head[] = {42, 0, 0x34, 0x12, 0x40, (uint8_t)length};

	b->length = 0;
	add(b, head, sizeof(head));
	add(b, device, length);
	add(b, &n_records, 1);
}

struct address {
	uint8_t assignment, format;
	const char *text, *mask;
};

static void put_address(uint8_t *data, const struct address *address)
{
	int family = address->format == 2 ? AF_INET6 : AF_INET;

	data[0] = address->assignment;
	data[1] = address->format;
	if (address->text)
		assert_int_equal(inet_pton(family, address->text, data + 2), 1);
	if (address->mask)
		assert_int_equal(inet_pton(family, address->mask, data + 18), 1);
}

static void add_redfish(struct build *b, const struct address *host, const struct address *service,
	uint16_t port, uint32_t vlan, const char *name)
{
	uint8_t record[2 + 91] = {4, (uint8_t)(91 + strlen(name))};

	put_address(record + 2 + 16, host);
	put_address(record + 2 + 50, service);
	record[2 + 84] = (uint8_t)port;
	record[2 + 85] = (uint8_t)(port >> 8);
	for (int i = 0; i < 4; i++)
		record[2 + 86 + i] = (uint8_t)(vlan >> 8 * i);
	record[2 + 90] = (uint8_t)strlen(name);
	add(b, record, sizeof(record));
	add(b, name, strlen(name));
}

/* Formatted area ends; strings is what follows, with its NULs. */
static void finish(struct build *b, const char *strings, size_t length)
{
	assert_true(b->length < 256);
	b->data[1] = (uint8_t)b->length;
	add(b, strings, length);
}

static const uint8_t usb_v1[] = {2, 0x3c, 0x41, 0x02, 0xa1, 2, 3};
static const struct address host4 = {1, 1, "169.254.1.2", "255.255.255.0"};
static const struct address service4 = {1, 1, "169.254.1.1", "255.255.255.0"};

static void decode_build(const struct build *b, struct smbios42 *out)
{
	const char *why = "";
	int r = decode_exact(b->data, b->length, out, &why);

	if (r)
		fail_msg("%d: %s", r, why);
}

static void test_usb_v1_serial(void **state)
{
	static const struct {
		uint8_t descriptor[16];
		size_t length;
		const char *serial;
	} rows[] = {
		{{6, 3, 'A', 0, '1', 0},			 6, "A1"			},
		{{8, 3, 0xe9, 0, 0x34, 0xd8, 0x1e, 0xdd}, 8, "\xc3\xa9\xf0\x9d\x84\x9e"},
		{{6, 3, 0x34, 0xd8, 'x', 0},		     6, "?x"			    }, /* half a pair */
		{{4, 3, 0x1b, 0},			  4, "?"			}, /* escape */
		{{8, 3, 'A', 0},				 4, ""			      }, /* longer than there is */
		{{6, 4, 'A', 0, 'B', 0},			 6, ""			      }, /* another descriptor */
		{{5, 3, 'A', 0, 'B'},		      5, "A"			    }, /* odd */
		{{0},				     1, ""			   },
		{{0},				     0, ""			   },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t device[32] = {2, 0x3c, 0x41, 0x02, 0xa1};
		struct smbios42 r;
		struct build b;

		memcpy(device + 5, rows[i].descriptor, rows[i].length);
		begin(&b, device, 5 + rows[i].length, 0);
		finish(&b, "\0", 2);
		decode_build(&b, &r);
		assert_string_equal(r.serial, rows[i].serial);
		assert_int_equal(r.product, 0xa102);
		assert_false(r.has_redfish);
	}
}

static void test_pci_v1(void **state)
{
	static const uint8_t device[] = {3, 0xe4, 0x14, 0x5f, 0x16, 0x28, 0x10, 0xa6, 0x08};
	struct smbios42 r;
	struct build b;

	begin(&b, device, sizeof(device), 1);
	add_redfish(&b, &host4, &service4, 8443, 42, "bmc");
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_int_equal(r.handle, 0x1234);
	assert_int_equal(r.device, SMBIOS42_PCI_V1);
	assert_int_equal(r.vendor, 0x14e4);
	assert_int_equal(r.product, 0x165f);
	assert_int_equal(r.sub_vendor, 0x1028);
	assert_int_equal(r.sub_device, 0x08a6);
	assert_false(r.has_mac);
	assert_int_equal(r.port, 8443);
	assert_int_equal(r.vlan, 42);
	assert_string_equal(r.hostname, "bmc");
}

static void test_pci_v2(void **state)
{
	uint8_t device[] = {5, 0x18, 0xe4, 0x14, 0x5f, 0x16, 0x28, 0x10, 0xa6, 0x08, 2, 0, 0, 0, 0,
		1, 0x02, 0x01, 0x3b, 0x09, 1, 0, 0x26, 0};
	struct smbios42 r;
	struct build b;

	begin(&b, device, sizeof(device), 0);
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_int_equal(r.device, SMBIOS42_PCI_V2);
	assert_int_equal(r.sub_device, 0x08a6);
	assert_true(r.has_mac);
	assert_memory_equal(r.mac, "\2\0\0\0\0\1", 6);
	assert_true(r.has_location);
	assert_int_equal(r.pci_segment, 0x0102);
	assert_int_equal(r.pci_bus, 0x3b);
	assert_int_equal(r.pci_devfn, 0x09);
	assert_true(r.bootstrap_by_ipmi);
	assert_int_equal(r.bootstrap_handle, 0x26);

	device[1] = 0x14; /* DSP0270 1.1 and 1.2: the last two fields are not there */
	begin(&b, device, 0x14, 0);
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_true(r.has_location);
	assert_false(r.bootstrap_by_ipmi);
	assert_int_equal(r.bootstrap_handle, 0);

	begin(&b, device, sizeof(device), 0); /* bytes there, but not counted by the descriptor */
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_false(r.bootstrap_by_ipmi);
}

static void test_usb_v2(void **state)
{
	uint8_t device[] = {4, 0x0d, 0x25, 0x05, 0xa2, 0xa4, 2, 2, 0, 0, 0, 0, 9};
	struct smbios42 r;
	struct build b;

	begin(&b, device, sizeof(device), 0);
	finish(&b, "first\0se\x1brial\0", 15);
	decode_build(&b, &r);
	assert_int_equal(r.vendor, 0x0525);
	assert_int_equal(r.product, 0xa4a2);
	assert_string_equal(r.serial, "se?rial");
	assert_true(r.has_mac);
	assert_false(r.bootstrap_by_ipmi);

	finish(&b, "", 0); /* the formatted area now holds what were strings: none follow */
	decode_build(&b, &r);
	assert_string_equal(r.serial, "");

	device[6] = 3; /* no such string */
	begin(&b, device, sizeof(device), 0);
	finish(&b, "first\0second\0", 14);
	decode_build(&b, &r);
	assert_string_equal(r.serial, "");

	device[6] = 2; /* a string that does not end */
	begin(&b, device, sizeof(device), 0);
	finish(&b, "first\0second", 12);
	decode_build(&b, &r);
	assert_string_equal(r.serial, "");

	device[7] = 0xff; /* a group address is nobody's */
	begin(&b, device, sizeof(device), 0);
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_false(r.has_mac);
	assert_memory_equal(r.mac, "\0\0\0\0\0\0", 6);
}

static void test_other_devices(void **state)
{
	static const uint8_t oem[] = {0x80, 0, 0, 0x1d, 0x4c, 1, 2, 3};
	static const uint8_t unknown[] = {0x06, 1, 2, 3, 4, 5, 6, 7, 8};
	struct smbios42 r;
	struct build b;

	begin(&b, oem, sizeof(oem), 1);
	add_redfish(&b, &host4, &service4, 443, 0, "");
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_int_equal(r.device, SMBIOS42_DEVICE_OEM);
	assert_int_equal(r.vendor | r.product, 0);
	check_address(&r.service, SMBIOS42_ASSIGN_STATIC, "169.254.1.1", 24);

	begin(&b, unknown, sizeof(unknown), 1);
	add_redfish(&b, &host4, &service4, 443, 0, "x");
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_int_equal(r.device, SMBIOS42_DEVICE_NONE);
	assert_true(r.has_redfish);
}

static void test_addresses(void **state)
{
	static const struct {
		struct address host, service;
		const char *host_text, *service_text;
		unsigned int host_prefix, service_prefix;
		enum smbios42_assignment host_assign;
	} rows[] = {
		{{3, 2, "fe80::2", "ffff:ffff:ffff:ffff::"},
			{1, 2, "fde1:53ba:e9a0:de11::1", "ffff:ffff:ffff:ffff::"},			   "fe80::2",
			"fde1:53ba:e9a0:de11::1",										  64, 64,  SMBIOS42_ASSIGN_AUTO   },
		{{1, 1, "10.0.1.2", "255.255.255.252"},	{1, 2, "fe80::1", NULL},		 "10.0.1.2",
			"fe80::1",												 30, 128, SMBIOS42_ASSIGN_STATIC },
		{{4, 0, NULL, NULL},			     {1, 1, "10.0.1.1", "255.0.255.0"},	NULL,	      "10.0.1.1", 0,  32,
			SMBIOS42_ASSIGN_HOST_SELECTED													      },
		{{0, 1, NULL, NULL},			     {2, 1, NULL, NULL},			 NULL,       NULL,	     0,	0,   SMBIOS42_ASSIGN_UNKNOWN},
		{{9, 7, "1.2.3.4", NULL},			  {1, 1, "10.0.0.1", "255.255.255.255"}, NULL,       "10.0.0.1",
			0,													     32,  SMBIOS42_ASSIGN_UNKNOWN},
		{{1, 1, "10.0.0.2", "128.0.0.0"},		  {1, 1, "10.0.0.1", "0.0.0.1"},	 "10.0.0.2",
			"10.0.0.1",												1,  32,  SMBIOS42_ASSIGN_STATIC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smbios42 r;
		struct build b;

		begin(&b, usb_v1, sizeof(usb_v1), 1);
		add_redfish(&b, &rows[i].host, &rows[i].service, 443, UINT32_MAX, "");
		finish(&b, "\0", 2);
		decode_build(&b, &r);
		check_address(&r.host, rows[i].host_assign, rows[i].host_text, rows[i].host_prefix);
		assert_int_equal(r.service.present, rows[i].service_text != NULL);
		if (rows[i].service_text)
			check_address(&r.service, r.service.assignment, rows[i].service_text,
				rows[i].service_prefix);
		assert_int_equal(r.vlan, 0);
	}
}

static void test_records(void **state)
{
	static const uint8_t ipmi[] = {2, 1, 0x20}, oem[] = {0xf0, 0}, brief[] = {4, 3, 1, 2, 3};
	static const struct address link_local = {1, 2, "fe80::1", "ffff:ffff:ffff:ffff::"};
	static const struct address auto6 = {3, 2, NULL, NULL};
	struct smbios42 r, all[4];
	const char *why;
	struct build b;

	begin(&b, usb_v1, sizeof(usb_v1), 4);
	add(&b, ipmi, sizeof(ipmi));
	add(&b, brief, sizeof(brief)); /* a Redfish record too short to be one */
	add_redfish(&b, &host4, &service4, 443, 0, "a\0b");
	add(&b, oem, sizeof(oem));
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_true(r.has_redfish);
	assert_int_equal(r.skipped_records, 3);
	assert_string_equal(r.hostname, "a");

	begin(&b, usb_v1, sizeof(usb_v1), 2); /* an IPv4 and an IPv6 record, one structure */
	add_redfish(&b, &host4, &service4, 443, 0, "");
	add_redfish(&b, &auto6, &link_local, 8443, 0, "six");
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_int_equal(r.skipped_records, 1);
	assert_int_equal(smbios42_decode_all(b.data, b.length, all, 4, &why), 2);
	check_address(&all[0].service, SMBIOS42_ASSIGN_STATIC, "169.254.1.1", 24);
	check_address(&all[1].service, SMBIOS42_ASSIGN_STATIC, "fe80::1", 64);
	assert_int_equal(all[1].vendor, 0x413c);
	assert_int_equal(all[1].port, 8443);
	assert_string_equal(all[1].hostname, "six");
	assert_int_equal(smbios42_decode_all(b.data, b.length, all, 1, &why), 1);
}

static void test_hostname(void **state)
{
	struct smbios42 r;
	struct build b;

	begin(&b, usb_v1, sizeof(usb_v1), 1);
	add_redfish(&b, &host4, &service4, 443, 0, "evil\nname");
	b.data[13 + 1 + 2 + 90] = 200; /* longer than the record: what is there is taken */
	finish(&b, "\0", 2);
	decode_build(&b, &r);
	assert_string_equal(r.hostname, "evil?name");
}

static void test_not_well_formed(void **state)
{
	static const struct {
		uint8_t data[16];
		size_t length;
		int result;
	} rows[] = {
		{{0},				    0,	 -EBADMSG},
		{{42, 9, 0, 0, 0x40, 1, 2},		    7,  -EBADMSG},
		{{41, 9, 0, 0, 0x40, 1, 2, 0, 0},	  9,  -EBADMSG},
		{{42, 5, 0, 0, 0x40, 0, 0, 0, 0},	  9,  -EBADMSG},
		{{42, 9, 0, 0, 0x40, 0, 0, 0, 0},	  9,  -EBADMSG}, /* no device type */
		{{42, 9, 0, 0, 0x40, 4, 2, 0, 0},	  9,  -EBADMSG}, /* data beyond the end */
		{{42, 9, 0, 0, 0x40, 3, 2, 0, 0},	  9,  -EBADMSG}, /* no room for ids */
		{{42, 9, 0, 0, 0x40, 1, 6, 1, 2},	  9,  -EBADMSG}, /* half a record */
		{{42, 11, 0, 0, 0x40, 1, 6, 1, 2, 2, 0}, 11, -EBADMSG}, /* record too long */
		{{42, 16, 0, 0, 0xf0, 255, 1},	       16, -ENOTSUP},
		{{42, 9, 0, 0, 0x02, 3, 1, 2, 3},	  9,  -ENOTSUP},
		{{42, 7, 0, 0, 0x40, 1, 6},		    7,  0	}, /* no count of records */
		{{42, 9, 0, 0, 0x40, 1, 6, 0, 0},	  9,  0	      },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smbios42 out, before;
		const char *why = NULL;

		memset(&out, 0x5a, sizeof(out));
		before = out;
		assert_int_equal(
			decode_exact(rows[i].data, rows[i].length, &out, &why), rows[i].result);
		assert_non_null(why);
		if (rows[i].result)
			assert_memory_equal(&out, &before, sizeof(out));
		if (rows[i].result == -EBADMSG)
			assert_true(why[0]);
	}
}

static void check_sane(const struct smbios42 *r)
{
	assert_true(memchr(r->serial, 0, sizeof(r->serial)) != NULL);
	assert_true(memchr(r->hostname, 0, sizeof(r->hostname)) != NULL);
	assert_true(text_is_printable(r->hostname, sizeof(r->hostname)));
	assert_true(text_is_printable(r->serial, sizeof(r->serial)));
	assert_true(r->host.assignment <= SMBIOS42_ASSIGN_HOST_SELECTED);
	assert_true(r->host.prefix <= 128 && r->service.prefix <= 128);
	assert_true(!r->host.present || r->host.family != AF_UNSPEC);
	assert_true(!r->service.present || r->service.family != AF_UNSPEC);
	assert_true(r->vlan != UINT32_MAX);
	assert_false(r->has_mac && (r->mac[0] & 1));
}

static void test_truncations(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		uint8_t data[512];
		struct smbios42 r;
		const char *why;
		size_t n = read_sample(samples[i], data, sizeof(data));

		for (size_t cut = 0; cut <= n; cut++) {
			int answer = decode_exact(data, cut, &r, &why);

			assert_int_equal(answer, cut < data[1] ? -EBADMSG : 0);
			if (answer == 0)
				check_sane(&r);
		}
		for (size_t cut = 0; cut < data[1]; cut++) { /* the length field shrinks as well */
			uint8_t saved = data[1];

			data[1] = (uint8_t)cut;
			if (decode_exact(data, cut, &r, &why) == 0)
				check_sane(&r);
			data[1] = saved;
		}
	}
}

static void test_changed_bytes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		uint8_t data[512];
		size_t n = read_sample(samples[i], data, sizeof(data));

		for (size_t at = 0; at < n; at++) {
			uint8_t saved = data[at];

			for (unsigned int value = 0; value < 256; value++) {
				struct smbios42 r;
				const char *why = NULL;
				int answer;

				data[at] = (uint8_t)value;
				answer = decode_exact(data, n, &r, &why);
				assert_true(
					answer == 0 || answer == -EBADMSG || answer == -ENOTSUP);
				if (answer == 0)
					check_sane(&r);
			}
			data[at] = saved;
		}
	}
}

/* --- whole tables --- */

static size_t append(uint8_t *table, size_t at, const void *bytes, size_t length)
{
	memcpy(table + at, bytes, length);
	return at + length;
}

static size_t walk_exact(
	const uint8_t *table, size_t length, struct smbios42 *out, size_t max, unsigned int *bad)
{
	uint8_t *exact = malloc(length ? length : 1);
	size_t n;

	memcpy(exact, table, length);
	n = smbios42_walk(length ? exact : exact + 1, length, out, max, bad);
	free(exact);
	return n;
}

static size_t make_table(uint8_t *table)
{
	static const uint8_t first[] = {0, 6, 0, 0, 1, 2, 'v', 'e', 'n', 0, 'x', 0, 0};
	static const uint8_t oem[] = {42, 16, 1, 0, 0xf0, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t broken[] = {42, 9, 2, 0, 0x40, 200, 2, 3, 4, 0, 0};
	static const uint8_t end[] = {127, 4, 9, 0, 0, 0};
	uint8_t data[512];
	size_t n;

	n = append(table, 0, first, sizeof(first));
	n = append(table, n, oem, sizeof(oem));
	n = append(table, n, data, read_sample("dell_r740", data, sizeof(data)));
	n = append(table, n, broken, sizeof(broken));
	n = append(table, n, data, read_sample("usbv2_v13", data, sizeof(data)));
	n = append(table, n, end, sizeof(end));
	return append(table, n, data, read_sample("lenovo_xcc", data, sizeof(data)));
}

static void test_walk(void **state)
{
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	uint8_t table[2048];
	unsigned int bad;
	size_t n = make_table(table);

	assert_int_equal(walk_exact(table, n, found, SMBIOS42_MAX_FOUND, &bad), 2);
	assert_int_equal(bad, 1);
	assert_int_equal(found[0].vendor, 0x413c);
	assert_int_equal(found[1].vendor, 0x0d28);
	assert_int_equal(walk_exact(table, n, found, 1, &bad), 1);
	assert_int_equal(walk_exact(table, 0, found, 1, &bad), 0);
}

static void test_walk_hostile(void **state)
{
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	uint8_t table[2048];
	unsigned int bad;
	size_t n = make_table(table);

	for (size_t cut = 0; cut <= n; cut++)
		assert_true(walk_exact(table, cut, found, SMBIOS42_MAX_FOUND, &bad) <= 2);
	for (size_t at = 0; at < n; at++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			size_t kept;

			table[at] ^= (uint8_t)(1u << bit);
			kept = walk_exact(table, n, found, SMBIOS42_MAX_FOUND, &bad);
			assert_true(kept <= SMBIOS42_MAX_FOUND);
			for (size_t i = 0; i < kept; i++)
				check_sane(&found[i]);
			table[at] ^= (uint8_t)(1u << bit);
		}
	}
}

static void test_random(void **state)
{
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	unsigned int bad;

	srand(42);
	for (int round = 0; round < 20000; round++) {
		uint8_t data[256];
		size_t n = (size_t)(rand() % (int)sizeof(data));
		size_t kept;

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(rand() % 3 ? rand() % 12 : rand());
		if (n > 6) {
			data[0] = 42;
			data[4] = 0x40;
		}
		kept = walk_exact(data, n, found, SMBIOS42_MAX_FOUND, &bad);
		for (size_t i = 0; i < kept; i++)
			check_sane(&found[i]);
	}
}

static void test_names(void **state)
{
	assert_string_equal(smbios42_assignment_name(SMBIOS42_ASSIGN_STATIC), "static");
	assert_string_equal(smbios42_assignment_name(SMBIOS42_ASSIGN_DHCP), "dhcp");
	assert_string_equal(smbios42_assignment_name(SMBIOS42_ASSIGN_AUTO), "auto");
	assert_string_equal(
		smbios42_assignment_name(SMBIOS42_ASSIGN_HOST_SELECTED), "host-selected");
	assert_string_equal(smbios42_assignment_name((enum smbios42_assignment)77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_usb_v1_serial),
		cmocka_unit_test(test_pci_v1),
		cmocka_unit_test(test_pci_v2),
		cmocka_unit_test(test_usb_v2),
		cmocka_unit_test(test_other_devices),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_hostname),
		cmocka_unit_test(test_not_well_formed),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_changed_bytes),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_walk_hostile),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
