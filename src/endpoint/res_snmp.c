/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Managers/{id}/Oem/Bmclink/Snmp: how the host asks this BMC over SNMP. The host's SetUser makes
 * the user, over its trusted channel only; properties and values have the names of
 * ManagerAccount.SNMP.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "endpoint/actions.h"
#include "endpoint/service.h"

#define SNMP	    "/redfish/v1/Managers/{manager}/Oem/Bmclink/Snmp"
#define SET_USER    SNMP "/Actions/BmclinkSnmp.SetUser"
#define REMOVE_USER SNMP "/Actions/BmclinkSnmp.RemoveUser"
#define ENCRYPTION  "CFB128_AES128"

static const char *const authentications[] = {
	[SNMP_AUTH_SHA256] = "HMAC192_SHA256", [SNMP_AUTH_SHA1] = "HMAC_SHA96"};

static json_t *get_running(const struct request *request)
{
	return json_boolean(service_snmp_is_served(request->service));
}

static json_t *get_enabled(const struct request *request)
{
	return json_boolean(request->service->settings.snmp);
}

static json_t *get_port(const struct request *request)
{
	return json_integer(request->service->settings.snmp_port);
}

static json_t *get_subtree(const struct request *request)
{
	return json_string(service_get_snmp_subtree(request->service));
}

static json_t *get_authentications(const struct request *request)
{
	return json_pack(
		"[s, s]", authentications[SNMP_AUTH_SHA256], authentications[SNMP_AUTH_SHA1]);
}

static json_t *get_encryptions(const struct request *request)
{
	return json_pack("[s]", ENCRYPTION);
}

static json_t *string_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *get_user(const struct request *request)
{
	return string_or_null(request->service->snmp.name);
}

static json_t *get_engine(const struct request *request)
{
	return string_or_null(request->service->snmp.engine);
}

static const struct property set_user_action[] = {P_TEXT("target", SET_USER), P_END};
static const struct property remove_user_action[] = {P_TEXT("target", REMOVE_USER), P_END};
static const struct property actions[] = {
	P_OBJECT("#BmclinkSnmp.SetUser", set_user_action),
	P_OBJECT("#BmclinkSnmp.RemoveUser", remove_user_action),
	P_END,
};
static const struct property snmp[] = {
	P_TEXT("Id", "Snmp"),
	P_TEXT("Name", "SNMP for the host"),
	P_CALL("Enabled", get_enabled),
	P_CALL("ServiceRunning", get_running),
	P_CALL("Port", get_port),
	P_CALL("Subtree", get_subtree),
	P_CALL("AuthenticationProtocols", get_authentications),
	P_CALL("EncryptionProtocols", get_encryptions),
	P_CALL("UserName", get_user),
	P_CALL("EngineId", get_engine),
	P_OBJECT("Actions", actions),
	P_END,
};

/* A parameter of SetUser; NULL: answered. */
static const char *read_text(struct request *request, const json_t *body, const char *name)
{
	const json_t *value = json_object_get(body, name);
	const char *text = json_string_value(value);

	if (!value)
		request_error(request, 400, BASE_ACTION_PARAMETER_MISSING, "SetUser", name);
	else if (!text || strlen(text) != json_string_length(value))
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE, name, "SetUser");
	else
		return text;
	return NULL;
}

static bool read_key(
	struct request *request, const json_t *body, const char *name, char out[SNMP_MAX_KEY + 1])
{
	const char *text = read_text(request, body, name);

	if (!text)
		return false;
	if (!snmp_key_is_good(text)) {
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE, name, "SetUser");
		return false;
	}
	strcpy(out, text);
	return true;
}

static bool read_protocols(struct request *request, const json_t *body, struct snmp_user *user)
{
	static const char *const names[] = {"AuthenticationProtocol", "EncryptionProtocol"};
	const char *authentication = read_text(request, body, names[0]);
	const char *encryption = authentication ? read_text(request, body, names[1]) : NULL;

	if (!encryption)
		return false;
	if (strcmp(authentication, authentications[SNMP_AUTH_SHA256]) == 0)
		user->auth = SNMP_AUTH_SHA256;
	else if (strcmp(authentication, authentications[SNMP_AUTH_SHA1]) == 0)
		user->auth = SNMP_AUTH_SHA1;
	else {
		request_error(request, 400, BASE_ACTION_PARAMETER_NOT_IN_LIST, authentication,
			names[0], "SetUser");
		return false;
	}
	if (strcmp(encryption, ENCRYPTION) == 0)
		return true;
	request_error(
		request, 400, BASE_ACTION_PARAMETER_NOT_IN_LIST, encryption, names[1], "SetUser");
	return false;
}

/* False: answered. */
static bool read_user(struct request *request, const json_t *body, struct snmp_user *user)
{
	static const char *const known[] = {"UserName", "AuthenticationProtocol",
		"AuthenticationKey", "EncryptionProtocol", "EncryptionKey", NULL};
	const char *name;

	if (!actions_check_parameters(request, body, "SetUser", known))
		return false;
	name = read_text(request, body, "UserName");
	if (!name)
		return false;
	if (!snmp_name_is_good(name)) {
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE, "UserName", "SetUser");
		return false;
	}
	strcpy(user->name, name);
	return read_protocols(request, body, user) &&
	       read_key(request, body, "AuthenticationKey", user->auth_key) &&
	       read_key(request, body, "EncryptionKey", user->priv_key);
}

/* Only a host that is known by its certificate gets here (privilege.c), so only over TLS. */
static void set_user(struct request *request, const json_t *body)
{
	struct service *service = request->service;
	struct snmp_user user = {.name = ""};
	int r;

	memcpy(user.host, connection_get_handshake(request->connection)->certificate.fingerprint,
		sizeof(user.host));
	if (!read_user(request, body, &user)) {
		OPENSSL_cleanse(&user, sizeof(user));
		return;
	}
	r = service_snmp_is_served(service) ? service_set_snmp_user(service, &user) : -ESRCH;
	OPENSSL_cleanse(&user, sizeof(user));
	if (r == 0)
		request_reply(request, 200, resource_render_table(request, snmp), NULL);
	else if (r == -ESRCH)
		request_error(request, 503, BASE_UNAVAILABLE, "30");
	else if (r == -EPERM)
		request_error(request, 403, BASE_OPERATION_NOT_ALLOWED);
	else
		request_error(request, 500, BASE_INTERNAL_ERROR);
}

static void remove_user(struct request *request, const json_t *body)
{
	static const char *const known[] = {NULL};

	if (!actions_check_parameters(request, body, "RemoveUser", known))
		return;
	service_remove_snmp_user(request->service, "the host does not want it any more");
	request_reply(request, 204, NULL, NULL);
}

const struct resource snmp_resources[] = {
	{.uri = SNMP,		      .schema = SCHEMA_OEM_SNMP, .entity = ENTITY_SNMP, .properties = snmp},
	{.uri = SET_USER,	  .entity = ENTITY_SNMP_USER, .action = true, .post = set_user},
	{.uri = REMOVE_USER,			     .entity = ENTITY_SNMP_USER, .action = true, .post = remove_user},
	{.uri = NULL},
};
