/* SPDX-License-Identifier: Apache-2.0 */
/* The message registry, as the build embedded data/messages.json. */
#include <string.h>

#include "base/util.h"
#include "endpoint/fields.h"
#include "endpoint/service.h"
#include "message-registry.h"

#define REGISTRY   "Bmclink.1.0.0"
#define REGISTRIES "/redfish/v1/Registries"
#define BASE	   REDFISH_BASE_VERSION REDFISH_BASE_ERRATUM
#define BASE_URI   "https://redfish.dmtf.org/registries/" BASE ".json"
#define FILE_URI   REGISTRIES "/" REGISTRY "/" REGISTRY ".json"

static const struct {
	const char *id, *name, *registry, *where, *uri;
} registries[] = {
	{REGISTRY, "bmclink Message Registry File", "Bmclink.1.0",	   "Uri",		  FILE_URI},
	{BASE,     "Base Message Registry File",    REDFISH_BASE_VERSION, "PublicationUri", BASE_URI},
};

static size_t find_registry(const struct request *request)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(registries) && strcmp(registries[i].id, request->params[0]) != 0)
		i++;
	return i;
}

static bool registry_exists(const struct request *request)
{
	return find_registry(request) < ARRAY_SIZE(registries);
}

static json_t *get_languages(const struct request *request)
{
	return json_pack("[s]", "en");
}

static json_t *get_name(const struct request *request)
{
	return json_string(registries[find_registry(request)].name);
}

static json_t *get_registry_prefix(const struct request *request)
{
	return json_string(registries[find_registry(request)].registry);
}

/* Ours is here, the Base registry where its publisher has it. */
static json_t *get_location(const struct request *request)
{
	size_t i = find_registry(request);

	return json_pack("[{s:s, s:s}]", "Language", "en", registries[i].where, registries[i].uri);
}

static const struct property registry_file[] = {
	P_TEXT("Id", "{0}"),
	P_CALL("Name", get_name),
	P_CALL("Registry", get_registry_prefix),
	P_CALL("Languages", get_languages),
	P_CALL("Location", get_location),
	P_END,
};

static long count_registries(const struct request *request)
{
	return ARRAY_SIZE(registries);
}

static int list_registries(const struct request *request, long skip, long top, json_t *array)
{
	for (long i = skip; i < (long)ARRAY_SIZE(registries) && i < skip + top; i++)
		json_array_append_new(array, resource_link(REGISTRIES "/%s", registries[i].id));
	return 0;
}

static const struct collection registry_collection = {count_registries, list_registries, 0};
static const struct property registries_table[] = {P_TEXT("Name", "Registries"), P_END};

/* As it stands in the file: no need to parse and print it. */
static void get_registry(struct request *request)
{
	char fields[FIELDS_SIZE];
	struct http_reply reply = {
		.status = 200,
		.content_type = "application/json; charset=utf-8",
		.body = (const char *)message_registry,
		.length = sizeof(message_registry),
		.fields = fields,
	};

	fields_add_allow(request->resource, fields, sizeof(fields));
	connection_reply(request->connection, &reply);
}

const struct resource registry_resources[] = {
	{.uri = REGISTRIES,
		.schema = SCHEMA_REGISTRIES,
		.entity = ENTITY_REGISTRIES,
		.properties = registries_table,
		.collection = &registry_collection},
	{.uri = REGISTRIES "/{*}",
		.schema = SCHEMA_REGISTRY_FILE,
		.entity = ENTITY_REGISTRIES,
		.properties = registry_file,
		.exists = registry_exists},
	{.uri = FILE_URI, .entity = ENTITY_REGISTRIES, .get = get_registry},
	{.uri = NULL	    },
};
