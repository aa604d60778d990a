/* SPDX-License-Identifier: Apache-2.0 */
/* How the host reaches this BMC: the host interface (DSP0270), and the ports. */
#include <string.h>
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

static json_t *get_https(const struct request *request)
{
	return json_pack("{s:b, s:i, s:o}", "ProtocolEnabled", request->service->profile.tls,
		"Port", request->service->settings.port, "Certificates",
		resource_link("%s/HTTPS/Certificates", request->path));
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
/* What the host gets over IPMI (DSP0270 1.3). Without TLS nothing is handed out. */

static json_t *get_bootstrap_enabled(const struct request *request)
{
	return json_boolean(request->service->context && request->service->bootstrap.enabled);
}

static json_t *get_enable_after_reset(const struct request *request)
{
	return json_boolean(request->service->bootstrap.enable_after_reset);
}

static json_t *get_bootstrap_role(const struct request *request)
{
	return json_string(privilege_get_role(request->service->bootstrap.role)->id);
}

static json_t *get_bootstrap_role_link(const struct request *request)
{
	return resource_link("/redfish/v1/AccountService/Roles/%s",
		privilege_get_role(request->service->bootstrap.role)->id);
}

/* One of its three properties; false: not a value for it. */
static bool take_bootstrap(struct bootstrap *wish, const char *name, const json_t *value)
{
	if (strcmp(name, "RoleId") == 0) {
		wish->role = privilege_find_role(json_string_value(value) ?: "");
		return bootstrap_role_is_allowed(wish->role);
	}
	if (!json_is_boolean(value))
		return false;
	if (strcmp(name, "Enabled") == 0)
		wish->enabled = json_is_true(value);
	else if (strcmp(name, "EnableAfterReset") == 0)
		wish->enable_after_reset = json_is_true(value);
	else
		return false;
	return true;
}

static enum base_message set_bootstrapping(struct request *request, const json_t *value)
{
	struct bootstrap wish = request->service->bootstrap;
	const char *name;
	json_t *one;

	if (!json_is_object(value) || json_object_size(value) == 0)
		return BASE_PROPERTY_VALUE_ERROR;
	json_object_foreach((json_t *)value, name, one)
	{
		if (!take_bootstrap(&wish, name, one))
			return BASE_PROPERTY_VALUE_ERROR;
	}
	return service_set_bootstrap(request->service, &wish) < 0 ? BASE_INTERNAL_ERROR
								  : BASE_SUCCESS;
}

static const struct patchable interface_patchables[] = {
	{"CredentialBootstrapping", set_bootstrapping},
	{NULL,		      NULL		   },
};

static const struct property bootstrapping[] = {
	P_CALL("Enabled", get_bootstrap_enabled),
	P_CALL("EnableAfterReset", get_enable_after_reset),
	P_CALL("RoleId", get_bootstrap_role),
	P_END,
};
static const struct property interface_links[] = {
	P_LINKS("ComputerSystems", "/redfish/v1/Systems/{system}"),
	P_CALL("CredentialBootstrappingRole", get_bootstrap_role_link),
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
		.properties = interface_table,
		.patchables = interface_patchables},
	{.uri = PROTOCOL,
		.schema = SCHEMA_NETWORK_PROTOCOL,
		.entity = ENTITY_NETWORK_PROTOCOL,
		.properties = protocol_table},
	{.uri = NULL			       },
};
