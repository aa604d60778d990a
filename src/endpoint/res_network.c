/* SPDX-License-Identifier: Apache-2.0 */
/* How the host reaches this BMC: the host interface (DSP0270), and the ports. */
#include <unistd.h>

#include "endpoint/service.h"

#define INTERFACES "/redfish/v1/Managers/{manager}/HostInterfaces"
#define PROTOCOL   "/redfish/v1/Managers/{manager}/NetworkProtocol"

static json_t *get_modes(const struct request *request)
{
	if (!request->service->profile.tls)
		return json_pack("[s]", "AuthNone");
	/* OEM: the host's certificate. */
	return json_pack("[s, s, s]", "BasicAuth", "RedfishSessionAuth", "OemAuth");
}

static json_t *get_auth_none_role(const struct request *request)
{
	const char *id = privilege_get_role(ROLE_AUTH_NONE)->id;

	return request->service->profile.tls ? NULL : json_string(id);
}

static json_t *get_host_role(const struct request *request)
{
	return json_string(privilege_get_role(ROLE_HOST)->id);
}

static json_t *get_https(const struct request *request)
{
	return json_pack("{s:b, s:i}", "ProtocolEnabled", request->service->profile.tls, "Port",
		request->service->settings.port);
}

/* Open with TLS too, but only to say that TLS is required. */
static json_t *get_http(const struct request *request)
{
	return json_pack("{s:b, s:i}", "ProtocolEnabled", !request->service->profile.tls, "Port",
		request->service->settings.plain_port);
}

static json_t *get_host_name(const struct request *request)
{
	char name[65] = "";

	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return json_null();
	return json_string(name) ?: json_null();
}

static json_t *get_null(const struct request *request)
{
	return json_null();
}

static const struct property status[] = {
	P_TEXT("State", "Enabled"),
	P_TEXT("Health", "OK"),
	P_END,
};
/* Until the BMC's firmware hands out accounts over KCS (DSP0270, clause 9). */
static const struct property bootstrapping[] = {
	P_FLAG("Enabled", false),
	P_FLAG("EnableAfterReset", false),
	P_CALL("RoleId", get_host_role),
	P_END,
};
static const struct property interface_links[] = {
	P_LINKS("ComputerSystems", "/redfish/v1/Systems/{system}"),
	P_END,
};
static const struct property interface_table[] = {
	P_TEXT("Id", "1"),
	P_TEXT("Name", "Host Interface"),
	P_TEXT("HostInterfaceType", "NetworkHostInterface"),
	P_FLAG("InterfaceEnabled", true),
	P_FLAG("ExternallyAccessible", false),
	P_CALL("AuthenticationModes", get_modes),
	P_CALL("AuthNoneRoleId", get_auth_none_role),
	P_OBJECT("CredentialBootstrapping", bootstrapping),
	P_LINK("NetworkProtocol", PROTOCOL),
	P_OBJECT("Status", status),
	P_OBJECT("Links", interface_links),
	P_END,
};
static const struct property interfaces_table[] = {P_TEXT("Name", "Host Interfaces"), P_END};

static const struct property protocol_table[] = {
	P_TEXT("Id", "NetworkProtocol"),
	P_TEXT("Name", "Manager Network Protocol"),
	P_CALL("HostName", get_host_name),
	P_CALL("FQDN", get_null),
	P_CALL("HTTPS", get_https),
	P_CALL("HTTP", get_http),
	P_OBJECT("Status", status),
	P_END,
};

const struct resource network_resources[] = {
	{.uri = INTERFACES,
		.schema = SCHEMA_HOST_INTERFACES,
		.entity = ENTITY_HOST_INTERFACES,
		.properties = interfaces_table,
		.only_member = INTERFACES "/1",
		.collection = &resource_collection_of_one},
	{.uri = INTERFACES "/1",
		.schema = SCHEMA_HOST_INTERFACE,
		.entity = ENTITY_HOST_INTERFACE,
		.properties = interface_table},
	{.uri = PROTOCOL,
		.schema = SCHEMA_NETWORK_PROTOCOL,
		.entity = ENTITY_NETWORK_PROTOCOL,
		.properties = protocol_table},
	{.uri = NULL			       },
};
