/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: the NIC that is chosen and why, one row a machine and situation; ports, and its JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "host/discover/nic_ids.h"
#include "plan_facts.h"

#define R_USB(v, p)                                                                                \
	{                                                                                          \
		.device = SMBIOS42_USB_V1, .vendor = (v), .product = (p)                           \
	}
#define R_USB_MAC(v, p, last)                                                                      \
	{                                                                                          \
		.device = SMBIOS42_USB_V2, .vendor = (v), .product = (p), .has_mac = true,         \
		.mac = { 2,                                                                        \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			last }                                                                     \
	}
#define R_PCI(v, p)                                                                                \
	{                                                                                          \
		.device = SMBIOS42_PCI_V1, .vendor = (v), .product = (p)                           \
	}
#define R_PCI_MAC(v, p, last)                                                                      \
	{                                                                                          \
		.device = SMBIOS42_PCI_V2, .vendor = (v), .product = (p), .has_mac = true,         \
		.mac = { 2,                                                                        \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			last }                                                                     \
	}
#define R_OEM                                                                                      \
	{                                                                                          \
		.device = SMBIOS42_DEVICE_OEM                                                      \
	}

/* clang-format off */
static const struct {
	const char *name, *interface;
	struct plan_nic nics[5];
	struct smbios42 records[3];
	unsigned int n_nics, n_records;
	unsigned int chosen; /* ifindex, 0: none */
	enum plan_source source;
	unsigned int others, records_used;
	const char *why_not; /* a part of it */
} nic_rows[] = {
	{"nothing there", "auto", .source = PLAN_FROM_NONE, .why_not = "no SMBIOS type 42"},
	{"Dell without SMBIOS", "auto",
		.nics = {PCI(2, "eno1", 0x14e4, 0x165f), USB(9, "idrac", 0x413c, 0xa102)},
		.n_nics = 2, .chosen = 9, .source = PLAN_FROM_USB_ID},
	{"Dell with SMBIOS", "auto",
		.nics = {PCI(2, "eno1", 0x14e4, 0x165f), USB(9, "idrac", 0x413c, 0xa102)},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 2, .n_records = 1, .chosen = 9,
		.source = PLAN_FROM_SMBIOS, .records_used = 1},
	{"NIC switched off on the BMC", "auto", .nics = {PCI(2, "eno1", 0x14e4, 0x165f)},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 1, .n_records = 1,
		.source = PLAN_FROM_NONE, .why_not = "USB NIC 413c:a102"},
	{"SMBIOS names another NIC than the table", "auto",
		.nics = {USB(3, "a", 0x413c, 0xa102), USB(4, "b", 0x0525, 0xa4a2)},
		.records = {R_USB(0x0525, 0xa4a2)}, .n_nics = 2, .n_records = 1, .chosen = 4,
		.source = PLAN_FROM_SMBIOS, .records_used = 1},
	{"SMBIOS names a NIC that is not there, the table one that is", "auto",
		.nics = {USB(3, "a", 0x413c, 0xa102)}, .records = {R_USB(0x0525, 0xa4a2)},
		.n_nics = 1, .n_records = 1, .chosen = 3, .source = PLAN_FROM_USB_ID},
	{"a gadget that nobody names", "auto", .nics = {USB(3, "phone", 0x0525, 0xa4a2)},
		.n_nics = 1, .source = PLAN_FROM_NONE, .why_not = "known USB id"},
	{"Dell's ids on the PCI bus", "auto", .nics = {PCI(3, "x", 0x413c, 0xa102)},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 1, .n_records = 1,
		.source = PLAN_FROM_NONE, .why_not = "not there"},
	{"two of the same ids: the lowest ifindex", "auto",
		.nics = {USB(8, "b", 0x413c, 0xa102), USB(5, "a", 0x413c, 0xa102)},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 2, .n_records = 1, .chosen = 5,
		.source = PLAN_FROM_SMBIOS, .others = 1, .records_used = 1},
	{"two of the same ids: the MAC decides", "auto",
		.nics = {USB(5, "a", 0x0525, 0xa4a2), USB(8, "b", 0x0525, 0xa4a2)},
		.records = {R_USB_MAC(0x0525, 0xa4a2, 8)}, .n_nics = 2, .n_records = 1,
		.chosen = 8, .source = PLAN_FROM_SMBIOS, .records_used = 1},
	{"the MAC is that of a VLAN on the NIC as well", "auto",
		.nics = {{.ifindex = 4, .name = "vlan", .mac = {2, 0, 0, 0, 0, 8}},
			USB(8, "b", 0x0525, 0xa4a2)},
		.records = {R_USB_MAC(0x0525, 0xa4a2, 8)}, .n_nics = 2, .n_records = 1,
		.chosen = 8, .source = PLAN_FROM_SMBIOS, .records_used = 1},
	{"the right MAC on other ids is not enough", "auto", .nics = {USB(8, "b", 0x0bda, 0x8153)},
		.records = {R_USB_MAC(0x0525, 0xa4a2, 8)}, .n_nics = 1, .n_records = 1,
		.source = PLAN_FROM_NONE, .why_not = "0525:a4a2"},
	{"the ids are enough when the MAC is another", "auto",
		.nics = {USB(7, "b", 0x0525, 0xa4a2)}, .records = {R_USB_MAC(0x0525, 0xa4a2, 8)},
		.n_nics = 1, .n_records = 1, .chosen = 7, .source = PLAN_FROM_SMBIOS,
		.records_used = 1},
	{"two records for one NIC", "auto", .nics = {USB(7, "b", 0x04b3, 0x4010)},
		.records = {R_USB(0x04b3, 0x4010), R_OEM, R_USB(0x04b3, 0x4010)}, .n_nics = 1,
		.n_records = 3, .chosen = 7, .source = PLAN_FROM_SMBIOS, .records_used = 5},
	{"two records, each with its MAC", "auto", .nics = {USB(7, "b", 0x04b3, 0x4010)},
		.records = {R_USB_MAC(0x04b3, 0x4010, 6), R_USB_MAC(0x04b3, 0x4010, 7)},
		.n_nics = 1, .n_records = 2, .chosen = 7, .source = PLAN_FROM_SMBIOS,
		.records_used = 2},
	{"PCI by ids", "auto", .nics = {PCI(2, "eno1", 0x14e4, 0x165f)},
		.records = {R_PCI(0x14e4, 0x165f)}, .n_nics = 1, .n_records = 1, .chosen = 2,
		.source = PLAN_FROM_SMBIOS, .records_used = 1},
	{"PCI by ids, but there are two of that model", "auto",
		.nics = {PCI(2, "eno1", 0x14e4, 0x165f), PCI(3, "eno2", 0x14e4, 0x165f)},
		.records = {R_PCI(0x14e4, 0x165f)}, .n_nics = 2, .n_records = 1,
		.source = PLAN_FROM_NONE, .others = 1, .why_not = "name one with 'interface'"},
	{"PCI by MAC", "auto",
		.nics = {PCI(2, "eno1", 0x14e4, 0x165f), PCI(3, "eno2", 0x14e4, 0x165f)},
		.records = {R_PCI_MAC(0x14e4, 0x165f, 3)}, .n_nics = 2, .n_records = 1,
		.chosen = 3, .source = PLAN_FROM_SMBIOS, .records_used = 1},
	{"PCI of the model, but with another MAC", "auto",
		.nics = {PCI(2, "eno1", 0x14e4, 0x165f)},
		.records = {R_PCI_MAC(0x14e4, 0x165f, 3)}, .n_nics = 1, .n_records = 1,
		.source = PLAN_FROM_NONE, .why_not = "PCI NIC 14e4:165f"},
	{"named", "bmc0", .nics = {USB(3, "a", 0x413c, 0xa102), OTHER(4, "bmc0")}, .n_nics = 2,
		.chosen = 4, .source = PLAN_FROM_CONFIG},
	{"named, SMBIOS speaks of another one", "bmc0",
		.nics = {USB(3, "a", 0x413c, 0xa102), OTHER(4, "bmc0")},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 2, .n_records = 1, .chosen = 4,
		.source = PLAN_FROM_CONFIG},
	{"named, SMBIOS speaks of none that is there", "bmc0", .nics = {OTHER(4, "bmc0")},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 1, .n_records = 1, .chosen = 4,
		.source = PLAN_FROM_CONFIG, .records_used = 1},
	{"named, and it is not there", "bmc0", .nics = {USB(3, "a", 0x413c, 0xa102)},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 1, .n_records = 1,
		.source = PLAN_FROM_NONE, .why_not = "no NIC 'bmc0'"},
	{"named by ids", "usb:0525:A4A2",
		.nics = {USB(3, "a", 0x413c, 0xa102), USB(4, "b", 0x0525, 0xa4a2)},
		.records = {R_USB(0x413c, 0xa102)}, .n_nics = 2, .n_records = 1, .chosen = 4,
		.source = PLAN_FROM_CONFIG},
	{"named by ids, but it is a PCI NIC", "usb:0525:a4a2",
		.nics = {PCI(4, "b", 0x0525, 0xa4a2)}, .n_nics = 1, .source = PLAN_FROM_NONE,
		.why_not = "usb:0525:a4a2"},
};
/* clang-format on */

