/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: the IPv4 addresses of both ends and where they came from, one row a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "base/util.h"
#include "plan_facts.h"

struct address_row {
	const char *name;
	uint16_t vendor, product; /* of the USB NIC */
	const char *sample;	  /* or a record made of the next four */
	enum smbios42_assignment host_assign;
	const char *host;
	enum smbios42_assignment service_assign;
	const char *service;
	unsigned int prefix;
	const char *config_host, *config_bmc;

	enum plan_source source;
	const char *bmc[2], *own[2];
	unsigned int refused;
};

#define STATIC	SMBIOS42_ASSIGN_STATIC
#define DHCP	SMBIOS42_ASSIGN_DHCP
#define AUTO	SMBIOS42_ASSIGN_AUTO
#define HOSTSEL SMBIOS42_ASSIGN_HOST_SELECTED
#define UNKNOWN SMBIOS42_ASSIGN_UNKNOWN

/* clang-format off */
static const struct address_row address_rows[] = {
	/* four real shapes */
	{"Dell R740: host DHCP, service static", 0x413c, 0xa102, .sample = "dell_r740",
		.source = PLAN_FROM_SMBIOS, .bmc = {"169.254.2.2"}, .own = {"169.254.2.3"}},
	{"Lenovo XCC", 0x04b3, 0x4010, .sample = "lenovo_xcc", .source = PLAN_FROM_SMBIOS,
		.bmc = {"169.254.95.118"}, .own = {"169.254.95.120"}},
	{"Supermicro: automatic, with addresses", 0x0b1f, 0x03ee, .sample = "supermicro",
		.source = PLAN_FROM_SMBIOS, .bmc = {"169.254.3.254"}, .own = {"169.254.3.1"}},
	{"Arm", 0x0d28, 0x0204, .sample = "usbv2_v13", .source = PLAN_FROM_SMBIOS,
		.bmc = {"192.168.122.10"}, .own = {"192.168.122.9"}},
	/* other machines, from published tables */
	{"GB200", 0x0525, 0xa4a2, .host_assign = STATIC, .host = "10.0.1.2",
		.service_assign = STATIC, .service = "10.0.1.1", .prefix = 24,
		.source = PLAN_FROM_SMBIOS, .bmc = {"10.0.1.1"}, .own = {"10.0.1.2"}},
	{"iLO: DHCP on both ends", 0x03f0, 0x2927, .host_assign = DHCP, .service_assign = DHCP,
		.source = PLAN_FROM_USB_ID, .bmc = {"16.1.15.1"}, .own = {"16.1.15.2"}},
	{"iLO that gives its addresses", 0x03f0, 0x2927, .host_assign = STATIC,
		.host = "16.1.15.2", .service_assign = STATIC, .service = "16.1.15.1",
		.prefix = 30, .source = PLAN_FROM_SMBIOS, .bmc = {"16.1.15.1"},
		.own = {"16.1.15.2"}},
	{"ASUS: DHCP on both ends, no known default", 0x0b05, 0x1976, .host_assign = DHCP,
		.service_assign = DHCP, .source = PLAN_FROM_DEFAULT,
		.bmc = {"169.254.1.1", "169.254.0.1"}, .own = {"169.254.1.2", "169.254.0.2"}},
	{"AMI without addresses", 0x046b, 0xffb0, .host_assign = UNKNOWN,
		.service_assign = UNKNOWN, .source = PLAN_FROM_USB_ID, .bmc = {"169.254.95.118"},
		.own = {"169.254.95.120"}},
	{"Dell without addresses", 0x413c, 0xa102, .host_assign = DHCP, .service_assign = DHCP,
		.source = PLAN_FROM_USB_ID, .bmc = {"169.254.1.1", "169.254.0.1"},
		.own = {"169.254.1.2", "169.254.0.2"}},
	/* each assignment, on a NIC without vendor defaults */
	{"static without addresses", 0x0525, 0xa4a2, .host_assign = STATIC,
		.service_assign = STATIC, .source = PLAN_FROM_DEFAULT,
		.bmc = {"169.254.1.1", "169.254.0.1"}, .own = {"169.254.1.2", "169.254.0.2"}},
	{"automatic host without an address", 0x0525, 0xa4a2, .host_assign = AUTO,
		.service_assign = STATIC, .service = "192.168.7.2", .prefix = 24,
		.source = PLAN_FROM_SMBIOS, .bmc = {"192.168.7.2"}, .own = {"192.168.7.3"}},
	{"host selected: an address there is not the host's", 0x0525, 0xa4a2,
		.host_assign = HOSTSEL, .host = "192.168.7.9", .service_assign = STATIC,
		.service = "192.168.7.2", .prefix = 24, .source = PLAN_FROM_SMBIOS,
		.bmc = {"192.168.7.2"}, .own = {"192.168.7.3"}},
	{"unknown host, unknown service with an address", 0x0525, 0xa4a2, .host_assign = UNKNOWN,
		.host = "192.168.7.9", .service_assign = UNKNOWN, .service = "192.168.7.2",
		.prefix = 24, .source = PLAN_FROM_SMBIOS, .bmc = {"192.168.7.2"},
		.own = {"192.168.7.3"}},
	{"DHCP service that gives an address", 0x0525, 0xa4a2, .host_assign = DHCP,
		.host = "192.168.7.9", .service_assign = DHCP, .service = "192.168.7.2",
		.prefix = 24, .source = PLAN_FROM_SMBIOS, .bmc = {"192.168.7.2"},
		.own = {"192.168.7.3"}},
	/* the host beside the BMC */
	{"BMC + 1 would be the broadcast address", 0x0525, 0xa4a2, .host_assign = DHCP,
		.service_assign = STATIC, .service = "192.168.7.254", .prefix = 24,
		.source = PLAN_FROM_SMBIOS, .bmc = {"192.168.7.254"}, .own = {"192.168.7.253"}},
	{"the same, prefix not known", 0x0525, 0xa4a2, .host_assign = DHCP,
		.service_assign = STATIC, .service = "192.168.7.254", .prefix = 32,
		.source = PLAN_FROM_SMBIOS, .bmc = {"192.168.7.254"}, .own = {"192.168.7.253"}},
	{"/30, BMC second", 0x0525, 0xa4a2, .host_assign = DHCP, .service_assign = STATIC,
		.service = "10.0.1.2", .prefix = 30, .source = PLAN_FROM_SMBIOS,
		.bmc = {"10.0.1.2"}, .own = {"10.0.1.1"}},
	{"/31", 0x0525, 0xa4a2, .host_assign = DHCP, .service_assign = STATIC,
		.service = "10.0.1.1", .prefix = 31, .source = PLAN_FROM_SMBIOS,
		.bmc = {"10.0.1.1"}, .own = {"10.0.1.0"}},
	{"host address equals the BMC's", 0x0525, 0xa4a2, .host_assign = STATIC,
		.host = "10.0.1.1", .service_assign = STATIC, .service = "10.0.1.1", .prefix = 24,
		.source = PLAN_FROM_SMBIOS, .bmc = {"10.0.1.1"}, .own = {"10.0.1.2"}},
	{"host address outside the BMC's network", 0x0525, 0xa4a2, .host_assign = STATIC,
		.host = "10.0.2.2", .service_assign = STATIC, .service = "10.0.1.1", .prefix = 24,
		.source = PLAN_FROM_SMBIOS, .bmc = {"10.0.1.1"}, .own = {"10.0.1.2"}},
	/* configuration */
	{"BMC configured", 0x413c, 0xa102, .sample = "dell_r740", .config_bmc = "192.168.9.254",
		.source = PLAN_FROM_CONFIG, .bmc = {"192.168.9.254"}, .own = {"192.168.9.253"}},
	{"BMC configured to what the record says", 0x04b3, 0x4010, .sample = "lenovo_xcc",
		.config_bmc = "169.254.95.118", .source = PLAN_FROM_CONFIG,
		.bmc = {"169.254.95.118"}, .own = {"169.254.95.120"}},
	{"host configured", 0x413c, 0xa102, .sample = "dell_r740", .config_host = "169.254.2.77",
		.source = PLAN_FROM_SMBIOS, .bmc = {"169.254.2.2"}, .own = {"169.254.2.77"}},
	{"both configured, and a public address is the administrator's business", 0x413c, 0xa102,
		.sample = "dell_r740", .config_host = "8.8.8.7", .config_bmc = "8.8.8.8",
		.source = PLAN_FROM_CONFIG, .bmc = {"8.8.8.8"}, .own = {"8.8.8.7"}},
	/* hostile or broken firmware */
	{"a public service address", 0x0525, 0xa4a2, .host_assign = STATIC, .host = "8.8.8.7",
		.service_assign = STATIC, .service = "8.8.8.8", .prefix = 24,
		.source = PLAN_FROM_DEFAULT, .bmc = {"169.254.1.1", "169.254.0.1"},
		.own = {"169.254.1.2", "169.254.0.2"}, .refused = 2},
	{"iLO's network from another vendor", 0x0525, 0xa4a2, .host_assign = STATIC,
		.host = "16.1.15.2", .service_assign = STATIC, .service = "16.1.15.1",
		.prefix = 30, .source = PLAN_FROM_DEFAULT, .bmc = {"169.254.1.1", "169.254.0.1"},
		.own = {"169.254.1.2", "169.254.0.2"}, .refused = 2},
	{"the metadata service", 0x0525, 0xa4a2, .host_assign = STATIC, .host = "169.254.169.253",
		.service_assign = STATIC, .service = "169.254.169.254", .prefix = 16,
		.source = PLAN_FROM_DEFAULT, .bmc = {"169.254.1.1", "169.254.0.1"},
		.own = {"169.254.1.2", "169.254.0.2"}, .refused = 2},
	{"loopback", 0x0525, 0xa4a2, .host_assign = STATIC, .host = "127.0.0.2",
		.service_assign = STATIC, .service = "127.0.0.1", .prefix = 8,
		.source = PLAN_FROM_DEFAULT, .bmc = {"169.254.1.1", "169.254.0.1"},
		.own = {"169.254.1.2", "169.254.0.2"}, .refused = 2},
	{"multicast", 0x0525, 0xa4a2, .host_assign = DHCP, .service_assign = STATIC,
		.service = "224.0.0.1", .prefix = 4, .source = PLAN_FROM_DEFAULT,
		.bmc = {"169.254.1.1", "169.254.0.1"}, .own = {"169.254.1.2", "169.254.0.2"},
		.refused = 1},
	{"a public host address beside a private service", 0x0525, 0xa4a2, .host_assign = STATIC,
		.host = "8.8.8.8", .service_assign = STATIC, .service = "10.0.0.1", .prefix = 1,
		.source = PLAN_FROM_SMBIOS, .bmc = {"10.0.0.1"}, .own = {"10.0.0.2"}, .refused = 1},
	/* IPv6 only */
	{"only IPv6 by type 42", 0x04b3, 0x4010, .host_assign = AUTO, .host = "fe80::2",
		.service_assign = STATIC, .service = "fe80::1", .prefix = 64,
		.source = PLAN_FROM_SMBIOS},
	{"host IPv4, service IPv6", 0x0525, 0xa4a2, .host_assign = STATIC, .host = "10.0.0.2",
		.service_assign = STATIC, .service = "fe80::1", .prefix = 64,
		.source = PLAN_FROM_SMBIOS},
	{"only IPv6 by type 42, IPv4 configured", 0x04b3, 0x4010, .host_assign = AUTO,
		.service_assign = STATIC, .service = "fe80::1", .prefix = 64,
		.config_bmc = "10.1.1.1", .source = PLAN_FROM_CONFIG, .bmc = {"10.1.1.1"},
		.own = {"10.1.1.2"}},
	{"host IPv6, service IPv4", 0x0525, 0xa4a2, .host_assign = AUTO, .host = "fe80::2",
		.service_assign = STATIC, .service = "10.1.1.1", .prefix = 24,
		.source = PLAN_FROM_SMBIOS, .bmc = {"10.1.1.1"}, .own = {"10.1.1.2"}},
};
/* clang-format on */

