/* SPDX-License-Identifier: Apache-2.0 */
/* Actions, and what they take (ActionInfo). An unknown parameter is an error, as DSP0266 has it. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "endpoint/actions.h"
#include "endpoint/service.h"

#define CLEAR_LOG "/redfish/v1/Managers/{manager}/LogServices/Lclog/Actions/LogService.ClearLog"
#define ACKNOWLEDGE                                                                                \
	"/redfish/v1/Managers/{manager}/Actions/Oem/BmclinkManager.AcknowledgeCertificate"
#define SUBMIT_TEST "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent"
#define SUBMIT_INFO "/redfish/v1/EventService/SubmitTestEventActionInfo"

/* The schema's parameters of SubmitTestEvent that a record can carry or that change nothing. */
static const char *const test_parameters[] = {"EventGroupId", "EventId", "EventTimestamp",
	"EventType", "Message", "MessageArgs", "MessageId", "MessageSeverity", "OriginOfCondition",
	"Severity", NULL};
static const char *const acknowledge_parameters[] = {"Fingerprint", NULL};
static const char *const no_parameters[] = {NULL};

static const char *find_unknown(const json_t *body, const char *const *known)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], name) != 0)
			i++;
		if (!known[i])
			return name;
	}
	return NULL;
}

bool actions_check_parameters(
	struct request *request, const json_t *body, const char *action, const char *const *known)
{
	const char *unknown = find_unknown(body, known);

	if (unknown)
		request_error(request, 400, BASE_ACTION_PARAMETER_UNKNOWN, action, unknown);
	return !unknown;
}

json_t *actions_make_reset(
	const struct request *request, enum platform_target target, const char *name)
{
	json_t *types = platform_get_reset_types(request->service->platform, target);
	json_t *action;

	if (!types)
		return json_object();
	action = json_sprintf("%s/Actions/%s", request->path, name + 1);
	return json_pack("{s:{s:o, s:o}}", name, "target", action,
		"ResetType@Redfish.AllowableValues", types);
}

/* A record like any other: so it is in each stream, with an id, and who asked is known later. */
static void submit_test_event(struct request *request, const json_t *body)
{
	const json_t *message = json_object_get(body, "Message");
	const char *address = connection_get_peer(request->connection)->address;

	if (!actions_check_parameters(request, body, "SubmitTestEvent", test_parameters))
		return;
	if (message && !json_is_string(message)) {
		request_error(request, 400, BASE_PROPERTY_VALUE_ERROR, "Message");
		return;
	}
	if (!request->service->events_enabled)
		request_error(request, 503, BASE_UNAVAILABLE, "30");
	else if (lclog_emit(request->service->log, MSG_ISM1042, address,
			 message ? json_string_value(message) : "no text") < 0)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else
		request_reply(request, 204, NULL, NULL);
}

static void clear_log(struct request *request, const json_t *body)
{
	const char *address = connection_get_peer(request->connection)->address;

	if (!actions_check_parameters(request, body, "ClearLog", no_parameters))
		return;
	if (lclog_clear(request->service->log, address) < 0)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else
		request_reply(request, 204, NULL, NULL);
}

/* A host has our next certificate as a second pin, durably: it says so before we change. */
static void acknowledge(struct request *request, const json_t *body)
{
	const char *hex = json_string_value(json_object_get(body, "Fingerprint"));
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	int r;

	if (!actions_check_parameters(
		    request, body, "AcknowledgeCertificate", acknowledge_parameters))
		return;
	if (!hex) {
		request_error(request, 400, BASE_PROPERTY_MISSING, "Fingerprint");
		return;
	}
	r = text_parse_hex(hex, fingerprint, sizeof(fingerprint));
	if (r == 0)
		r = service_acknowledge_next(request->service,
			&connection_get_handshake(request->connection)->certificate, fingerprint);
	if (r == -EPERM)
		request_error(request, 403, BASE_INSUFFICIENT_PRIVILEGE);
	else if (r < 0)
		request_error(request, 400, BASE_PROPERTY_VALUE, "Fingerprint", "...");
	else
		request_reply(request, 204, NULL, NULL);
}

static json_t *get_parameters(const struct request *request)
{
	json_t *array = json_array();

	for (size_t i = 0; test_parameters[i]; i++) {
		bool is_array = strcmp(test_parameters[i], "MessageArgs") == 0;

		json_array_append_new(
			array, json_pack("{s:s, s:b, s:s}", "Name", test_parameters[i], "Required",
				       0, "DataType", is_array ? "StringArray" : "String"));
	}
	return array;
}

static const struct property submit_info[] = {
	P_TEXT("Id", "SubmitTestEventActionInfo"),
	P_TEXT("Name", "Submit Test Event Action Info"),
	P_CALL("Parameters", get_parameters),
	P_END,
};

const struct resource action_resources[] = {
	{.uri = CLEAR_LOG,			   .entity = ENTITY_LOG_CLEAR, .action = true, .post = clear_log},
	{.uri = ACKNOWLEDGE,
		.entity = ENTITY_CERTIFICATE_ACKNOWLEDGE,
		.action = true,
		.post = acknowledge},
	{.uri = SUBMIT_TEST,
		.entity = ENTITY_EVENT_TEST,
		.action = true,
		.post = submit_test_event},
	{.uri = SUBMIT_INFO,
		.schema = SCHEMA_ACTION_INFO,
		.entity = ENTITY_EVENT_SERVICE,
		.properties = submit_info},
	{.uri = NULL		     },
};
