/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way: who asks, for what, may they; and the answers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/authenticate.h"
#include "endpoint/fields.h"
#include "endpoint/negotiate.h"
#include "endpoint/patch.h"
#include "endpoint/query.h"
#include "endpoint/request.h"
#include "endpoint/service.h"

#define BODY_ANONYMOUS 16384 /* bytes: enough for a certificate */

void request_reply(struct request *request, int status, json_t *json, const char *fields)
{
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct http_reply reply = {
		.status = status,
		.content_type = text ? "application/json; charset=utf-8" : NULL,
		.body = text,
		.length = text ? strlen(text) : 0,
		.fields = fields,
	};

	if (json && !text)
		reply.status = 500;
	json_decref(json);
	/* What a client has changed is in the log before it is told that it has. */
	if (!(request->http->method & (HTTP_GET | HTTP_HEAD)) && status < 300)
		lclog_flush(request->service->log);
	if (status == 401 || status == 403)
		refusals_count(request->service->refusals, REFUSALS_RIGHTS);
	connection_reply(request->connection, &reply);
}

void request_error(struct request *request, int status, enum base_message message, ...)
{
	const char *args[BASE_MAX_ARGS];
	const char *fields = NULL;
	char wait[32];
	va_list list;

	va_start(list, message);
	for (int i = 0; i < BASE_MAX_ARGS; i++)
		args[i] = redfish_error_arg_count(message) > i ? va_arg(list, const char *) : "";
	va_end(list);
	/* Log-in by password is for encrypted connections; a browser must not even ask. */
	if (status == 401 && connection_get_ssl(request->connection))
		fields = "WWW-Authenticate: Basic realm=\"bmclink\", charset=\"UTF-8\"\r\n";
	if (message == BASE_UNAVAILABLE) {
		snprintf(wait, sizeof(wait), "Retry-After: %s\r\n", args[0]);
		fields = wait;
	}
	request_reply(request, status, redfish_error_body(message, args), fields);
}

size_t request_body_limit(
	struct service *service, struct connection *connection, const struct http_request *http)
{
	bool is_long = http->chunked || http->content_length > BODY_ANONYMOUS;

	return authenticate_head(service, connection, http, is_long) ? SERVER_MAX_BODY
								     : BODY_ANONYMOUS;
}

static void reply_not_allowed(struct request *request)
{
	char fields[FIELDS_SIZE];

	fields_add_allow(request->resource, fields, sizeof(fields));
	if (request->http->method == HTTP_OPTIONS)
		request_reply(request, 204, NULL, fields);
	else
		request_reply(
			request, 405, redfish_error_body(BASE_OPERATION_NOT_ALLOWED, NULL), fields);
}

void request_reply_resource(struct request *request, int status, json_t *json, const char *extra)
{
	char fields[FIELDS_SIZE], etag[NEGOTIATE_ETAG_SIZE];

	if (!json) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
		return;
	}
	fields_make_etag(json, etag);
	fields_make(request, json, etag, extra, fields, sizeof(fields));
	request_reply(request, status, json, fields);
}

/* If-Match and If-None-Match against the resource as it is now; false: answered. */
static bool check_preconditions(struct request *request, json_t *json)
{
	const char *match = http_get_field(request->http, "If-Match");
	const char *none = http_get_field(request->http, "If-None-Match");
	char etag[NEGOTIATE_ETAG_SIZE], fields[FIELDS_SIZE];
	bool reads = request->http->method & (HTTP_GET | HTTP_HEAD);

	if (!match && !none)
		return true;
	fields_make_etag(json, etag);
	if (match && !negotiate_matches_etag(match, etag)) {
		request_error(request, 412, BASE_PRECONDITION_FAILED);
		return false;
	}
	if (match || !negotiate_matches_etag(none, etag))
		return true;
	if (reads) {
		fields_make(request, json, etag, NULL, fields, sizeof(fields));
		request_reply(request, 304, NULL, fields);
	} else {
		request_error(request, 412, BASE_PRECONDITION_FAILED);
	}
	return false;
}

static void reply_get(struct request *request)
{
	json_t *json;

	if (request->resource->get) {
		request->resource->get(request);
		return;
	}
	json = resource_render(request);
	if (!json)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else if (check_preconditions(request, json))
		request_reply_resource(request, 200, json_incref(json), NULL);
	json_decref(json);
}

