/* SPDX-License-Identifier: Apache-2.0 */
/* The privileged side's facts about a NIC, read from a prepared tree, and which one may be claimed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "facts_tree.h"

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
		cmocka_unit_test(test_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
