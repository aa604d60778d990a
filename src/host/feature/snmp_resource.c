/* SPDX-License-Identifier: Apache-2.0 */
#include "host/feature/snmp_resource.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "host/link/channel_resource.h"

int snmp_resource_find(const json_t *manager, char *path, size_t size)
{
	const json_t *oem = json_object_get(json_object_get(manager, "Oem"), "Bmclink");

	return resource_get_link(oem, "Snmp", path, size);
}

static int read_target(const json_t *body, const char *action, char out[CHANNEL_MAX_PATH])
{
	const json_t *actions = json_object_get(body, "Actions");

	return resource_get_link(json_object_get(actions, action), "target", out, CHANNEL_MAX_PATH);
}

static bool has_protocol(const json_t *body, const char *wanted)
{
	const json_t *list = json_object_get(body, "AuthenticationProtocols");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (name != NULL && strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

const char *snmp_resource_read(
	const json_t *body, const struct settings *settings, struct snmp_resource *resource)
{
	json_int_t port = json_integer_value(json_object_get(body, "Port"));

	if (!json_is_object(body))
		return SNMP_RESOURCE_ODD;
	if (json_is_false(json_object_get(body, "Enabled")))
		return "it is off at the BMC (snmp = off)";
	if (!json_is_true(json_object_get(body, "ServiceRunning")))
		return "the BMC's SNMP service does not run";
	resource->subtree[0] = '\0';
	resource_copy_text(body, "Subtree", resource->subtree, sizeof(resource->subtree));
	if (port < 1 || port > 65535 || resource->subtree[0] == '\0')
		return "the BMC does not say how it is asked";
	if (read_target(body, "#BmclinkSnmp.SetUser", resource->set_user) < 0)
		return "the BMC does not say where it takes an SNMP user";
	if (settings->snmp_subtree[0] == '\0' && strcmp(resource->subtree, SNMP_IDRAC) != 0 &&
		strcmp(resource->subtree, SNMP_OWN) != 0)
		return "the BMC's values are in a subtree of its own: name it in [SnmpGet]";
	if (read_target(body, "#BmclinkSnmp.RemoveUser", resource->remove_user) < 0)
		resource->remove_user[0] = '\0'; /* it lets go of a user by itself */
	resource->port = (uint16_t)port;
	resource->sha1 = !has_protocol(body, "HMAC192_SHA256");
	return NULL;
}

int snmp_resource_read_engine(const json_t *body, struct snmp_access *access)
{
	const char *hex = json_string_value(json_object_get(body, "EngineId"));
	size_t length = hex != NULL ? strlen(hex) / 2 : 0;

	if (length < SNMP_MIN_ENGINE || length > SNMP_MAX_ENGINE ||
		text_parse_hex(hex, access->engine, length) < 0)
		return -EBADMSG;
	access->engine_length = length;
	return 0;
}