/* A change of a resource that has an ETag: only if the client knows what it changes. */
static bool may_change(struct request *request)
{
	json_t *json;
	bool ok;

	if (request->resource->get || request->resource->action)
		return true;
	if (!http_get_field(request->http, "If-Match") &&
		!http_get_field(request->http, "If-None-Match"))
		return true;
	json = resource_render(request);
	ok = json && check_preconditions(request, json);
	if (!json)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	json_decref(json);
	return ok;
}

static void call_with_body(
	struct request *request, void (*fn)(struct request *request, const json_t *body))
{
	const char *type = http_get_field(request->http, "Content-Type");
	json_t *body;

	if (type && !negotiate_is_type(type, "application/json")) {
		request_error(request, 415, BASE_HEADER_INVALID, "Content-Type");
		return;
	}
	/* An action without parameters may come without a body. */
	if (request->resource->action && !request->body_length)
		body = json_object();
	else
		body = json_loadb(
			request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
	if (!body)
		request_error(request, 400, BASE_MALFORMED_JSON);
	else if (!json_is_object(body))
		request_error(request, 400, BASE_UNRECOGNIZED_BODY);
	else
		fn(request, body);
	json_decref(body);
}

static void dispatch(struct request *request)
{
	const struct resource *resource = request->resource;

	switch (request->http->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		reply_get(request);
		break;
	case HTTP_POST:
		if (resource->upload)
			resource->upload(request);
		else
			call_with_body(request, resource->post);
		break;
	case HTTP_PATCH:
		if (may_change(request))
			call_with_body(request, patch_apply);
		break;
	case HTTP_DELETE:
		if (may_change(request))
			resource->delete (request);
		break;
	default:
		reply_not_allowed(request);
	}
}

static void refuse_rights(struct request *request)
{
	if (request->role == ROLE_NONE || request->role == ROLE_ENROLLING)
		request_error(request, 401, BASE_UNAUTHORIZED, request->path, "no credentials");
	else
		request_error(request, 403, BASE_INSUFFICIENT_PRIVILEGE);
}

/* The entity of a path that is not there: nobody learns without a login what is. */
static bool may_look(const struct request *request)
{
	return privilege_get_role(request->role)->privileges & PRIVILEGE_LOGIN;
}

/* Fields that say what kind of answer is wanted; false: answered. */
static bool check_fields(struct request *request)
{
	const char *version = http_get_field(request->http, "OData-Version");
	const char *accept = http_get_field(request->http, "Accept");
	const char *type = request->resource->type ? request->resource->type : "application/json";

	if (version && strcmp(version, "4.0") != 0) {
		request_error(request, 412, BASE_HEADER_INVALID, "OData-Version");
		return false;
	}
	if (!negotiate_accepts(accept, type)) {
		request_error(request, 406, BASE_HEADER_INVALID, "Accept");
		return false;
	}
	return true;
}

/* The method whose rights count: of one that is not there, the one that shows the resource. */
static enum http_method method_to_judge(const struct request *request)
{
	enum http_method method = request->http->method;

	if (resource_get_methods(request->resource) & method)
		return method;
	return request->resource->action ? HTTP_POST : HTTP_GET;
}

static void route(struct request *request)
{
	bool found = http_decode_path(request->http->path) && resource_find(request);

	if (!found && may_look(request))
		request_error(request, 404, BASE_RESOURCE_MISSING, request->http->path);
	else if (!found || !privilege_allows(request->role, request->resource->entity,
				   method_to_judge(request)))
		refuse_rights(request);
	else if (!(resource_get_methods(request->resource) & request->http->method))
		reply_not_allowed(request);
	else if (check_fields(request) && query_parse(request))
		dispatch(request);
}

void request_handle(struct request *request)
{
	int status;

	if (request->http->method == HTTP_OTHER) {
		request_error(request, 501, BASE_OPERATION_NOT_ALLOWED);
		return;
	}
	status = authenticate_request(request);
	if (status == 429)
		request_error(request, 429, BASE_UNAVAILABLE, "60");
	else if (status)
		request_error(request, status, BASE_UNAUTHORIZED, request->http->path,
			"wrong credentials");
	else
		route(request);
}
