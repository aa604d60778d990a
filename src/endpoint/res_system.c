/* SPDX-License-Identifier: Apache-2.0 */
/* The host as the BMC knows it: one system in one chassis. */
#include <string.h>

#include "endpoint/actions.h"
#include "endpoint/service.h"

#define SYSTEMS "/redfish/v1/Systems"
#define CHASSIS "/redfish/v1/Chassis"

/* What the hook says, else what the configuration does, else nothing. */
static json_t *get_value(const struct request *request, const char *section, const char *name,
	const char *configured)
{
	const json_t *value = platform_get(request->service->platform, section, name);

	if (value)
		return json_incref((json_t *)value);
	return configured && *configured ? json_string(configured) : NULL;
}

#define VALUE(function, section, name, configured)                                                 \
	static json_t *function(const struct request *request)                                     \
	{                                                                                          \
		return get_value(request, section, name, configured);                              \
	}
#define SETTINGS request->service->settings

VALUE(get_system_vendor, "System", "Manufacturer", SETTINGS.vendor)
VALUE(get_system_model, "System", "Model", NULL)
VALUE(get_system_submodel, "System", "SubModel", NULL)
VALUE(get_system_sku, "System", "SKU", NULL)
VALUE(get_system_serial, "System", "SerialNumber", SETTINGS.service_tag)
VALUE(get_system_part, "System", "PartNumber", NULL)
VALUE(get_system_tag, "System", "AssetTag", NULL)
VALUE(get_host_name, "System", "HostName", NULL)
VALUE(get_bios, "System", "BiosVersion", NULL)
VALUE(get_system_uuid, "System", "UUID", NULL)
VALUE(get_processor_model, "System", "ProcessorModel", NULL)
VALUE(get_processor_count, "System", "ProcessorCount", NULL)
VALUE(get_memory, "System", "TotalSystemMemoryGiB", NULL)
VALUE(get_chassis_vendor, "Chassis", "Manufacturer", SETTINGS.vendor)
VALUE(get_chassis_model, "Chassis", "Model", NULL)
VALUE(get_chassis_sku, "Chassis", "SKU", NULL)
VALUE(get_chassis_serial, "Chassis", "SerialNumber", SETTINGS.service_tag)
VALUE(get_chassis_part, "Chassis", "PartNumber", NULL)
VALUE(get_chassis_tag, "Chassis", "AssetTag", NULL)
VALUE(get_chassis_type, "Chassis", "ChassisType", "Other")

static const struct property processors[] = {
	P_CALL("Model", get_processor_model),
	P_CALL("Count", get_processor_count),
	P_END,
};
static const struct property memory[] = {P_CALL("TotalSystemMemoryGiB", get_memory), P_END};

/* Left out where nothing is known of it. */
static json_t *get_summary(const struct request *request, const struct property *table)
{
	json_t *object = resource_render_table(request, table);

	if (object && json_object_size(object))
		return object;
	json_decref(object);
	return NULL;
}

static json_t *get_processors(const struct request *request)
{
	return get_summary(request, processors);
}

static json_t *get_memory_summary(const struct request *request)
{
	return get_summary(request, memory);
}

static json_t *get_power(const struct request *request)
{
	const char *state = platform_get_power(request->service->platform);

	if (!state)
		return NULL;
	return *state ? json_string(state) : json_null();
}

/* The chassis is the host's: on while the host is on or on its way; Paused is no state of it. */
static json_t *get_chassis_power(const struct request *request)
{
	const char *state = platform_get_power(request->service->platform);

	return state && strcmp(state, "Paused") == 0 ? json_string("On") : get_power(request);
}

static json_t *get_system_actions(const struct request *request)
{
	return actions_make_reset(request, PLATFORM_HOST, "#ComputerSystem.Reset");
}

static const struct property system_links[] = {
	P_LINKS("Chassis", CHASSIS "/{system}"),
	P_LINKS("ManagedBy", "/redfish/v1/Managers/{manager}"),
	P_END,
};
/* sushy wants Actions and Boot, where there is nothing in them, too. */
static const struct property no_boot[] = {P_END};
static const struct property system_table[] = {
	P_TEXT("Id", "{system}"),
	P_TEXT("Name", "System"),
	P_TEXT("SystemType", "Physical"),
	P_CALL("Manufacturer", get_system_vendor),
	P_CALL("Model", get_system_model),
	P_CALL("SubModel", get_system_submodel),
	P_CALL("SKU", get_system_sku),
	P_CALL("SerialNumber", get_system_serial),
	P_CALL("PartNumber", get_system_part),
	P_CALL("AssetTag", get_system_tag),
	P_CALL("HostName", get_host_name),
	P_CALL("BiosVersion", get_bios),
	P_CALL("UUID", get_system_uuid),
	P_CALL("PowerState", get_power),
	P_CALL("ProcessorSummary", get_processors),
	P_CALL("MemorySummary", get_memory_summary),
	P_CALL("Actions", get_system_actions),
	P_OBJECT("Boot", no_boot),
	P_OBJECT("Links", system_links),
	P_END,
};

static const struct property chassis_links[] = {
	P_LINKS("ComputerSystems", SYSTEMS "/{system}"),
	P_LINKS("ManagedBy", "/redfish/v1/Managers/{manager}"),
	P_LINKS("ManagersInChassis", "/redfish/v1/Managers/{manager}"),
	P_END,
};
static const struct property chassis_table[] = {
	P_TEXT("Id", "{system}"),
	P_TEXT("Name", "Chassis"),
	P_CALL("ChassisType", get_chassis_type),
	P_CALL("Manufacturer", get_chassis_vendor),
	P_CALL("Model", get_chassis_model),
	P_CALL("SKU", get_chassis_sku),
	P_CALL("SerialNumber", get_chassis_serial),
	P_CALL("PartNumber", get_chassis_part),
	P_CALL("AssetTag", get_chassis_tag),
	P_CALL("PowerState", get_chassis_power),
	P_OBJECT("Links", chassis_links),
	P_END,
};

static const struct property systems_table[] = {P_TEXT("Name", "Systems"), P_END};
static const struct property all_chassis_table[] = {P_TEXT("Name", "Chassis"), P_END};

const struct resource system_resources[] = {
	{.uri = SYSTEMS,
		.schema = SCHEMA_SYSTEMS,
		.entity = ENTITY_SYSTEMS,
		.properties = systems_table,
		.only_member = SYSTEMS "/{system}",
		.collection = &resource_collection_of_one},
	{.uri = SYSTEMS "/{system}",
		.schema = SCHEMA_SYSTEM,
		.entity = ENTITY_SYSTEM,
		.properties = system_table},
	{.uri = CHASSIS,
		.schema = SCHEMA_ALL_CHASSIS,
		.entity = ENTITY_ALL_CHASSIS,
		.properties = all_chassis_table,
		.only_member = CHASSIS "/{system}",
		.collection = &resource_collection_of_one},
	{.uri = CHASSIS "/{system}",
		.schema = SCHEMA_CHASSIS,
		.entity = ENTITY_CHASSIS,
		.properties = chassis_table},
	{.uri = NULL	    },
};
