/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: the IPv6 addresses of both ends, and a BMC with a record for each family. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "base/util.h"
#include "plan_facts.h"

struct address_row {
	const char *name;
	const char *host[2], *service[2]; /* of up to two records */
	const char *config_host, *config_bmc;
	enum plan_source source;
	const char *bmc, *own; /* NULL: none */
};

/* clang-format off */
static const struct address_row address_rows[] = {
	{"nothing known", .source = PLAN_FROM_NONE},
	{"IPv4 only", .service = {"10.0.0.1"}, .source = PLAN_FROM_NONE},
	{"link-local", .host = {"fe80::2"}, .service = {"fe80::1"}, .source = PLAN_FROM_SMBIOS,
		.bmc = "fe80::1"},
	{"ULA", .service = {"fde1:53ba:e9a0:de11::1"}, .source = PLAN_FROM_SMBIOS,
		.bmc = "fde1:53ba:e9a0:de11::1", .own = "fde1:53ba:e9a0:de11::2"},
	{"ULA with a host address", .host = {"fde1:53ba:e9a0:de11::99"},
		.service = {"fde1:53ba:e9a0:de11::1"}, .source = PLAN_FROM_SMBIOS,
		.bmc = "fde1:53ba:e9a0:de11::1", .own = "fde1:53ba:e9a0:de11::99"},
	{"ULA, host address of another network", .host = {"fde1:53ba:e9a0:dead::99"},
		.service = {"fde1:53ba:e9a0:de11::ff"}, .source = PLAN_FROM_SMBIOS,
		.bmc = "fde1:53ba:e9a0:de11::ff", .own = "fde1:53ba:e9a0:de11::fe"},
	{"ULA and link-local: the second needs nothing of ours",
		.service = {"fde1:53ba:e9a0:de11::1", "fe80::1"}, .source = PLAN_FROM_SMBIOS,
		.bmc = "fe80::1"},
	{"link-local and ULA", .service = {"fe80::1", "fde1:53ba:e9a0:de11::1"},
		.source = PLAN_FROM_SMBIOS, .bmc = "fe80::1"},
	{"IPv4 record and IPv6 record", .host = {"10.0.0.2"}, .service = {"10.0.0.1", "fe80::1"},
		.source = PLAN_FROM_SMBIOS, .bmc = "fe80::1"},
	{"configured", .service = {"fe80::1"}, .config_bmc = "fd00::1", .source = PLAN_FROM_CONFIG,
		.bmc = "fd00::1", .own = "fd00::2"},
	{"both configured", .service = {"fe80::1"}, .config_host = "2001:db8::7",
		.config_bmc = "2001:db8::1", .source = PLAN_FROM_CONFIG, .bmc = "2001:db8::1",
		.own = "2001:db8::7"},
	{"host configured, BMC link-local", .service = {"fe80::1"}, .config_host = "fd00::7",
		.source = PLAN_FROM_SMBIOS, .bmc = "fe80::1", .own = "fd00::7"},
	{"a global address in type 42", .service = {"2001:4860:4860::8888"},
		.source = PLAN_FROM_NONE},
	{"multicast", .service = {"ff02::1"}, .source = PLAN_FROM_NONE},
	{"loopback", .service = {"::1"}, .source = PLAN_FROM_NONE},
	{"IPv4 mapped", .service = {"::ffff:8.8.8.8"}, .source = PLAN_FROM_NONE},
	{"a cloud's metadata service", .service = {"fd00:ec2::254"}, .source = PLAN_FROM_NONE},
};
/* clang-format on */

static void check_ipv6(const struct address_row *row, const struct plan *plan)
{
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(plan->ipv6_source, row->source);
	assert_int_equal(plan->has_bmc_ipv6, row->bmc != NULL);
	assert_int_equal(plan->has_host_ipv6, row->own != NULL);
	if (row->bmc)
		assert_string_equal(
			inet_ntop(AF_INET6, &plan->bmc_ipv6, text, sizeof(text)), row->bmc);
	if (!row->own)
		return;
	assert_string_equal(inet_ntop(AF_INET6, &plan->host_ipv6, text, sizeof(text)), row->own);
	assert_int_equal(plan->host_ipv6_prefix, 64);
}

static void test_ipv6(void **state)
{
	const struct smbios42 usb = {
		.device = SMBIOS42_USB_V1, .vendor = 1, .product = 2, .has_redfish = true};

	for (size_t i = 0; i < ARRAY_SIZE(address_rows); i++) {
		const struct address_row *row = &address_rows[i];
		struct settings settings = make_settings();
		struct smbios42 records[2] = {usb, usb};
		struct plan_nic nic = USB(5, "bmc0", 1, 2);
		struct plan_facts facts = {&settings, records, 1, &nic, 1};
		struct plan plan;

		print_message("%s\n", row->name);
		for (size_t k = 0; k < 2 && row->service[k]; k++) {
			records[k].host = make_address(SMBIOS42_ASSIGN_AUTO, row->host[k], 64);
			records[k].service =
				make_address(SMBIOS42_ASSIGN_STATIC, row->service[k], 64);
			facts.n_records = k + 1;
		}
		if (row->config_host)
			inet_pton(AF_INET6, row->config_host, &settings.host_ipv6);
		if (row->config_bmc)
			inet_pton(AF_INET6, row->config_bmc, &settings.bmc_ipv6);
		plan_make(&facts, &plan);
		check_ipv6(row, &plan);
	}
}

/* One record for IPv4, one for IPv6, one NIC: both are used. */
static void test_two_records(void **state)
{
	struct settings settings = make_settings();
	struct smbios42 records[2] = {
		{.device = SMBIOS42_USB_V1, .vendor = 1, .product = 2, .has_redfish = true},
		{ .device = SMBIOS42_USB_V1,
			.vendor = 1,
			.product = 2,
			.has_redfish = true,
			.port = 8443,
			.hostname = "bmc"}
	  };
	struct plan_nic nic = USB(5, "bmc0", 1, 2);
	struct plan_facts facts = {&settings, records, 2, &nic, 1};
	struct plan plan;

	records[0].service = make_address(SMBIOS42_ASSIGN_STATIC, "fe80::1", 64);
	records[1].service = make_address(SMBIOS42_ASSIGN_STATIC, "10.0.0.1", 24);
	plan_make(&facts, &plan);
	assert_int_equal(plan.n_bmc_ipv4, 1);
	assert_true(plan.has_bmc_ipv6);
	assert_int_equal(plan.port, 8443);
	assert_string_equal(plan.hostname, "bmc");
	assert_int_equal(plan.records_used, 3);

	records[0].service = make_address(SMBIOS42_ASSIGN_STATIC, "10.0.0.9", 24);
	plan_make(&facts, &plan); /* two services: an ARP probe tells */
	assert_int_equal(plan.n_bmc_ipv4, 2);
	assert_int_equal(plan.host_ipv4[0].s_addr, ip4("10.0.0.10").s_addr);
	assert_int_equal(plan.host_ipv4[1].s_addr, ip4("10.0.0.2").s_addr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_two_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
