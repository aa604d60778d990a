/* SPDX-License-Identifier: Apache-2.0 */
/* A whole SMBIOS table from firmware, and the plan that is made of what it says. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "host/discover/dmi_walk.h"
#include "host/discover/plan.h"
#include "host/monitor/facts.h"

#define NICS 6

/* NICs as the records name them, and one that nobody does. */
static size_t make_nics(const struct smbios42 *records, size_t n, struct plan_nic *nics)
{
	size_t count = 0;

	for (size_t i = 0; i < n && count < NICS - 1; i++, count++) {
		bool pci = records[i].device == SMBIOS42_PCI_V1 ||
			   records[i].device == SMBIOS42_PCI_V2;

		nics[count] = (struct plan_nic){.ifindex = 10 - (unsigned int)i,
			.bus = pci ? PLAN_BUS_PCI : PLAN_BUS_USB,
			.vendor = records[i].vendor,
			.product = records[i].product,
			.udev_ready = i != 1};
		snprintf(nics[count].name, sizeof(nics[count].name), "usb%zu", i);
		memcpy(nics[count].mac, records[i].mac, sizeof(nics[count].mac));
	}
	nics[count++] = (struct plan_nic){.ifindex = 2,
		.name = "idrac",
		.bus = PLAN_BUS_USB,
		.vendor = 0x413c,
		.product = 0xa102,
		.udev_ready = true};
	return count;
}

static void make_settings(uint8_t flags, struct settings *settings)
{
	static const char *const texts[] = {"", "[Link]\ninterface = usb0\n",
		"[Link]\ninterface = usb:413c:a102\nipv6 = off\n", "[Link]\nbmc_ipv4 = 192.0.2.1\n",
		"[Link]\nbmc_ipv6 = fd00::1\nhost_ipv6 = fd00::2\nipv4 = off\n",
		"[Link]\nhost_ipv4 = 169.254.7.8\nport = 8443\n", "[Link]\nipv6 = off\n",
		"[Tls]\ntls = off\n"};
	const char *text = texts[flags % 8];
	char *error = NULL;

	FUZZ_CHECK(settings_parse(text, strlen(text), "fuzz", settings, &error) == 0);
}

static void check_plan(const struct plan_facts *facts, const struct plan *plan)
{
	FUZZ_CHECK(text_is_printable(plan->hostname, sizeof(plan->hostname) - 1));
	FUZZ_CHECK(plan->n_bmc_ipv4 <= PLAN_MAX_BMC4);
	if (!plan->found) {
		FUZZ_CHECK(text_is_printable(plan->why_not, sizeof(plan->why_not) - 1));
		return;
	}
	for (unsigned int i = 0; i < plan->n_bmc_ipv4; i++)
		FUZZ_CHECK(
			plan->ipv4_source == PLAN_FROM_CONFIG ||
			plan_accepts_ipv4(plan->bmc_ipv4[i], plan->nic.vendor, plan->nic.product));
	FUZZ_CHECK(!plan->has_bmc_ipv6 || plan->ipv6_source == PLAN_FROM_CONFIG ||
		   plan_accepts_ipv6(&plan->bmc_ipv6));
	FUZZ_CHECK(plan->port != 0 && plan->plain_port != 0);
	FUZZ_CHECK(facts->n_nics > 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct smbios42 records[SMBIOS42_MAX_FOUND];
	struct plan_nic nics[NICS];
	struct settings settings;
	struct plan_facts facts = {.settings = &settings, .records = records, .nics = nics};
	struct facts_device device;
	const uint8_t *start;
	size_t offset = 0, length, before = 0;
	unsigned int bad = 0;
	struct plan plan;
	json_t *json;

	make_settings(fuzz_take_byte(&in), &settings);
	while (dmi_walk_find(in.data, in.left, DMI_TYPE_HOST_INTERFACE, &offset, &start, &length) ==
		0) {
		FUZZ_CHECK(start >= in.data && start + length <= in.data + in.left);
		FUZZ_CHECK(offset > before && offset <= in.left);
		before = offset;
		facts_get_device(start, length, &device);
	}
	facts.n_records = smbios42_walk(in.data, in.left, records, SMBIOS42_MAX_FOUND, &bad);
	facts.n_nics = make_nics(records, facts.n_records, nics);
	plan_make(&facts, &plan);
	check_plan(&facts, &plan);
	json = plan_to_json(&facts, &plan);
	FUZZ_CHECK(json != NULL);
	json_decref(json);
	return 0;
}
