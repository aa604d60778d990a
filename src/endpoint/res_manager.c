/* SPDX-License-Identifier: Apache-2.0 */
/* The manager: this BMC. */
#include <string.h>
#include <time.h>

#include "endpoint/actions.h"
#include "endpoint/log_entry.h"
#include "endpoint/service.h"

/* What the hook says. */
static json_t *get_value(const struct request *request, const char *name)
{
	return json_incref((json_t *)platform_get(request->service->platform, "Manager", name));
}

static json_t *get_serial(const struct request *request)
{
	return get_value(request, "SerialNumber");
}

static json_t *get_part(const struct request *request)
{
	return get_value(request, "PartNumber");
}

static json_t *get_spare_part(const struct request *request)
{
	return get_value(request, "SparePartNumber");
}

static const struct property acknowledge[] = {
	P_TEXT("target", "/redfish/v1/Managers/{manager}/Actions/Oem/"
			 "BmclinkManager.AcknowledgeCertificate"),
	P_END,
};
static const struct property oem_actions[] = {
	P_OBJECT("#BmclinkManager.AcknowledgeCertificate", acknowledge),
	P_END,
};

static json_t *get_actions(const struct request *request)
{
	json_t *actions = actions_make_reset(request, PLATFORM_MANAGER, "#Manager.Reset");

	if (request->service->context && request->service->next.certificate)
		json_object_set_new(actions, "Oem", resource_render_table(request, oem_actions));
	if (json_object_size(actions))
		return actions;
	json_decref(actions);
	return NULL;
}

static json_t *get_model(const struct request *request)
{
	json_t *model = get_value(request, "Model");

	return model ? model : json_string(request->service->settings.product);
}

static json_t *get_vendor(const struct request *request)
{
	json_t *vendor = get_value(request, "Manufacturer");

	return vendor ? vendor : json_string(request->service->settings.vendor);
}

static json_t *get_firmware(const struct request *request)
{
	return json_string(request->service->settings.firmware_version);
}

static json_t *get_uuid(const struct request *request)
{
	return json_string(request->service->uuid);
}

static json_t *get_now(const struct request *request)
{
	char text[LOG_ENTRY_TIME_SIZE];

	log_entry_format_time((int64_t)time(NULL) * 1000, text);
	return json_string(text);
}

static json_t *get_connected(const struct request *request)
{
	return json_boolean(sse_count_hosts(request->service->sse) > 0);
}

static json_t *get_fingerprint(const struct request *request)
{
	return request->service->context ? json_string(request->service->fingerprint) : NULL;
}

static json_t *get_next_fingerprint(const struct request *request)
{
	const struct service *service = request->service;

	return service->context && service->next.certificate
		       ? json_string(service->next_fingerprint)
		       : NULL;
}

static json_t *get_next_deadline(const struct request *request)
{
	time_t deadline = service_get_deadline(request->service);
	char text[LOG_ENTRY_TIME_SIZE];

	if (!request->service->context || !deadline)
		return NULL;
	log_entry_format_time((int64_t)deadline * 1000, text);
	return json_string(text);
}

static json_t *get_oem_type(const struct request *request)
{
	return json_string(schema_get_type(SCHEMA_OEM_MANAGER));
}

static const struct property status[] = {
	P_TEXT("State", "Enabled"),
	P_TEXT("Health", "OK"),
	P_END,
};
static const struct property oem_bmclink[] = {
	P_CALL("@odata.type", get_oem_type),
	P_CALL("HostConnected", get_connected),
	P_CALL("CertificateFingerprint", get_fingerprint),
	P_CALL("NextCertificateFingerprint", get_next_fingerprint),
	P_CALL("NextCertificateDeadline", get_next_deadline),
	P_LINK("ServiceModule", "/redfish/v1/Managers/{manager}/Oem/Bmclink/ServiceModule"),
	P_LINK("Snmp", "/redfish/v1/Managers/{manager}/Oem/Bmclink/Snmp"),
	P_END,
};
static const struct property links[] = {
	P_LINKS("ManagerForServers", "/redfish/v1/Systems/{system}"),
	P_LINKS("ManagerForChassis", "/redfish/v1/Chassis/{system}"),
	P_LINK("ManagerInChassis", "/redfish/v1/Chassis/{system}"),
	P_END,
};
static const struct property oem[] = {P_OBJECT("Bmclink", oem_bmclink), P_END};

static const struct property manager[] = {
	P_TEXT("Id", "{manager}"),
	P_TEXT("Name", "Manager"),
	P_TEXT("ManagerType", "BMC"),
	P_CALL("Manufacturer", get_vendor),
	P_CALL("Model", get_model),
	P_CALL("SerialNumber", get_serial),
	P_CALL("PartNumber", get_part),
	P_CALL("SparePartNumber", get_spare_part),
	P_CALL("FirmwareVersion", get_firmware),
	P_CALL("UUID", get_uuid),
	P_CALL("ServiceEntryPointUUID", get_uuid),
	P_CALL("DateTime", get_now),
	P_TEXT("DateTimeLocalOffset", "+00:00"),
	P_OBJECT("Status", status),
	P_LINK("LogServices", "/redfish/v1/Managers/{manager}/LogServices"),
	P_LINK("HostInterfaces", "/redfish/v1/Managers/{manager}/HostInterfaces"),
	P_LINK("NetworkProtocol", "/redfish/v1/Managers/{manager}/NetworkProtocol"),
	P_CALL("Actions", get_actions),
	P_OBJECT("Links", links),
	P_OBJECT("Oem", oem),
	P_END,
};

static const struct property managers_table[] = {P_TEXT("Name", "Managers"), P_END};

const struct resource manager_resources[] = {
	{.uri = "/redfish/v1/Managers",
		.schema = SCHEMA_MANAGERS,
		.entity = ENTITY_MANAGERS,
		.properties = managers_table,
		.only_member = "/redfish/v1/Managers/{manager}",
		.collection = &resource_collection_of_one},
	{.uri = "/redfish/v1/Managers/{manager}",
		.schema = SCHEMA_MANAGER,
		.entity = ENTITY_MANAGER,
		.properties = manager},
	{.uri = NULL},
};
