/* SPDX-License-Identifier: Apache-2.0 */
/* The privileged side's facts from SMBIOS: single entries, the whole table, and damage to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "facts_tree.h"
#include "host/discover/dmi_walk.h"
#include "smbios_sample.h"

static size_t read_devices(const struct facts_roots *from, struct facts_device *devices, size_t max)
{
	size_t n;

	assert_int_equal(facts_read_devices(from, devices, max, &n), 0);
	return n;
}

static void test_dmi_entries(void **state)
{
	static const uint8_t oem[] = {42, 16, 0, 0, 0xf0, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0};
	struct facts_device devices[4];
	uint8_t dell[512], *data = NULL;
	size_t n = smbios_sample_read("dell_r740", dell, sizeof(dell)), length;
	bool whole = true;

	put("sys/firmware/dmi/entries/42-0/raw", oem, sizeof(oem));
	put("sys/firmware/dmi/entries/42-1/raw", dell, n);
	put("sys/firmware/dmi/tables/DMI", "never read", 10);
	assert_int_equal(dmi_read_entry(&roots, 1, &data, &length, &whole), 0);
	assert_false(whole);
	assert_int_equal(length, n);
	assert_true(memcmp(data, dell, n) == 0);
	free(data);
	assert_int_equal(dmi_read_entry(&roots, 2, &data, &length, &whole), -ENOENT);
	assert_int_equal(read_devices(&roots, devices, 4), 1);
	assert_int_equal(devices[0].bus, PLAN_BUS_USB);
	assert_int_equal(devices[0].vendor, 0x413c);
	assert_int_equal(devices[0].product, 0xa102);
}

static void test_dmi_no_type42(void **state)
{
	uint8_t *data;
	size_t length;
	bool whole;

	put("sys/firmware/dmi/entries/1-0/raw", "x", 1);
	put("sys/firmware/dmi/tables/DMI", "never read", 10);
	assert_int_equal(dmi_read_entry(&roots, 0, &data, &length, &whole), -ENOENT);
}

static void test_dmi_table(void **state)
{
	static const uint8_t first[] = {1, 4, 0, 0, 'x', 0, 0};
	const struct facts_roots by_dmi = {"/nowhere", dmi_root, NULL};
	struct facts_device devices[4];
	uint8_t table[2048], *data;
	size_t n = 0, length;
	bool whole = false;

	memcpy(table, first, sizeof(first));
	n = sizeof(first);
	n += smbios_sample_read("lenovo_xcc", table + n, sizeof(table) - n);
	n += smbios_sample_read("usbv2_v13", table + n, sizeof(table) - n);
	memcpy(table + n, "\x7f\4\0\0\0\0", 6);
	n += 6;
	n += smbios_sample_read("dell_r740", table + n, sizeof(table) - n); /* behind the end */
	put("sys/firmware/dmi/tables/DMI", table, n);

	assert_int_equal(dmi_read_entry(&by_dmi, 0, &data, &length, &whole), 0);
	assert_true(whole);
	assert_int_equal(length, n);
	free(data);
	assert_int_equal(dmi_read_entry(&by_dmi, 1, &data, &length, &whole), -ENOENT);
	assert_int_equal(read_devices(&by_dmi, devices, 4), 2);
	assert_int_equal(devices[0].vendor, 0x04b3);
	assert_int_equal(devices[1].vendor, 0x0d28);
	assert_int_equal(read_devices(&by_dmi, devices, 1), 1);
}

static void test_dmi_too_long(void **state)
{
	uint8_t *big = calloc(1, FACTS_MAX_STRUCTURE + 1), *data;
	size_t length;
	bool whole;

	put("sys/firmware/dmi/entries/42-0/raw", big, FACTS_MAX_STRUCTURE + 1);
	assert_int_equal(dmi_read_entry(&roots, 0, &data, &length, &whole), -EFBIG);
	put("sys/firmware/dmi/entries/42-0/raw", big, FACTS_MAX_STRUCTURE);
	assert_int_equal(dmi_read_entry(&roots, 0, &data, &length, &whole), 0);
	assert_int_equal(length, FACTS_MAX_STRUCTURE);
	free(data);
	free(big);
}

static void test_get_device(void **state)
{
	static const char *const names[] = {"dell_r740", "lenovo_xcc", "supermicro", "usbv2_v13"};
	static const uint16_t ids[][2] = {
		{0x413c, 0xa102},
		  {0x04b3, 0x4010},
		    {0x0b1f, 0x03ee},
		      {0x0d28, 0x0204}
	      };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct facts_device device;
		uint8_t data[512];
		size_t n = smbios_sample_read(names[i], data, sizeof(data));

		assert_int_equal(facts_get_device(data, n, &device), 0);
		assert_int_equal(device.bus, PLAN_BUS_USB);
		assert_int_equal(device.vendor, ids[i][0]);
		assert_int_equal(device.product, ids[i][1]);
		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *exact = malloc(cut ? cut : 1);

			memcpy(exact, data, cut);
			assert_int_equal(facts_get_device(exact, cut, &device),
				cut < data[1] ? -EBADMSG : 0);
			free(exact);
		}
		data[4] = 0xf0;
		assert_int_equal(facts_get_device(data, n, &device), -ENOTSUP);
		data[4] = 0x40;
		data[6] = 0x81;
		assert_int_equal(facts_get_device(data, n, &device), -ENOTSUP);
		data[6] = SMBIOS42_PCI_V2;
		data[5] = 5;
		assert_int_equal(facts_get_device(data, n, &device), -EBADMSG);
		data[5] = 0xff;
		assert_int_equal(facts_get_device(data, n, &device), -EBADMSG);
	}
}

static void test_walk_hostile(void **state)
{
	static const uint8_t rows[][8] = {
		{42, 3, 0, 0, 0,	 0, 0,   0}, /* shorter than its header */
		{42, 9, 0, 0, 0,	 0, 0,   0}, /* longer than the table */
		{42, 4, 0, 0, 'a', 0, 'b', 0}  /* strings that do not end */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *exact = malloc(sizeof(rows[i]));
		size_t offset = 0, size;
		const uint8_t *start;

		memcpy(exact, rows[i], sizeof(rows[i]));
		assert_int_equal(
			dmi_walk_next(exact, sizeof(rows[i]), &offset, &start, &size), -EBADMSG);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dmi_entries, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dmi_no_type42, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dmi_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dmi_too_long, set_up, tear_down),
		cmocka_unit_test(test_get_device),
		cmocka_unit_test(test_walk_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
