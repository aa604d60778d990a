/* SPDX-License-Identifier: Apache-2.0 */
/* EventService and its stream. */
#include "endpoint/service.h"

#define STREAM "/redfish/v1/EventService/SSE"

static json_t *get_formats(const struct request *request)
{
	return json_pack("[s]", "Event");
}

static json_t *get_prefixes(const struct request *request)
{
	return json_pack("[s]", "Bmclink");
}

static json_t *get_stream(const struct request *request)
{
	return json_string(STREAM);
}

static const struct property status[] = {
	P_TEXT("State", "Enabled"),
	P_TEXT("Health", "OK"),
	P_END,
};
static const struct property event_service[] = {
	P_TEXT("Id", "EventService"),
	P_TEXT("Name", "Event Service"),
	P_FLAG("ServiceEnabled", true),
	P_CALL("ServerSentEventUri", get_stream),
	P_CALL("EventFormatTypes", get_formats),
	P_CALL("RegistryPrefixes", get_prefixes),
	P_OBJECT("Status", status),
	P_END,
};

static void open_stream(struct request *request)
{
	sse_open(request->service->sse, request);
}

const struct resource event_resources[] = {
	{.uri = "/redfish/v1/EventService",
		.schema = SCHEMA_EVENT_SERVICE,
		.entity = ENTITY_EVENT_SERVICE,
		.properties = event_service},
	{.uri = STREAM,
		.entity = ENTITY_EVENT_STREAM,
		.get = open_stream,
		.type = "text/event-stream"},
	{.uri = NULL				},
};