static void test_nic(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(nic_rows); i++) {
		struct settings settings = make_settings();
		struct plan_facts facts = {&settings, nic_rows[i].records, nic_rows[i].n_records,
			nic_rows[i].nics, nic_rows[i].n_nics};
		struct plan plan;

		print_message("%s\n", nic_rows[i].name);
		strcpy(settings.interface, nic_rows[i].interface);
		plan_make(&facts, &plan);
		assert_int_equal(plan.found, nic_rows[i].chosen != 0);
		assert_int_equal(plan.nic.ifindex, nic_rows[i].chosen);
		assert_int_equal(plan.nic_source, nic_rows[i].source);
		assert_int_equal(plan.others, nic_rows[i].others);
		assert_int_equal(plan.records_used, nic_rows[i].records_used);
		if (nic_rows[i].why_not)
			assert_non_null(strstr(plan.why_not, nic_rows[i].why_not));
		else
			assert_string_equal(plan.why_not, "");
	}
}

static void test_ports(void **state)
{
	static const struct {
		long port, plain_port;
		uint16_t record, wanted, wanted_plain;
	} rows[] = {
		{0,    0,    0,	  443,  80	 },
		{0,    0,    8443, 8443, 80  },
		{4443, 0,	  8443, 4443, 80	},
		{0,    8080, 0,    443,  8080},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings settings = make_settings();
		struct smbios42 record = {.device = SMBIOS42_USB_V1,
			.vendor = 1,
			.product = 2,
			.has_redfish = true,
			.port = rows[i].record};
		struct plan_nic nic = USB(5, "bmc0", 1, 2);
		struct plan_facts facts = {&settings, &record, 1, &nic, 1};
		struct plan plan;

		settings.port = rows[i].port;
		settings.plain_port = rows[i].plain_port;
		plan_make(&facts, &plan);
		assert_int_equal(plan.port, rows[i].wanted);
		assert_int_equal(plan.plain_port, rows[i].wanted_plain);
	}
}

