/* SPDX-License-Identifier: Apache-2.0 */
/* EventService and its stream. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/state.h"
#include "endpoint/service.h"

#define SERVICE	    "/redfish/v1/EventService"
#define STREAM	    SERVICE "/SSE"
#define EVENTS_FILE "events.json"

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

static json_t *get_enabled(const struct request *request)
{
	return json_boolean(request->service->events_enabled);
}

static json_t *get_status(const struct request *request)
{
	if (!request->service->events_enabled)
		return json_pack("{s:s}", "State", "Disabled");
	return json_pack("{s:s, s:s}", "State", "Enabled", "Health", "OK");
}

static const struct property submit_test_event[] = {
	P_TEXT("target", SERVICE "/Actions/EventService.SubmitTestEvent"),
	P_TEXT("@Redfish.ActionInfo", SERVICE "/SubmitTestEventActionInfo"),
	P_END,
};
static const struct property actions[] = {
	P_OBJECT("#EventService.SubmitTestEvent", submit_test_event),
	P_END,
};
static const struct property event_service[] = {
	P_TEXT("Id", "EventService"),
	P_TEXT("Name", "Event Service"),
	P_CALL("ServiceEnabled", get_enabled),
	P_CALL("ServerSentEventUri", get_stream),
	P_CALL("EventFormatTypes", get_formats),
	P_CALL("RegistryPrefixes", get_prefixes),
	P_CALL("Status", get_status),
	P_NUMBER("DeliveryRetryAttempts", PUSH_ATTEMPTS),
	P_NUMBER("DeliveryRetryIntervalSeconds", PUSH_RETRY_SECONDS),
	P_LINK("Subscriptions", SERVICE "/Subscriptions"),
	P_OBJECT("Actions", actions),
	P_END,
};

int events_load(struct service *service)
{
	json_t *object = NULL;
	int r;

	/* Without the file, or with one that cannot be read, events flow: the link needs them. */
	service->events_enabled = true;
	r = state_read_json(service->state_fd, EVENTS_FILE, &object);
	if (r < 0)
		return state_is_passing(r) ? r : 0;
	service->events_enabled = !json_is_false(json_object_get(object, "ServiceEnabled"));
	json_decref(object);
	return 0;
}

static enum base_message set_enabled(struct request *request, const json_t *value)
{
	struct service *service = request->service;
	json_t *object;
	int r;

	if (!json_is_boolean(value))
		return BASE_PROPERTY_VALUE_ERROR;
	object = json_pack("{s:i, s:b}", "Version", 1, "ServiceEnabled", json_is_true(value));
	r = object ? state_write_json(service->state_fd, EVENTS_FILE, object, 0600) : -ENOMEM;
	json_decref(object);
	if (r < 0) {
		log_error("events", EVENTS_FILE ": %s", strerror(-r));
		return BASE_INTERNAL_ERROR;
	}
	service->events_enabled = json_is_true(value);
	if (!service->events_enabled)
		sse_close_all(service->sse, "events were switched off");
	else
		push_wake(service->push);
	return BASE_SUCCESS;
}

static const struct patchable event_patchables[] = {
	{"ServiceEnabled", set_enabled},
	{NULL,	       NULL	   },
};

static void open_stream(struct request *request)
{
	/* A bootstrap account ends soon, and a stream would outlive it. */
	if (request->bootstrap)
		request_error(request, 403, BASE_INSUFFICIENT_PRIVILEGE);
	else if (request->service->events_enabled)
		sse_open(request->service->sse, request);
	else
		request_error(request, 503, BASE_UNAVAILABLE, "30");
}

const struct resource event_resources[] = {
	{.uri = SERVICE,
		.schema = SCHEMA_EVENT_SERVICE,
		.entity = ENTITY_EVENT_SERVICE,
		.properties = event_service,
		.patchables = event_patchables},
	{.uri = STREAM,
		.entity = ENTITY_EVENT_STREAM,
		.get = open_stream,
		.type = "text/event-stream"},
	{.uri = NULL},
};
