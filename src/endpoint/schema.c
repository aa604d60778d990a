/* SPDX-License-Identifier: Apache-2.0 */
/* The schema versions that this service speaks, all of them (Redfish release 2024.1 and before). */
#include "endpoint/resource.h"

#define UNVERSIONED(name)	 "#" name "." name
#define VERSIONED(name, version) "#" name "." version "." name

static const char *const types[SCHEMA_COUNT] = {
	[SCHEMA_NONE] = "",
	[SCHEMA_SERVICE_ROOT] = VERSIONED("ServiceRoot", "v1_17_0"),
	[SCHEMA_ACCOUNT_SERVICE] = VERSIONED("AccountService", "v1_15_0"),
	[SCHEMA_ACCOUNTS] = UNVERSIONED("ManagerAccountCollection"),
	[SCHEMA_ACCOUNT] = VERSIONED("ManagerAccount", "v1_12_0"),
	[SCHEMA_CERTIFICATES] = UNVERSIONED("CertificateCollection"),
	[SCHEMA_CERTIFICATE] = VERSIONED("Certificate", "v1_7_0"),
	[SCHEMA_CERTIFICATE_SERVICE] = VERSIONED("CertificateService", "v1_0_6"),
	[SCHEMA_CERTIFICATE_LOCATIONS] = VERSIONED("CertificateLocations", "v1_0_3"),
	[SCHEMA_ROLES] = UNVERSIONED("RoleCollection"),
	[SCHEMA_ROLE] = VERSIONED("Role", "v1_3_1"),
	[SCHEMA_SESSION_SERVICE] = VERSIONED("SessionService", "v1_1_9"),
	[SCHEMA_SESSIONS] = UNVERSIONED("SessionCollection"),
	[SCHEMA_SESSION] = VERSIONED("Session", "v1_7_0"),
	[SCHEMA_MANAGERS] = UNVERSIONED("ManagerCollection"),
	[SCHEMA_MANAGER] = VERSIONED("Manager", "v1_19_0"),
	[SCHEMA_HOST_INTERFACES] = UNVERSIONED("HostInterfaceCollection"),
	[SCHEMA_HOST_INTERFACE] = VERSIONED("HostInterface", "v1_3_0"),
	[SCHEMA_NETWORK_PROTOCOL] = VERSIONED("ManagerNetworkProtocol", "v1_10_0"),
	[SCHEMA_SYSTEMS] = UNVERSIONED("ComputerSystemCollection"),
	[SCHEMA_SYSTEM] = VERSIONED("ComputerSystem", "v1_22_0"),
	[SCHEMA_ALL_CHASSIS] = UNVERSIONED("ChassisCollection"),
	[SCHEMA_CHASSIS] = VERSIONED("Chassis", "v1_25_0"),
	[SCHEMA_LOG_SERVICES] = UNVERSIONED("LogServiceCollection"),
	[SCHEMA_LOG_SERVICE] = VERSIONED("LogService", "v1_5_0"),
	[SCHEMA_LOG_ENTRIES] = UNVERSIONED("LogEntryCollection"),
	[SCHEMA_LOG_ENTRY] = VERSIONED("LogEntry", "v1_16_0"),
	[SCHEMA_EVENT_SERVICE] = VERSIONED("EventService", "v1_10_1"),
	[SCHEMA_EVENT] = VERSIONED("Event", "v1_10_0"),
	[SCHEMA_SUBSCRIPTIONS] = UNVERSIONED("EventDestinationCollection"),
	[SCHEMA_SUBSCRIPTION] = VERSIONED("EventDestination", "v1_14_0"),
	[SCHEMA_ACTION_INFO] = VERSIONED("ActionInfo", "v1_4_0"),
	[SCHEMA_JSON_SCHEMAS] = UNVERSIONED("JsonSchemaFileCollection"),
	[SCHEMA_JSON_SCHEMA_FILE] = VERSIONED("JsonSchemaFile", "v1_1_5"),
	[SCHEMA_MESSAGE] = VERSIONED("Message", "v1_2_0"),
	[SCHEMA_MESSAGE_REGISTRY] = VERSIONED("MessageRegistry", "v1_6_2"),
	[SCHEMA_REGISTRIES] = UNVERSIONED("MessageRegistryFileCollection"),
	[SCHEMA_REGISTRY_FILE] = VERSIONED("MessageRegistryFile", "v1_1_3"),
	[SCHEMA_UPDATE_SERVICE] = VERSIONED("UpdateService", "v1_12_0"),
	[SCHEMA_SOFTWARE_INVENTORIES] = UNVERSIONED("SoftwareInventoryCollection"),
	[SCHEMA_SOFTWARE_INVENTORY] = VERSIONED("SoftwareInventory", "v1_10_0"),
	[SCHEMA_OEM_SERVICE_ROOT] = "#BmclinkServiceRoot.v1_0_0.ServiceRoot",
	[SCHEMA_OEM_MANAGER] = "#BmclinkManager.v1_3_0.Manager",
	[SCHEMA_SERVICE_MODULE] = "#BmclinkServiceModule.v1_0_0.BmclinkServiceModule",
	[SCHEMA_OEM_SOFTWARE_INVENTORY] = "#BmclinkSoftwareInventory.v1_0_0.SoftwareInventory",
	[SCHEMA_OEM_SNMP] = "#BmclinkSnmp.v1_0_0.BmclinkSnmp",
};

const char *schema_get_type(enum schema schema)
{
	return types[schema];
}
