/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions: one for each stream that is open ("3"), and those to which events are pushed
 * ("push-3"). Whoever has logged in sees them, the administrator makes and ends them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/service.h"

#define SUBSCRIPTIONS "/redfish/v1/EventService/Subscriptions"
#define PUSH	      "push-"

static unsigned int read_id(const char *text)
{
	char canonical[24];
	unsigned long id = strtoul(text, NULL, 10);

	snprintf(canonical, sizeof(canonical), "%lu", id);
	return id <= UINT32_MAX && strcmp(canonical, text) == 0 ? (unsigned int)id : 0;
}

/* 0: it is none of a stream, none of a push subscription. */
static unsigned int stream_id(const struct request *request)
{
	return read_id(request->params[0]);
}

static unsigned int push_id(const struct request *request)
{
	bool is_push = strncmp(request->params[0], PUSH, strlen(PUSH)) == 0;

	return is_push ? read_id(request->params[0] + strlen(PUSH)) : 0;
}

static bool subscription_exists(const struct request *request)
{
	struct service *service = request->service;
	unsigned int stream = stream_id(request), push = push_id(request);

	return (stream && sse_find(service->sse, stream)) ||
	       (push && push_get_destination(service->push, push));
}

static json_t *get_context(const struct request *request)
{
	char text[48];

	if (push_id(request))
		return json_string(push_get_context(request->service->push, push_id(request)));
	snprintf(text, sizeof(text), "stream-%u", stream_id(request));
	return json_string(text);
}

static json_t *get_destination(const struct request *request)
{
	const char *address;

	if (push_id(request))
		return json_string(push_get_destination(request->service->push, push_id(request)));
	address = sse_find(request->service->sse, stream_id(request));
	return json_sprintf(strchr(address, ':') ? "sse://[%s]" : "sse://%s", address);
}

static json_t *get_type(const struct request *request)
{
	return json_string(push_id(request) ? "RedfishEvent" : "SSE");
}

static json_t *get_policy(const struct request *request)
{
	return push_id(request) ? json_string("TerminateAfterRetries") : NULL;
}

static json_t *get_verify(const struct request *request)
{
	return push_id(request) ? json_false() : NULL;
}

static const struct property subscription[] = {
	P_TEXT("Id", "{0}"),
	P_TEXT("Name", "Event subscription {0}"),
	P_CALL("Destination", get_destination),
	P_CALL("SubscriptionType", get_type),
	P_TEXT("EventFormatType", "Event"),
	P_TEXT("Protocol", "Redfish"),
	P_CALL("Context", get_context),
	P_CALL("DeliveryRetryPolicy", get_policy),
	P_CALL("VerifyCertificate", get_verify),
	P_END,
};

static long count_subscriptions(const struct request *request)
{
	unsigned int ids[PUSH_MAX];

	return (long)sse_count(request->service->sse) +
	       (long)push_list(request->service->push, ids);
}

static int list_subscriptions(const struct request *request, long skip, long top, json_t *array)
{
	unsigned int streams[SSE_MAX_STREAMS], pushes[PUSH_MAX];
	long n = (long)sse_list(request->service->sse, streams);
	long all = n + (long)push_list(request->service->push, pushes);

	for (long i = skip; i < all && i < skip + top; i++)
		json_array_append_new(
			array, i < n ? resource_link(SUBSCRIPTIONS "/%u", streams[i])
				     : resource_link(SUBSCRIPTIONS "/" PUSH "%u", pushes[i - n]));
	return 0;
}

static const struct collection subscription_collection = {
	count_subscriptions, list_subscriptions, 0};
static const struct property subscriptions_table[] = {P_TEXT("Name", "Event Subscriptions"), P_END};

static void delete_subscription(struct request *request)
{
	unsigned int push = push_id(request);

	if (!push)
		sse_close_id(
			request->service->sse, stream_id(request), "its subscription was deleted");
	else if (push_remove(request->service->push, push) < 0) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
		return;
	}
	request_reply(request, 204, NULL, NULL);
}

