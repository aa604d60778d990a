/* SPDX-License-Identifier: Apache-2.0 */
/* The privileged side's facts, read from prepared trees, and the rule which NIC may be claimed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "host/discover/dmi_walk.h"
#include "host/monitor/facts.h"

static char root[] = "/tmp/bmclink-facts-XXXXXX";
static char sys_root[64], run_root[64], dmi_root[64];
static const struct facts_roots roots = {sys_root, NULL, run_root};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **state)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(sys_root, sizeof(sys_root), "%s/sys", root);
	snprintf(run_root, sizeof(run_root), "%s/run", root);
	snprintf(dmi_root, sizeof(dmi_root), "%s/sys/firmware/dmi", root);
	return 0;
}

static int tear_down(void **state)
{
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write a file below the root, with the folders above it. */
static void put(const char *name, const void *data, size_t length)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, length), (ssize_t)length);
	close(fd);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void put_link(const char *target, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(symlink(target, path), 0);
}

/* A USB NIC as the kernel shows it: class/net/NAME/device is a link to the interface. */
static void put_usb_nic(
	const char *name, const char *ifindex, const char *vendor, const char *product)
{
	char path[256];

	put_text("sys/devices/usb1/1-1/idVendor", vendor);
	put_text("sys/devices/usb1/1-1/idProduct", product);
	put_text("sys/devices/usb1/1-1/1-1:1.0/bInterfaceNumber", "00\n");
	put_link("../../../../bus/usb", "sys/devices/usb1/1-1/1-1:1.0/subsystem");
	snprintf(path, sizeof(path), "sys/class/net/%s/ifindex", name);
	put_text(path, ifindex);
	snprintf(path, sizeof(path), "sys/class/net/%s/device", name);
	put_link("../../../devices/usb1/1-1/1-1:1.0", path);
}

static void test_usb_nic(void **state)
{
	struct plan_nic nic = {.ifindex = 7, .name = "idrac"};

	put_usb_nic("idrac", "7\n", "413c\n", "a102\n");
	assert_int_equal(sysfs_read_nic_facts(&roots, &nic), 0);
	assert_int_equal(nic.bus, PLAN_BUS_USB);
	assert_int_equal(nic.vendor, 0x413c);
	assert_int_equal(nic.product, 0xa102);
	assert_true(nic.udev_ready);
}

static void test_pci_nic(void **state)
{
	struct plan_nic nic = {.ifindex = 3, .name = "eno1"};

	put_text("sys/class/net/eno1/ifindex", "3\n");
	put_text("sys/devices/pci0/vendor", "0x14e4\n");
	put_text("sys/devices/pci0/device", "0x165f\n");
	put_link("../../bus/pci", "sys/devices/pci0/subsystem");
	put_link("../../../devices/pci0", "sys/class/net/eno1/device");
	assert_int_equal(sysfs_read_nic_facts(&roots, &nic), 0);
	assert_int_equal(nic.bus, PLAN_BUS_PCI);
	assert_int_equal(nic.vendor, 0x14e4);
	assert_int_equal(nic.product, 0x165f);
}

static void test_virtual_nic(void **state)
{
	struct plan_nic nic = {.ifindex = 4, .name = "veth0", .vendor = 1, .product = 2};

	put_text("sys/class/net/veth0/ifindex", "4\n");
	assert_int_equal(sysfs_read_nic_facts(&roots, &nic), 0);
	assert_int_equal(nic.bus, PLAN_BUS_OTHER);
	assert_int_equal(nic.vendor, 0);
	assert_int_equal(nic.product, 0);
}

/* A virtio NIC has vendor and device files too, but is on neither bus. */
static void test_other_bus(void **state)
{
	struct plan_nic nic = {.ifindex = 4, .name = "eth0"};

	put_text("sys/class/net/eth0/ifindex", "4\n");
	put_text("sys/devices/virtio0/vendor", "0x1af4\n");
	put_text("sys/devices/virtio0/device", "0x0001\n");
	put_link("../../bus/virtio", "sys/devices/virtio0/subsystem");
	put_link("../../../devices/virtio0", "sys/class/net/eth0/device");
	assert_int_equal(sysfs_read_nic_facts(&roots, &nic), 0);
	assert_int_equal(nic.bus, PLAN_BUS_OTHER);
	assert_int_equal(nic.vendor, 0);
}

static void test_bad_ids(void **state)
{
	static const char *const bad[] = {"", "xyz\n", "413c413c\n", "413c 1\n", "-1\n",
		"413ccccccccccccccccccccccccccccccccccccc\n"};

	put_usb_nic("bmc0", "7\n", "413c\n", "a102\n");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct plan_nic nic = {.ifindex = 7, .name = "bmc0"};

		put_text("sys/devices/usb1/1-1/idVendor", bad[i]);
		assert_int_equal(sysfs_read_nic_facts(&roots, &nic), 0);
		assert_int_equal(nic.bus, PLAN_BUS_OTHER);
		assert_int_equal(nic.vendor, 0);
	}
}