static void check_candidates(const struct address_row *row, const struct plan *plan)
{
	unsigned int n = 0;

	while (n < 2 && row->bmc[n])
		n++;
	assert_int_equal(plan->n_bmc_ipv4, n);
	assert_int_equal(plan->host_ipv4_own, n > 0);
	for (unsigned int i = 0; i < n; i++) {
		char text[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, &plan->bmc_ipv4[i], text, sizeof(text));
		assert_string_equal(text, row->bmc[i]);
		inet_ntop(AF_INET, &plan->host_ipv4[i], text, sizeof(text));
		assert_string_equal(text, row->own[i]);
	}
}

static void test_ipv4(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(address_rows); i++) {
		const struct address_row *row = &address_rows[i];
		struct settings settings = make_settings();
		struct smbios42 record = {.device = SMBIOS42_USB_V1,
			.vendor = row->vendor,
			.product = row->product,
			.has_redfish = true};
		struct plan_nic nic = USB(5, "bmc0", row->vendor, row->product);
		struct plan_facts facts = {&settings, &record, 1, &nic, 1};
		struct plan plan;

		print_message("%s\n", row->name);
		if (row->sample) {
			load_sample(row->sample, &record);
		} else {
			record.host = make_address(row->host_assign, row->host, row->prefix);
			record.service =
				make_address(row->service_assign, row->service, row->prefix);
		}
		settings.host_ipv4 = ip4(row->config_host);
		settings.bmc_ipv4 = ip4(row->config_bmc);
		plan_make(&facts, &plan);
		assert_true(plan.found);
		assert_ptr_equal(plan.record, &record);
		assert_int_equal(plan.ipv4_source, row->source);
		assert_int_equal(plan.refused, row->refused);
		check_candidates(row, &plan);
	}
}

