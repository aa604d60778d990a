/* SPDX-License-Identifier: Apache-2.0 */
/* The type 42 decoder: protocol records and their addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "smbios42_build.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_hostname),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
