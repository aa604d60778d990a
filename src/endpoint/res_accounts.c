/* SPDX-License-Identifier: Apache-2.0 */
/* AccountService, its accounts and roles, and the host's certificates. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "endpoint/log_entry.h"
#include "endpoint/service.h"

#define ACCOUNTS     "/redfish/v1/AccountService/Accounts"
#define CERTIFICATES ACCOUNTS "/host/Certificates"
#define ROLES	     "/redfish/v1/AccountService/Roles"

static const struct property client_certificate[] = {
	P_FLAG("Enabled", true),
	P_FLAG("RespondToUnauthenticatedClients", true),
	P_TEXT("CertificateMappingAttribute", "Whole"),
	P_END,
};
static const struct property multi_factor[] = {
	P_OBJECT("ClientCertificate", client_certificate),
	P_END,
};
static const struct property account_service[] = {
	P_TEXT("Id", "AccountService"),
	P_TEXT("Name", "Account Service"),
	P_FLAG("ServiceEnabled", true),
	P_NUMBER("MinPasswordLength", PASSWORD_MIN),
	P_NUMBER("MaxPasswordLength", PASSWORD_MAX),
	P_NUMBER("AccountLockoutThreshold", LOCKOUT_THRESHOLD),
	P_NUMBER("AccountLockoutDuration", LOCKOUT_SECONDS),
	P_TEXT("HTTPBasicAuth", "Enabled"),
	P_OBJECT("MultiFactorAuth", multi_factor),
	P_LINK("Accounts", ACCOUNTS),
	P_LINK("Roles", ROLES),
	P_END,
};

/* Accounts: one row each */

static const struct {
	const char *id, *name;
	enum role role;
	bool host;
} accounts[] = {
	{ACCOUNTS_ADMIN, "Administrator",			  ROLE_ADMINISTRATOR, false},
	{"host",	 "The host, known by its certificate", ROLE_HOST,	  true },
};

static size_t find_account(const struct request *request)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(accounts) && strcmp(accounts[i].id, request->params[0]) != 0)
		i++;
	return i;
}

/* One that the host got over IPMI, of this name; NULL: it is not one. */
static const struct bootstrap_account *find_bootstrap(const struct request *request)
{
	return bootstrap_find_user(&request->service->bootstrap, request->params[0]);
}

/* The administrator sees all; a bootstrap account none but its own. */
static bool is_visible(const struct request *request, const struct bootstrap_account *account)
{
	return request->bootstrap ? account->id == request->bootstrap
				  : request->role == ROLE_ADMINISTRATOR;
}

/* The host sees its own account; another one is not there for it. */
static bool account_exists(const struct request *request)
{
	size_t i = find_account(request);

	return i < ARRAY_SIZE(accounts) &&
	       (accounts[i].host || (request->role != ROLE_HOST && !request->bootstrap));
}

static bool bootstrap_exists(const struct request *request)
{
	const struct bootstrap_account *account = find_bootstrap(request);

	return account && is_visible(request, account);
}

static bool is_host_account(const struct request *request)
{
	return !find_bootstrap(request) && accounts[find_account(request)].host;
}

static const char *find_role_id(const struct request *request)
{
	enum role role = find_bootstrap(request) ? request->service->bootstrap.role
						 : accounts[find_account(request)].role;

	return privilege_get_role(role)->id;
}

static json_t *get_account_name(const struct request *request)
{
	if (find_bootstrap(request))
		return json_string("The host, until it is known");
	return json_string(accounts[find_account(request)].name);
}

static json_t *get_role_id(const struct request *request)
{
	return json_string(find_role_id(request));
}

static json_t *get_role_link(const struct request *request)
{
	return json_pack("{s:o}", "Role", resource_link(ROLES "/%s", find_role_id(request)));
}

static json_t *get_account_enabled(const struct request *request)
{
	if (find_bootstrap(request) || is_host_account(request))
		return json_true();
	return json_boolean(request->service->accounts.admin.iterations != 0);
}

static json_t *get_bootstrap(const struct request *request)
{
	return json_boolean(find_bootstrap(request) != NULL);
}

static json_t *get_account_certificates(const struct request *request)
{
	return is_host_account(request) ? resource_link(CERTIFICATES) : NULL;
}

static json_t *get_account_types(const struct request *request)
{
	return json_pack("[s]", "Redfish");
}

static json_t *get_null(const struct request *request)
{
	return json_null();
}

static const struct property account[] = {
	P_TEXT("Id", "{0}"),
	P_CALL("Name", get_account_name),
	P_TEXT("UserName", "{0}"),
	P_CALL("Password", get_null),
	P_CALL("RoleId", get_role_id),
	P_CALL("Enabled", get_account_enabled),
	P_FLAG("Locked", false),
	P_CALL("HostBootstrapAccount", get_bootstrap),
	P_CALL("AccountTypes", get_account_types),
	P_CALL("Certificates", get_account_certificates),
	P_CALL("Links", get_role_link),
	P_END,
};

static enum base_message set_password(struct request *request, const json_t *value)
{
	const char *text = json_string_value(value);
	struct password password;

	/* The host has no password: its certificate is all. */
	if (is_host_account(request))
		return BASE_PROPERTY_NOT_WRITABLE;
	if (!text)
		return BASE_PROPERTY_VALUE_ERROR;
	if (password_make(text, &password) < 0)
		return BASE_PROPERTY_VALUE_ERROR;
	connection_close_after_reply(request->connection); /* it rests on the old one */
	if (service_set_password(request->service, &password, request->connection) < 0)
		return BASE_INTERNAL_ERROR;
	return BASE_SUCCESS;
}

