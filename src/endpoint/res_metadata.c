/* SPDX-License-Identifier: Apache-2.0 */
/* $metadata and our own schemas (DSP0266, clause "OData metadata"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "endpoint/fields.h"
#include "endpoint/service.h"
#include "schema-manager.h"
#include "schema-root.h"
#include "schema-service-module.h"
#include "schema-snmp.h"
#include "schema-software.h"

#define DMTF	 "https://redfish.dmtf.org/schemas/v1/"
#define OURS	 "/redfish/v1/Schemas/"
#define XML_TYPE "application/xml"
#define ODATA	 "http://docs.oasis-open.org/odata/odata/v4.0/errata03/csd01/complete/vocabularies/"

static const char head[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" Version=\"4.0\">\n"
	"<edmx:Reference Uri=\"" ODATA "Org.OData.Core.V1.xml\">"
	"<edmx:Include Namespace=\"Org.OData.Core.V1\" Alias=\"OData\"/></edmx:Reference>\n"
	"<edmx:Reference Uri=\"" DMTF "RedfishExtensions_v1.xml\">"
	"<edmx:Include Namespace=\"RedfishExtensions.v1_0_0\" Alias=\"Redfish\"/>"
	"</edmx:Reference>\n";

static void reply_xml(struct request *request, const char *text, size_t length)
{
	char fields[FIELDS_SIZE];
	struct http_reply reply = {
		.status = 200,
		.content_type = XML_TYPE "; charset=utf-8",
		.body = text,
		.length = length,
		.fields = fields,
	};

	fields_add_allow(request->resource, fields, sizeof(fields));
	connection_reply(request->connection, &reply);
}

/* "#Manager.v1_19_0.Manager": its file, its name alone, and its version. */
static void add_reference(FILE *out, const char *type)
{
	const char *name = type + 1;
	int n = (int)strcspn(name, "."), whole = (int)(strrchr(name, '.') - name);

	fprintf(out, "<edmx:Reference Uri=\"%s%.*s_v1.xml\"><edmx:Include Namespace=\"%.*s\"/>",
		strncmp(name, "Bmclink", 7) == 0 ? OURS : DMTF, n, name, n, name);
	if (whole > n)
		fprintf(out, "<edmx:Include Namespace=\"%.*s\"/>", whole, name);
	fprintf(out, "</edmx:Reference>\n");
}

static void write_metadata(FILE *out)
{
	const char *root = schema_get_type(SCHEMA_SERVICE_ROOT) + 1;
	int whole = (int)(strrchr(root, '.') - root);

	fputs(head, out);
	for (int s = SCHEMA_NONE + 1; s < SCHEMA_COUNT; s++)
		add_reference(out, schema_get_type((enum schema)s));
	fprintf(out,
		"<edmx:DataServices>"
		"<Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Service\">"
		"<EntityContainer Name=\"Service\" Extends=\"%.*s.ServiceContainer\"/>"
		"</Schema></edmx:DataServices>\n</edmx:Edmx>\n",
		whole, root);
}

static void get_metadata(struct request *request)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
		return;
	}
	write_metadata(out);
	if (fclose(out) != 0 || !text)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else
		reply_xml(request, text, length);
}

static void get_root_schema(struct request *request)
{
	reply_xml(request, (const char *)schema_root, sizeof(schema_root));
}

static void get_manager_schema(struct request *request)
{
	reply_xml(request, (const char *)schema_manager, sizeof(schema_manager));
}

static void get_service_module_schema(struct request *request)
{
	reply_xml(request, (const char *)schema_service_module, sizeof(schema_service_module));
}

static void get_software_schema(struct request *request)
{
	reply_xml(request, (const char *)schema_software, sizeof(schema_software));
}

static void get_snmp_schema(struct request *request)
{
	reply_xml(request, (const char *)schema_snmp, sizeof(schema_snmp));
}

const struct resource metadata_resources[] = {
	{.uri = "/redfish/v1/$metadata",
		.entity = ENTITY_VERSIONS,
		.get = get_metadata,
		.type = XML_TYPE},
	{.uri = OURS "BmclinkServiceRoot_v1.xml",
		.entity = ENTITY_VERSIONS,
		.get = get_root_schema,
		.type = XML_TYPE},
	{.uri = OURS "BmclinkManager_v1.xml",
		.entity = ENTITY_VERSIONS,
		.get = get_manager_schema,
		.type = XML_TYPE},
	{.uri = OURS "BmclinkServiceModule_v1.xml",
		.entity = ENTITY_VERSIONS,
		.get = get_service_module_schema,
		.type = XML_TYPE},
	{.uri = OURS "BmclinkSoftwareInventory_v1.xml",
		.entity = ENTITY_VERSIONS,
		.get = get_software_schema,
		.type = XML_TYPE},
	{.uri = OURS "BmclinkSnmp_v1.xml",
		.entity = ENTITY_VERSIONS,
		.get = get_snmp_schema,
		.type = XML_TYPE},
	{.uri = NULL	    },
};