static void test_configure_never(void **state)
{
	struct settings settings = make_settings();
	struct plan_nic nic = USB(5, "bmc0", 0x413c, 0xa102);
	struct plan_facts facts = {&settings, NULL, 0, &nic, 1};
	struct plan plan;

	settings.configure = CONFIGURE_NEVER;
	plan_make(&facts, &plan);
	assert_int_equal(plan.n_bmc_ipv4, 2);
	assert_false(plan.host_ipv4_own);
}

/* A PCI NIC whose ids happen to be those of a USB NIC gets none of its vendor's defaults. */
static void test_vendor_defaults_are_for_usb(void **state)
{
	struct settings settings = make_settings();
	struct smbios42 record = {.device = SMBIOS42_PCI_V1,
		.vendor = 0x03f0,
		.product = 0x2927,
		.has_redfish = true};
	struct plan_nic nic = PCI(5, "eno1", 0x03f0, 0x2927);
	struct plan_facts facts = {&settings, &record, 1, &nic, 1};
	struct plan plan;

	record.service = make_address(STATIC, "16.1.15.1", 30);
	plan_make(&facts, &plan);
	assert_int_equal(plan.ipv4_source, PLAN_FROM_DEFAULT);
	assert_int_equal(plan.refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_configure_never),
		cmocka_unit_test(test_vendor_defaults_are_for_usb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