static const struct patchable account_patchables[] = {
	{"Password", set_password},
	{NULL,       NULL	   },
};

static void delete_account(struct request *request)
{
	const struct bootstrap_account *bootstrap = find_bootstrap(request);
	const char *by = request->bootstrap ? "at the wish of the host" : "by the administrator";

	if (request->bootstrap == bootstrap->id)
		connection_close_after_reply(request->connection);
	if (service_remove_bootstrap_account(
		    request->service, bootstrap->id, by, request->connection) < 0)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else
		request_reply(request, 204, NULL, NULL);
}

static long count_accounts(const struct request *request)
{
	const struct bootstrap *bootstrap = &request->service->bootstrap;
	long n = ARRAY_SIZE(accounts);

	for (unsigned int i = 0; i < bootstrap->n; i++)
		n += is_visible(request, &bootstrap->accounts[i]);
	return n;
}

static void list_account(const char *id, long skip, long top, long *n, json_t *array)
{
	if (*n >= skip && *n < skip + top)
		json_array_append_new(array, resource_link(ACCOUNTS "/%s", id));
	(*n)++;
}

static int list_accounts(const struct request *request, long skip, long top, json_t *array)
{
	const struct bootstrap *bootstrap = &request->service->bootstrap;
	long n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(accounts); i++)
		list_account(accounts[i].id, skip, top, &n, array);
	for (unsigned int i = 0; i < bootstrap->n; i++) {
		if (is_visible(request, &bootstrap->accounts[i]))
			list_account(bootstrap->accounts[i].user, skip, top, &n, array);
	}
	return 0;
}

static const struct collection account_collection = {count_accounts, list_accounts, 0};
static const struct property accounts_table[] = {P_TEXT("Name", "Accounts"), P_END};

/* Roles */

static bool role_exists(const struct request *request)
{
	return privilege_find_role(request->params[0]) != ROLE_NONE;
}

static json_t *list_privileges(const struct request *request, bool oem)
{
	unsigned int held = privilege_get_role(privilege_find_role(request->params[0]))->privileges;
	json_t *array = json_array();

	for (unsigned int bit = 1; bit < PRIVILEGE_NO_AUTH; bit <<= 1) {
		if ((held & bit) && privilege_is_oem((enum privilege)bit) == oem)
			json_array_append_new(
				array, json_string(privilege_get_name((enum privilege)bit)));
	}
	return array;
}

static json_t *get_assigned(const struct request *request)
{
	return list_privileges(request, false);
}

static json_t *get_oem_privileges(const struct request *request)
{
	return list_privileges(request, true);
}

static json_t *get_predefined(const struct request *request)
{
	return json_boolean(
		privilege_get_role(privilege_find_role(request->params[0]))->predefined);
}

static json_t *get_role_description(const struct request *request)
{
	return json_string(
		privilege_get_role(privilege_find_role(request->params[0]))->description);
}

static const struct property role[] = {
	P_TEXT("Id", "{0}"),
	P_TEXT("Name", "{0}"),
	P_TEXT("RoleId", "{0}"),
	P_CALL("Description", get_role_description),
	P_CALL("IsPredefined", get_predefined),
	P_CALL("AssignedPrivileges", get_assigned),
	P_CALL("OemPrivileges", get_oem_privileges),
	P_END,
};

static int list_role_links(const struct request *request, long skip, long top, json_t *array)
{
	long i = 0;

	for (int r = 0; r < ROLE_COUNT; r++) {
		const char *id = privilege_get_role((enum role)r)->id;

		if (!id || i++ < skip || i > skip + top)
			continue;
		json_array_append_new(array, resource_link(ROLES "/%s", id));
	}
	return 0;
}

static long count_roles(const struct request *request)
{
	long n = 0;

	for (int r = 0; r < ROLE_COUNT; r++)
		n += privilege_get_role((enum role)r)->id != NULL;
	return n;
}

static const struct collection role_collection = {count_roles, list_role_links, 0};
static const struct property roles_table[] = {P_TEXT("Name", "Roles"), P_END};

const struct resource account_resources[] = {
	{.uri = "/redfish/v1/AccountService",
		.schema = SCHEMA_ACCOUNT_SERVICE,
		.entity = ENTITY_ACCOUNT_SERVICE,
		.properties = account_service},
	{.uri = ACCOUNTS,
		.schema = SCHEMA_ACCOUNTS,
		.entity = ENTITY_ACCOUNTS,
		.properties = accounts_table,
		.collection = &account_collection},
	{.uri = ACCOUNTS "/{*}",
		.schema = SCHEMA_ACCOUNT,
		.entity = ENTITY_ACCOUNT,
		.properties = account,
		.patchables = account_patchables,
		.exists = account_exists},
	{.uri = ACCOUNTS "/{*}",
		.schema = SCHEMA_ACCOUNT,
		.entity = ENTITY_ACCOUNT,
		.properties = account,
		.exists = bootstrap_exists,
		.delete = delete_account},
	{.uri = ROLES,
		.schema = SCHEMA_ROLES,
		.entity = ENTITY_ROLES,
		.properties = roles_table,
		.collection = &role_collection},
	{.uri = ROLES "/{*}",
		.schema = SCHEMA_ROLE,
		.entity = ENTITY_ROLE,
		.properties = role,
		.exists = role_exists},
	{.uri = NULL	    },
};
