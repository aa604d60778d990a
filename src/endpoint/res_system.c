/* SPDX-License-Identifier: Apache-2.0 */
/* The host as the BMC knows it: one system in one chassis. */
#include <string.h>

#include "endpoint/service.h"

#define SYSTEMS "/redfish/v1/Systems"
#define CHASSIS "/redfish/v1/Chassis"

static json_t *get_vendor(const struct request *request)
{
	return json_string(request->service->settings.vendor);
}

static json_t *get_serial(const struct request *request)
{
	const char *tag = request->service->settings.service_tag;

	return *tag ? json_string(tag) : NULL;
}

static const struct property system_links[] = {
	P_LINKS("Chassis", CHASSIS "/{system}"),
	P_LINKS("ManagedBy", "/redfish/v1/Managers/{manager}"),
	P_END,
};
/* The power state and the like are not here: a BMC's own stack knows them, this endpoint does not,
 * and a guess would be worse than nothing. */
static const struct property no_actions[] = {P_END};
static const struct property system_table[] = {
	P_TEXT("Id", "{system}"),
	P_TEXT("Name", "System"),
	P_TEXT("SystemType", "Physical"),
	P_CALL("Manufacturer", get_vendor),
	P_CALL("SerialNumber", get_serial),
	P_OBJECT("Actions", no_actions), /* sushy wants it, and Boot, where there are none, too */
	P_OBJECT("Boot", no_actions),
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
	P_TEXT("ChassisType", "Other"),
	P_CALL("Manufacturer", get_vendor),
	P_CALL("SerialNumber", get_serial),
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
