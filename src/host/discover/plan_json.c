/* SPDX-License-Identifier: Apache-2.0 */
/* What `bmclinkctl discover --json` prints: bmclinkctl(1) is the specification. */
#include "host/discover/plan.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "host/discover/nic_ids.h"

static json_t *ids_to_json(uint16_t vendor, uint16_t product)
{
	return json_sprintf("%04x:%04x", vendor, product);
}

static json_t *mac_to_json(const uint8_t mac[6])
{
	char text[18];

	text_make_hex(mac, 6, ':', text);
	return json_string(text);
}

static json_t *ipv4_to_json(struct in_addr address)
{
	char text[INET_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET, &address, text, sizeof(text)));
}

static json_t *ipv6_to_json(const struct in6_addr *address)
{
	char text[INET6_ADDRSTRLEN];

	return json_string(inet_ntop(AF_INET6, address, text, sizeof(text)));
}

static json_t *address_to_json(const struct smbios42_address *a)
{
	json_t *address = json_null();

	if (a->present)
		address = a->family == AF_INET ? ipv4_to_json(a->ipv4) : ipv6_to_json(&a->ipv6);
	return json_pack("{s:s, s:s?, s:o, s:o}", "assignment",
		smbios42_assignment_name(a->assignment), "family",
		a->family == AF_INET	? "ipv4"
		: a->family == AF_INET6 ? "ipv6"
					: NULL,
		"address", address, "prefix",
		a->present ? json_integer((json_int_t)a->prefix) : json_null());
}

static const char *device_name(enum smbios42_device device)
{
	switch (device) {
	case SMBIOS42_USB_V1:
		return "usb-v1";
	case SMBIOS42_USB_V2:
		return "usb-v2";
	case SMBIOS42_PCI_V1:
		return "pci-v1";
	case SMBIOS42_PCI_V2:
		return "pci-v2";
	case SMBIOS42_DEVICE_OEM:
		return "oem";
	default:
		return "unknown";
	}
}

static json_t *uuid_to_json(const uint8_t uuid[16])
{
	static const uint8_t unknown[16];
	char hex[33];

	if (memcmp(uuid, unknown, 16) == 0)
		return json_null();
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", uuid[i]);
	return json_sprintf("%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void add_redfish(json_t *object, const struct smbios42 *r)
{
	json_object_set_new(object, "uuid", uuid_to_json(r->uuid));
	json_object_set_new(object, "host", address_to_json(&r->host));
	json_object_set_new(object, "service", address_to_json(&r->service));
	json_object_set_new(object, "port", json_integer(r->port));
	json_object_set_new(object, "vlan", r->vlan ? json_integer(r->vlan) : json_null());
	json_object_set_new(object, "hostname", json_string(r->hostname));
	json_object_set_new(
		object, "meaning", json_string(plan_get_meaning(r->host.assignment)->host));
}

static json_t *record_to_json(const struct smbios42 *r, bool used)
{
	bool has_ids = r->device != SMBIOS42_DEVICE_NONE && r->device != SMBIOS42_DEVICE_OEM;
	json_t *object = json_pack("{s:o, s:s, s:o, s:o, s:s, s:b, s:b, s:b, s:i}", "handle",
		json_sprintf("0x%04x", r->handle), "device", device_name(r->device), "ids",
		has_ids ? ids_to_json(r->vendor, r->product) : json_null(), "mac",
		r->has_mac ? mac_to_json(r->mac) : json_null(), "serial", r->serial,
		"bootstrap_by_ipmi", r->bootstrap_by_ipmi, "redfish", r->has_redfish, "used", used,
		"skipped_records", (int)r->skipped_records);

	if (!object)
		return NULL;
	if (r->has_location)
		json_object_set_new(object, "location",
			json_sprintf("%04x:%02x:%02x.%u", r->pci_segment, r->pci_bus,
				r->pci_devfn >> 3, r->pci_devfn & 7u));
	if (r->has_redfish)
		add_redfish(object, r);
	return object;
}

static json_t *nic_to_json(const struct plan_nic *nic)
{
	static const char *const buses[] = {"other", "usb", "pci"};
	const struct nic_id *id =
		nic->bus == PLAN_BUS_USB ? nic_ids_find(nic->vendor, nic->product) : NULL;

	char name[IF_NAMESIZE * 2];

	text_make_printable(nic->name, strnlen(nic->name, sizeof(nic->name)), name, sizeof(name));
	return json_pack("{s:I, s:s, s:o, s:s, s:o, s:s?, s:b}", "ifindex",
		(json_int_t)nic->ifindex, "name", name, "mac", mac_to_json(nic->mac), "bus",
		buses[nic->bus], "ids",
		nic->bus == PLAN_BUS_OTHER ? json_null() : ids_to_json(nic->vendor, nic->product),
		"known_as", id ? id->name : NULL, "udev_ready", nic->udev_ready);
}

static json_t *plan_ipv4_to_json(const struct plan *plan)
{
	json_t *candidates = json_array();

	for (unsigned int i = 0; i < plan->n_bmc_ipv4; i++)
		json_array_append_new(
			candidates, json_pack("{s:o, s:o}", "bmc", ipv4_to_json(plan->bmc_ipv4[i]),
					    "host", ipv4_to_json(plan->host_ipv4[i])));
	return json_pack("{s:s, s:o, s:b}", "source", plan_source_name(plan->ipv4_source),
		"candidates", candidates, "host_is_ours", plan->host_ipv4_own);
}

static json_t *plan_ipv6_to_json(const struct plan *plan)
{
	return json_pack("{s:s, s:o, s:o, s:o}", "source", plan_source_name(plan->ipv6_source),
		"bmc", plan->has_bmc_ipv6 ? ipv6_to_json(&plan->bmc_ipv6) : json_null(), "host",
		plan->has_host_ipv6 ? ipv6_to_json(&plan->host_ipv6) : json_null(), "host_prefix",
		plan->has_host_ipv6 ? json_integer(plan->host_ipv6_prefix) : json_null());
}

static json_t *result_to_json(const struct plan *plan)
{
	if (!plan->found)
		return json_pack("{s:b, s:s}", "found", 0, "why_not", plan->why_not);
	return json_pack("{s:b, s:o, s:s, s:i, s:o, s:o, s:i, s:i, s:i, s:s}", "found", 1, "nic",
		nic_to_json(&plan->nic), "nic_source", plan_source_name(plan->nic_source), "others",
		(int)plan->others, "ipv4", plan_ipv4_to_json(plan), "ipv6", plan_ipv6_to_json(plan),
		"port", plan->port, "plain_port", plan->plain_port, "refused_addresses",
		(int)plan->refused, "hostname", plan->hostname);
}

json_t *plan_to_json(const struct plan_facts *facts, const struct plan *plan)
{
	json_t *records = json_array(), *nics = json_array();

	for (size_t i = 0; i < facts->n_records; i++)
		json_array_append_new(
			records, record_to_json(&facts->records[i], plan->records_used >> i & 1));
	for (size_t i = 0; i < facts->n_nics; i++)
		json_array_append_new(nics, nic_to_json(&facts->nics[i]));
	return json_pack(
		"{s:o, s:o, s:o}", "records", records, "nics", nics, "plan", result_to_json(plan));
}
