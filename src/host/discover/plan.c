/* SPDX-License-Identifier: Apache-2.0 */
/* Which NIC. The addresses are plan_address.c's. */
#include "host/discover/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "host/discover/nic_ids.h"
#include "host/discover/plan_address.h"

enum match { MATCH_NONE, MATCH_IDS, MATCH_MAC };

static enum plan_bus bus_of_record(const struct smbios42 *record)
{
	switch (record->device) {
	case SMBIOS42_USB_V1:
	case SMBIOS42_USB_V2:
		return PLAN_BUS_USB;
	case SMBIOS42_PCI_V1:
	case SMBIOS42_PCI_V2:
		return PLAN_BUS_PCI;
	default:
		return PLAN_BUS_OTHER;
	}
}

/*
 * The MAC only tells NICs of the same ids apart: a VLAN or a bridge on top of a NIC has its MAC as
 * well, and the monitor allows by ids alone. A PCI NIC must also have the record's MAC when there
 * is one, since ids are those of a model that the host may have for its own network.
 */
static enum match match_record(const struct smbios42 *record, const struct plan_nic *nic)
{
	if (nic->bus == PLAN_BUS_OTHER || bus_of_record(record) != nic->bus ||
		record->vendor != nic->vendor || record->product != nic->product)
		return MATCH_NONE;
	if (record->has_mac && memcmp(record->mac, nic->mac, sizeof(nic->mac)) == 0)
		return MATCH_MAC;
	return nic->bus == PLAN_BUS_PCI && record->has_mac ? MATCH_NONE : MATCH_IDS;
}

static enum match match_records(const struct plan_facts *facts, const struct plan_nic *nic)
{
	enum match best = MATCH_NONE;

	for (size_t i = 0; i < facts->n_records; i++) {
		enum match match = match_record(&facts->records[i], nic);

		if (match > best)
			best = match;
	}
	return best;
}

static bool matches_table(const struct plan_nic *nic)
{
	const struct nic_id *id =
		nic->bus == PLAN_BUS_USB ? nic_ids_find(nic->vendor, nic->product) : NULL;

	return id && !id->needs_smbios;
}

static bool matches_config(const char *interface, const struct plan_nic *nic)
{
	uint16_t vendor, product;

	if (nic_ids_parse(interface, &vendor, &product) == 0)
		return nic->bus == PLAN_BUS_USB && nic->vendor == vendor && nic->product == product;
	return strcmp(interface, nic->name) == 0;
}

static void choose(struct plan *plan, const struct plan_nic *nic, enum plan_source source)
{
	if (!plan->found) {
		plan->found = true;
		plan->nic_source = source;
		plan->nic = *nic;
		return;
	}
	plan->others++;
	if (nic->ifindex < plan->nic.ifindex)
		plan->nic = *nic;
}

static void choose_by_config(const struct plan_facts *facts, struct plan *plan)
{
	for (size_t i = 0; i < facts->n_nics; i++)
		if (matches_config(facts->settings->interface, &facts->nics[i]))
			choose(plan, &facts->nics[i], PLAN_FROM_CONFIG);
	if (!plan->found) {
		char name[80];

		text_make_printable(facts->settings->interface,
			strnlen(facts->settings->interface, sizeof(facts->settings->interface)),
			name, sizeof(name));
		snprintf(plan->why_not, sizeof(plan->why_not),
			"there is no NIC '%s', which the configuration names", name);
	}
}

static void choose_by_smbios(const struct plan_facts *facts, struct plan *plan, enum match level)
{
	for (size_t i = 0; i < facts->n_nics; i++)
		if (match_records(facts, &facts->nics[i]) == level)
			choose(plan, &facts->nics[i], PLAN_FROM_SMBIOS);
	if (plan->found && plan->others && level == MATCH_IDS && plan->nic.bus == PLAN_BUS_PCI) {
		snprintf(plan->why_not, sizeof(plan->why_not),
			"%u PCI NICs have the ids %04x:%04x of SMBIOS type 42: name one with "
			"'interface'",
			plan->others + 1, plan->nic.vendor, plan->nic.product);
		plan->found = false;
		plan->nic_source = PLAN_FROM_NONE;
		memset(&plan->nic, 0, sizeof(plan->nic));
	}
}

