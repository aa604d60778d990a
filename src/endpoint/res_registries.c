/* SPDX-License-Identifier: Apache-2.0 */
/* The message registry, as the build embedded data/messages.json. */
#include "endpoint/service.h"
#include "message-registry.h"

#define REGISTRY   "Bmclink.1.0.0"
#define REGISTRIES "/redfish/v1/Registries"
#define FILE_URI   REGISTRIES "/" REGISTRY "/" REGISTRY ".json"

static json_t *get_languages(const struct request *request)
{
	return json_pack("[s]", "en");
}

static json_t *get_location(const struct request *request)
{
	return json_pack("[{s:s, s:s}]", "Language", "en", "Uri", FILE_URI);
}

static const struct property registry_file[] = {
	P_TEXT("Id", REGISTRY),
	P_TEXT("Name", "bmclink Message Registry File"),
	P_TEXT("Registry", "Bmclink.1.0"),
	P_CALL("Languages", get_languages),
	P_CALL("Location", get_location),
	P_END,
};

static long count_registries(const struct request *request)
{
	return 1;
}

static int list_registries(const struct request *request, long skip, long top, json_t *array)
{
	if (skip == 0 && top > 0)
		json_array_append_new(array, resource_link(REGISTRIES "/" REGISTRY));
	return 0;
}

static const struct collection registry_collection = {count_registries, list_registries, 0};
static const struct property registries_table[] = {P_TEXT("Name", "Registries"), P_END};

/* As it stands in the file: no need to parse and print it. */
static void get_registry(struct request *request)
{
	struct http_reply reply = {
		.status = 200,
		.content_type = "application/json; charset=utf-8",
		.body = (const char *)message_registry,
		.length = sizeof(message_registry),
	};

	connection_reply(request->connection, &reply);
}

const struct resource registry_resources[] = {
	{.uri = REGISTRIES,
		.schema = SCHEMA_REGISTRIES,
		.entity = ENTITY_REGISTRIES,
		.properties = registries_table,
		.collection = &registry_collection},
	{.uri = REGISTRIES "/" REGISTRY,
		.schema = SCHEMA_REGISTRY_FILE,
		.entity = ENTITY_REGISTRIES,
		.properties = registry_file},
	{.uri = FILE_URI, .entity = ENTITY_REGISTRIES, .get = get_registry},
	{.uri = NULL    },
};