/* What a client may ask for. A filter that we do not have must not look as if it were in force. */
static const struct {
	const char *name, *only; /* NULL: any text */
} known[] = {
	{"Destination",		NULL		    },
	{"Protocol",	     "Redfish"	      },
	{"Context",		    NULL			},
	{"Name",		 NULL		     },
	{"EventFormatType",	    "Event"		   },
	{"SubscriptionType",    "RedfishEvent"	   },
	{"DeliveryRetryPolicy", "TerminateAfterRetries"},
};

/* False: answered. */
static bool check_member(struct request *request, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t i = 0;

	while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i].name, name) != 0)
		i++;
	/* Of the rest, what changes nothing. */
	if (i == sizeof(known) / sizeof(known[0])) {
		if (json_is_null(value) || json_is_false(value) || strchr(name, '@') ||
			(json_is_array(value) && !json_array_size(value)))
			return true;
		request_error(request, 400, BASE_PROPERTY_UNKNOWN, name);
	} else if (!text) {
		request_error(request, 400, BASE_PROPERTY_VALUE_ERROR, name);
	} else if (known[i].only && strcmp(known[i].only, text) != 0) {
		request_error(request, 400, BASE_PROPERTY_NOT_IN_LIST, text, name);
	} else {
		return true;
	}
	return false;
}

static bool check_body(struct request *request, const json_t *body)
{
	static const char *const required[] = {"Destination", "Protocol"};
	const char *name;
	json_t *value;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (!json_object_get(body, required[i])) {
			request_error(request, 400, BASE_PROPERTY_MISSING, required[i]);
			return false;
		}
	}
	json_object_foreach((json_t *)body, name, value)
	{
		if (!check_member(request, name, value))
			return false;
	}
	return true;
}

static void reply_created(struct request *request, unsigned int id)
{
	char fields[RESOURCE_MAX_PATH + 16];

	snprintf(request->params[0], RESOURCE_MAX_PARAM, PUSH "%u", id);
	snprintf(request->path, sizeof(request->path), SUBSCRIPTIONS "/" PUSH "%u", id);
	snprintf(fields, sizeof(fields), "Location: %s\r\n", request->path);
	request->resource++; /* the next row is the subscription's */
	request_reply_resource(request, 201, resource_render(request), fields);
}

static void post_subscription(struct request *request, const json_t *body)
{
	const char *destination = json_string_value(json_object_get(body, "Destination"));
	const char *context = json_string_value(json_object_get(body, "Context"));
	const char *why = "";
	unsigned int id;
	int r;

	if (!check_body(request, body))
		return;
	r = push_add(request->service->push, destination, context ? context : "", &id, &why);
	if (r == 0)
		lclog_emit(request->service->log, MSG_ISM1078, destination,
			connection_get_peer(request->connection)->address);
	if (r == 0)
		reply_created(request, id);
	else if (r == -EINVAL)
		request_error(request, 400, BASE_PROPERTY_VALUE,
			strstr(why, "context") ? "Context" : "Destination", why);
	else if (r == -ENOSPC)
		request_error(request, 400, BASE_SUBSCRIPTION_LIMIT);
	else
		request_error(request, 500, BASE_INTERNAL_ERROR);
}

const struct resource subscription_resources[] = {
	{.uri = SUBSCRIPTIONS,
		.schema = SCHEMA_SUBSCRIPTIONS,
		.entity = ENTITY_SUBSCRIPTIONS,
		.properties = subscriptions_table,
		.collection = &subscription_collection,
		.post = post_subscription},
	{.uri = SUBSCRIPTIONS "/{*}",
		.schema = SCHEMA_SUBSCRIPTION,
		.entity = ENTITY_SUBSCRIPTION,
		.properties = subscription,
		.exists = subscription_exists,
		.delete = delete_subscription},
	{.uri = NULL},
};
