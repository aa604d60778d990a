/* SPDX-License-Identifier: Apache-2.0 */
/* /redfish, the service root, and its OData service document (DSP0266). */
#include <string.h>

#include "endpoint/service.h"

static json_t *get_uuid(const struct request *request)
{
	return json_string(request->service->uuid);
}

static json_t *get_vendor(const struct request *request)
{
	return json_string(request->service->settings.vendor);
}

static json_t *get_product(const struct request *request)
{
	return json_string(request->service->settings.product);
}

static json_t *get_identification(const struct request *request)
{
	const char *tag = request->service->settings.service_tag;

	return *tag ? json_string(tag) : NULL;
}

static json_t *get_enrolment(const struct request *request)
{
	return json_string(service_window_is_open(request->service) ? "Open" : "Closed");
}

/* Whoever listens to the stream longer than this without a word knows that we hang. */
static json_t *get_keep_alive(const struct request *request)
{
	long seconds = request->service->settings.keep_alive_seconds;

	return seconds > 0 ? json_integer(seconds) : NULL;
}

static json_t *get_oem_type(const struct request *request)
{
	return json_string(schema_get_type(SCHEMA_OEM_SERVICE_ROOT));
}

static const struct property oem_bmclink[] = {
	P_CALL("@odata.type", get_oem_type),
	P_CALL("Enrolment", get_enrolment),
	P_LINK("HostAccount", "/redfish/v1/AccountService/Accounts/host"),
	P_CALL("StreamKeepAliveSeconds", get_keep_alive),
	P_END,
};
static const struct property oem[] = {P_OBJECT("Bmclink", oem_bmclink), P_END};

static const struct property features[] = {
	P_FLAG("FilterQuery", false),
	P_FLAG("SelectQuery", false),
	P_FLAG("OnlyMemberQuery", false),
	P_FLAG("ExcerptQuery", false),
	P_FLAG("TopSkipQuery", true),
	P_END,
};

static const struct property links[] = {
	P_LINK("Sessions", "/redfish/v1/SessionService/Sessions"),
	P_LINK("ManagerProvidingService", "/redfish/v1/Managers/{manager}"),
	P_END,
};

static const struct property root[] = {
	P_TEXT("Id", "RootService"),
	P_TEXT("Name", "Root Service"),
	P_TEXT("RedfishVersion", "1.20.0"),
	P_CALL("UUID", get_uuid),
	P_CALL("Vendor", get_vendor),
	P_CALL("Product", get_product),
	P_CALL("ServiceIdentification", get_identification),
	P_OBJECT("ProtocolFeaturesSupported", features),
	P_LINK("AccountService", "/redfish/v1/AccountService"),
	P_LINK("SessionService", "/redfish/v1/SessionService"),
	P_LINK("CertificateService", "/redfish/v1/CertificateService"),
	P_LINK("Systems", "/redfish/v1/Systems"),
	P_LINK("Chassis", "/redfish/v1/Chassis"),
	P_LINK("Managers", "/redfish/v1/Managers"),
	P_LINK("EventService", "/redfish/v1/EventService"),
	P_LINK("UpdateService", "/redfish/v1/UpdateService"),
	P_LINK("JsonSchemas", "/redfish/v1/JsonSchemas"),
	P_LINK("Registries", "/redfish/v1/Registries"),
	P_OBJECT("Links", links),
	P_OBJECT("Oem", oem),
	P_END,
};

static json_t *make_versions(const struct request *request)
{
	return json_pack("{s:s}", "v1", "/redfish/v1/");
}

/* Each of the root's links by its name. */
static json_t *make_odata(const struct request *request)
{
	json_t *value = json_array();

	json_array_append_new(value, json_pack("{s:s, s:s, s:s}", "name", "Service", "kind",
					     "Singleton", "url", "/redfish/v1/"));
	for (const struct property *p = root; p->name; p++) {
		if (p->kind == PROPERTY_LINK)
			json_array_append_new(value, json_pack("{s:s, s:s, s:s}", "name", p->name,
							     "kind", "Singleton", "url", p->text));
	}
	return json_pack("{s:s, s:o}", "@odata.context", "/redfish/v1/$metadata", "value", value);
}

const struct resource root_resources[] = {
	{.uri = "/redfish",		    .entity = ENTITY_VERSIONS, .make = make_versions},
	{.uri = "/redfish/v1",
		.schema = SCHEMA_SERVICE_ROOT,
		.entity = ENTITY_SERVICE_ROOT,
		.properties = root},
	{.uri = "/redfish/v1/odata",	     .entity = ENTITY_VERSIONS, .make = make_odata},
	{.uri = NULL},
};
