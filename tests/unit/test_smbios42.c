/* SPDX-License-Identifier: Apache-2.0 */
/* The type 42 decoder: shapes as machines publish them, and made structures for what none has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "smbios42_build.h"
#include "smbios_sample.h"

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

/* clang-format off */
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
} sample_rows[] = {
	{"dell_r740", .handle = 0x2a00, .device = SMBIOS42_USB_V1, .vendor = 0x413c,
		.product = 0xa102, .uuid = "00000000-0000-0000-0000-000000000000",
		.host_assign = SMBIOS42_ASSIGN_DHCP,
		.service_assign = SMBIOS42_ASSIGN_STATIC, .service = "169.254.2.2",
		.service_prefix = 24, .hostname = "idrac.local"},
	{"lenovo_xcc", .handle = 0x00d0, .device = SMBIOS42_USB_V1, .vendor = 0x04b3,
		.product = 0x4010, .uuid = "a4b13f22-d0f3-11ea-aca9-e5b8d327f39f",
		.host_assign = SMBIOS42_ASSIGN_STATIC, .host = "169.254.95.120",
		.host_prefix = 16, .service_assign = SMBIOS42_ASSIGN_STATIC,
		.service = "169.254.95.118", .service_prefix = 16, .hostname = "garamond"},
	{"supermicro", .handle = 0x007d, .device = SMBIOS42_USB_V1, .vendor = 0x0b1f,
		.product = 0x03ee, .uuid = "c95cab2a-6de0-45f4-8b3b-726c3794b26b",
		.host_assign = SMBIOS42_ASSIGN_AUTO, .host = "169.254.3.1",
		.host_prefix = 24, .service_assign = SMBIOS42_ASSIGN_AUTO,
		.service = "169.254.3.254", .service_prefix = 24,
		.hostname = "169.254.3.254"},
	{"usbv2_v13", .handle = 0x0004, .device = SMBIOS42_USB_V2, .vendor = 0x0d28,
		.product = 0x0204, .mac = "724577aaf787",
		.uuid = "d53c5478-bbd5-8d40-94db-0836e2c0f01e", .bootstrap = true,
		.bootstrap_handle = 0xffff, .host_assign = SMBIOS42_ASSIGN_STATIC,
		.host = "192.168.122.9", .host_prefix = 24,
		.service_assign = SMBIOS42_ASSIGN_STATIC, .service = "192.168.122.10",
		.service_prefix = 24, .hostname = "192.168.122.10"},
};
/* clang-format on */

static void test_samples(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(sample_rows); i++) {
		uint8_t data[512], mac[6];
		struct smbios42 r;
		const char *why;
		size_t n = smbios_sample_read(sample_rows[i].sample, data, sizeof(data));

		print_message("%s\n", sample_rows[i].sample);
		assert_int_equal(decode_exact(data, n, &r, &why), 0);
		assert_int_equal(r.handle, sample_rows[i].handle);
		assert_int_equal(r.device, sample_rows[i].device);
		assert_int_equal(r.vendor, sample_rows[i].vendor);
		assert_int_equal(r.product, sample_rows[i].product);
		assert_int_equal(r.sub_vendor | r.sub_device, 0);
		assert_int_equal(r.has_mac, sample_rows[i].mac != NULL);
		if (sample_rows[i].mac) {
			text_parse_hex(sample_rows[i].mac, mac, 6);
			assert_memory_equal(r.mac, mac, 6);
		}
		assert_false(r.has_location);
		assert_string_equal(r.serial, "");
		assert_int_equal(r.bootstrap_by_ipmi, sample_rows[i].bootstrap);
		assert_int_equal(r.bootstrap_handle, sample_rows[i].bootstrap_handle);
		assert_true(r.has_redfish);
		check_uuid(&r, sample_rows[i].uuid);
		check_address(&r.host, sample_rows[i].host_assign, sample_rows[i].host,
			sample_rows[i].host_prefix);
		check_address(&r.service, sample_rows[i].service_assign, sample_rows[i].service,
			sample_rows[i].service_prefix);
		assert_int_equal(r.port, 443);
		assert_int_equal(r.vlan, 0);
		assert_string_equal(r.hostname, sample_rows[i].hostname);
		assert_int_equal(r.skipped_records, 0);
	}
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
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