static void choose_by_table(const struct plan_facts *facts, struct plan *plan)
{
	for (size_t i = 0; i < facts->n_nics; i++)
		if (matches_table(&facts->nics[i]))
			choose(plan, &facts->nics[i], PLAN_FROM_USB_ID);
}

static void explain_not_found(const struct plan_facts *facts, struct plan *plan)
{
	for (size_t i = 0; i < facts->n_records; i++) {
		const struct smbios42 *r = &facts->records[i];

		if (bus_of_record(r) == PLAN_BUS_OTHER)
			continue;
		snprintf(plan->why_not, sizeof(plan->why_not),
			"SMBIOS type 42 names the %s NIC %04x:%04x, which is not there: is it "
			"enabled "
			"on the BMC?",
			bus_of_record(r) == PLAN_BUS_USB ? "USB" : "PCI", r->vendor, r->product);
		return;
	}
	snprintf(plan->why_not, sizeof(plan->why_not),
		"no %sSMBIOS type 42 structure names a NIC, and no NIC (of %zu) has a known USB id",
		facts->n_records ? "usable " : "", facts->n_nics);
}

static void choose_nic(const struct plan_facts *facts, struct plan *plan)
{
	if (strcmp(facts->settings->interface, "auto") != 0) {
		choose_by_config(facts, plan);
		return;
	}
	choose_by_smbios(facts, plan, MATCH_MAC);
	if (!plan->found)
		choose_by_smbios(facts, plan, MATCH_IDS);
	if (plan->found || plan->why_not[0])
		return;
	choose_by_table(facts, plan);
	if (!plan->found)
		explain_not_found(facts, plan);
}

/*
 * Records that speak of the chosen NIC. A NIC that an administrator named, and that no record
 * matches, gets the records that match no NIC at all: its bus hides the ids, or its device type is
 * OEM.
 */
static bool applies(const struct plan_facts *facts, const struct plan *plan,
	const struct smbios42 *record, bool named)
{
	if (match_record(record, &plan->nic) != MATCH_NONE)
		return true;
	if (!named)
		return false;
	for (size_t i = 0; i < facts->n_nics; i++)
		if (match_record(record, &facts->nics[i]) != MATCH_NONE)
			return false;
	return true;
}

static size_t collect_records(const struct plan_facts *facts, struct plan *plan,
	const struct smbios42 **records, size_t max)
{
	enum match best = match_records(facts, &plan->nic);
	bool named = plan->nic_source == PLAN_FROM_CONFIG && best == MATCH_NONE;
	size_t n = 0;

	/* With a record for this very MAC, one for another NIC of the same ids is not ours. */
	for (size_t i = 0; i < facts->n_records && i < 32 && n < max; i++) {
		const struct smbios42 *record = &facts->records[i];

		if (best == MATCH_MAC && record->has_mac &&
			match_record(record, &plan->nic) != MATCH_MAC)
			continue;
		if (!applies(facts, plan, record, named))
			continue;
		records[n++] = record;
		plan->records_used |= 1u << i;
	}
	return n;
}

static void keep_claimed(const struct plan_facts *facts, struct plan *plan)
{
	for (size_t i = 0; i < facts->n_nics && facts->claimed != 0; i++) {
		if (facts->nics[i].ifindex != facts->claimed)
			continue;
		plan->found = true;
		plan->nic = facts->nics[i];
		plan->nic_source = facts->claimed_source;
		plan->why_not[0] = '\0';
	}
}

void plan_make(const struct plan_facts *facts, struct plan *plan)
{
	const struct smbios42 *records[SMBIOS42_MAX_FOUND];
	size_t n;

	memset(plan, 0, sizeof(*plan));
	choose_nic(facts, plan);
	keep_claimed(facts, plan);
	if (!plan->found)
		return;
	n = collect_records(facts, plan, records, SMBIOS42_MAX_FOUND);
	plan->record = n ? records[0] : NULL;
	plan_addresses(facts->settings, records, n, plan);
}

const char *plan_source_name(enum plan_source source)
{
	switch (source) {
	case PLAN_FROM_CONFIG:
		return "configuration";
	case PLAN_FROM_SMBIOS:
		return "smbios";
	case PLAN_FROM_USB_ID:
		return "usb-id";
	case PLAN_FROM_DEFAULT:
		return "default";
	default:
		return "none";
	}
}