static void test_wrong_nic(void **state)
{
	struct plan_nic renamed = {.ifindex = 8, .name = "bmc0"};
	struct plan_nic gone = {.ifindex = 9, .name = "bmc1"};
	struct plan_nic hostile = {.ifindex = 7, .name = "../net/bmc0"};
	struct plan_nic unknown = {.ifindex = 0x7ffffff0};

	put_usb_nic("bmc0", "7\n", "413c\n", "a102\n");
	assert_int_equal(sysfs_read_nic_facts(&roots, &renamed), -ENODEV);
	assert_int_equal(sysfs_read_nic_facts(&roots, &gone), -ENODEV);
	assert_int_equal(sysfs_read_nic_facts(&roots, &hostile), -ENODEV);
	assert_int_equal(sysfs_read_nic_facts(&roots, &unknown), -ENODEV);
}

static void test_udev(void **state)
{
	static const struct {
		const char *data;
		bool ready;
	} rows[] = {
		{NULL,				       false},
		{"",					 false},
		{"E:ID_NET_NAME=idrac\n",			  false},
		{"E:X=\tI:1\n",				false},
		{"I:4711\nE:ID_NET_NAME=idrac\nG:systemd\n", true },
		{"S:x\nI:4711\n",				  true },
	};

	put_usb_nic("bmc0", "7\n", "413c\n", "a102\n");
	put_text("run/udev/control", "");
	put_text("run/udev/data/n8", "I:1\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan_nic nic = {.ifindex = 7, .name = "bmc0"};

		if (rows[i].data)
			put_text("run/udev/data/n7", rows[i].data);
		assert_int_equal(sysfs_read_nic_facts(&roots, &nic), 0);
		assert_int_equal(nic.udev_ready, rows[i].ready);
	}
}

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
	return n;
}

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
	size_t n = read_sample("dell_r740", dell, sizeof(dell)), length;
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
	n += read_sample("lenovo_xcc", table + n, sizeof(table) - n);
	n += read_sample("usbv2_v13", table + n, sizeof(table) - n);
	memcpy(table + n, "\x7f\4\0\0\0\0", 6);
	n += 6;
	n += read_sample("dell_r740", table + n, sizeof(table) - n); /* behind the end */
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
		size_t n = read_sample(names[i], data, sizeof(data));

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

static void test_allowed(void **state)
{
	static const struct facts_device gadget = {PLAN_BUS_USB, 0x0525, 0xa4a2};
	static const struct facts_device lom = {PLAN_BUS_PCI, 0x14e4, 0x165f};
	static const struct {
		const char *interface, *name;
		enum plan_bus bus;
		uint16_t vendor, product;
		const struct facts_device *device;
		bool allowed;
	} rows[] = {
	/* named by the configuration: that one, of whatever kind, and no other */
		{"bmc0",		 "bmc0", PLAN_BUS_OTHER, 0,	    0,      NULL,    true },
		{"bmc0",		 "bmc1", PLAN_BUS_USB,   0x413c, 0xa102, NULL,    false},
		{"",		     "",	 PLAN_BUS_OTHER, 0,	    0,      NULL,    false},
		{"usb:1234:abcd", "x",    PLAN_BUS_USB,   0x1234, 0xabcd, NULL,	   true },
		{"usb:1234:ABCD", "x",    PLAN_BUS_USB,   0x1234, 0xabcd, NULL,	   true },
		{"usb:1234:abcd", "x",    PLAN_BUS_PCI,   0x1234, 0xabcd, NULL,	   false},
		{"usb:1234:abcd", "x",    PLAN_BUS_USB,   0x413c, 0xa102, NULL,	   false},
		{"usb:1234:abcg", "x",    PLAN_BUS_USB,   0x1234, 0xabc0, NULL,	   false},
 /* auto: known ids, or named by type 42 */
		{"auto",		 "x",    PLAN_BUS_USB,   0x413c, 0xa102, NULL,	  true },
		{"auto",		 "x",    PLAN_BUS_PCI,   0x413c, 0xa102, NULL,	  false},
		{"auto",		 "x",    PLAN_BUS_USB,   0x413c, 0xa103, NULL,	  false},
		{"auto",		 "x",    PLAN_BUS_USB,   0x0525, 0xa4a2, NULL,	  false},
		{"auto",		 "x",    PLAN_BUS_USB,   0x0525, 0xa4a2, &gadget, true },
		{"auto",		 "x",    PLAN_BUS_USB,   0x0525, 0xa4a3, &gadget, false},
		{"auto",		 "x",    PLAN_BUS_PCI,   0x0525, 0xa4a2, &gadget, false},
		{"auto",		 "x",    PLAN_BUS_PCI,   0x14e4, 0x165f, &lom,	  true },
		{"auto",		 "x",    PLAN_BUS_USB,   0x14e4, 0x165f, &lom,	  false},
		{"auto",		 "x",    PLAN_BUS_OTHER, 0,	 0,	    &lom,	  false},
		{"auto",		 "auto", PLAN_BUS_OTHER, 0,	    0,      NULL,    false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan_nic nic = {
			.bus = rows[i].bus, .vendor = rows[i].vendor, .product = rows[i].product};

		strcpy(nic.name, rows[i].name);
		if (facts_nic_is_allowed(rows[i].interface, &nic, rows[i].device,
			    rows[i].device ? 1 : 0) != rows[i].allowed)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_usb_nic, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pci_nic, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_virtual_nic, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_bus, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_nic, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_udev, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dmi_entries, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dmi_no_type42, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dmi_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dmi_too_long, set_up, tear_down),
		cmocka_unit_test(test_get_device),
		cmocka_unit_test(test_walk_hostile),
		cmocka_unit_test(test_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