/* What is in use stays: a better match may show up, and the NIC may get another name. */
static void test_claimed_nic_stays(void **state)
{
	struct settings settings = make_settings();
	const struct smbios42 record = R_USB_MAC(0x413c, 0xa102, 9);
	const struct plan_nic nics[] = {USB(3, "a0", 0x413c, 0xa102), USB(9, "b0", 0x413c, 0xa102)};
	struct plan_facts facts = {.settings = &settings,
		.records = &record,
		.n_records = 1,
		.nics = nics,
		.n_nics = 2};
	struct plan plan;

	plan_make(&facts, &plan);
	assert_int_equal(plan.nic.ifindex, 9);
	facts.claimed = 3;
	facts.claimed_source = PLAN_FROM_SMBIOS;
	plan_make(&facts, &plan);
	assert_true(plan.found);
	assert_int_equal(plan.nic.ifindex, 3);
	facts.claimed = 4; /* gone */
	plan_make(&facts, &plan);
	assert_int_equal(plan.nic.ifindex, 9);
	strcpy(settings.interface, "old0");
	plan_make(&facts, &plan);
	assert_false(plan.found);
	facts.claimed = 9;
	facts.claimed_source = PLAN_FROM_CONFIG;
	plan_make(&facts, &plan);
	assert_true(plan.found);
	assert_string_equal(plan.nic.name, "b0");
	assert_string_equal(plan.why_not, "");
	assert_int_equal(plan.nic_source, PLAN_FROM_CONFIG);
	assert_int_equal(plan.n_bmc_ipv4, 2);
}

static void test_json(void **state)
{
	struct settings settings = make_settings();
	struct smbios42 records[2] = {{0}};
	struct plan_nic nics[2] = {USB(9, "idrac", 0x413c, 0xa102), OTHER(1, "lo")};
	struct plan_facts facts = {&settings, records, 2, nics, 2};
	json_t *json, *plan_json, *candidate;
	struct plan plan;

	load_sample("dell_r740", &records[0]);
	memcpy(nics[1].name, "\xff\x1b[31m", 6); /* the kernel takes such a name */
	plan_make(&facts, &plan);
	json = plan_to_json(&facts, &plan);
	assert_non_null(json);
	assert_int_equal(json_array_size(json_object_get(json, "records")), 2);
	assert_int_equal(json_array_size(json_object_get(json, "nics")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(json, "nics"), 1), "name")),
		"??[31m");
	plan_json = json_object_get(json, "plan");
	assert_string_equal(json_string_value(json_object_get(plan_json, "nic_source")), "smbios");
	candidate = json_array_get(
		json_object_get(json_object_get(plan_json, "ipv4"), "candidates"), 0);
	assert_string_equal(json_string_value(json_object_get(candidate, "bmc")), "169.254.2.2");
	assert_string_equal(json_string_value(json_object_get(candidate, "host")), "169.254.2.3");
	json_decref(json);

	facts.n_nics = 0;
	plan_make(&facts, &plan);
	json = plan_to_json(&facts, &plan);
	assert_non_null(json);
	assert_true(json_is_false(json_object_get(json_object_get(json, "plan"), "found")));
	json_decref(json);
}

static void test_parse_ids(void **state)
{
	static const char *const bad[] = {"", "auto", "usb:", "usb:413c", "usb:413c:a10",
		"usb:413c:a1022", "usb:413g:a102", "usb: 13c:a102", "usb:-13c:a102",
		"USB:413c:a102", "usb:413c-a102"};
	uint16_t vendor = 1, product = 2;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(nic_ids_parse(bad[i], &vendor, &product), -EINVAL);
	assert_int_equal(vendor, 1);
	assert_int_equal(nic_ids_parse("usb:413C:a102", &vendor, &product), 0);
	assert_int_equal(vendor, 0x413c);
	assert_int_equal(product, 0xa102);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nic),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_claimed_nic_stays),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_parse_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
