/* SPDX-License-Identifier: Apache-2.0 */
/* JsonSchemas: where the JSON Schema of each type is published; some clients start from here. */
#include <stdio.h>
#include <string.h>

#include "endpoint/service.h"

#define SCHEMAS	  "/redfish/v1/JsonSchemas"
#define PUBLISHED "https://redfish.dmtf.org/schemas/v1/"
#define FIRST	  (SCHEMA_NONE + 1)

/* "#Manager.v1_19_0.Manager" is in Manager.v1_19_0.json. Ours have no JSON Schema, only CSDL. */
static bool name_schema(int schema, char *out, size_t size)
{
	const char *type = schema_get_type((enum schema)schema);
	const char *end = strrchr(type, '.');

	if (!end || strncmp(type, "#Bmclink", 8) == 0)
		return false;
	snprintf(out, size, "%.*s", (int)(end - type - 1), type + 1);
	return true;
}

static int find_schema(const struct request *request)
{
	char name[RESOURCE_MAX_PARAM];

	for (int s = FIRST; s < SCHEMA_COUNT; s++) {
		if (name_schema(s, name, sizeof(name)) && strcmp(name, request->params[0]) == 0)
			return s;
	}
	return SCHEMA_NONE;
}

static bool schema_exists(const struct request *request)
{
	return find_schema(request) != SCHEMA_NONE;
}

static json_t *get_type(const struct request *request)
{
	return json_string(schema_get_type((enum schema)find_schema(request)));
}

static json_t *get_languages(const struct request *request)
{
	return json_pack("[s]", "en");
}

static json_t *get_location(const struct request *request)
{
	return json_pack("[{s:s, s:o}]", "Language", "en", "PublicationUri",
		json_sprintf(PUBLISHED "%s.json", request->params[0]));
}

static const struct property schema_file[] = {
	P_TEXT("Id", "{0}"),
	P_TEXT("Name", "{0} Schema File"),
	P_CALL("Schema", get_type),
	P_CALL("Languages", get_languages),
	P_CALL("Location", get_location),
	P_END,
};

static long count_schemas(const struct request *request)
{
	char name[RESOURCE_MAX_PARAM];
	long n = 0;

	for (int s = FIRST; s < SCHEMA_COUNT; s++)
		n += name_schema(s, name, sizeof(name));
	return n;
}

static int list_schemas(const struct request *request, long skip, long top, json_t *array)
{
	char name[RESOURCE_MAX_PARAM];
	long n = 0;

	for (int s = FIRST; s < SCHEMA_COUNT; s++) {
		if (!name_schema(s, name, sizeof(name)) || n++ < skip || n > skip + top)
			continue;
		json_array_append_new(array, resource_link(SCHEMAS "/%s", name));
	}
	return 0;
}

static const struct collection schema_collection = {count_schemas, list_schemas, 0};
static const struct property schemas_table[] = {P_TEXT("Name", "JSON Schemas"), P_END};

const struct resource schema_resources[] = {
	{.uri = SCHEMAS,
		.schema = SCHEMA_JSON_SCHEMAS,
		.entity = ENTITY_REGISTRIES,
		.properties = schemas_table,
		.collection = &schema_collection},
	{.uri = SCHEMAS "/{*}",
		.schema = SCHEMA_JSON_SCHEMA_FILE,
		.entity = ENTITY_REGISTRIES,
		.properties = schema_file,
		.exists = schema_exists},
	{.uri = NULL},
};
