/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way: who asks, for what, may they; and the answers. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/request.h"
#include "endpoint/service.h"

#define BODY_ANONYMOUS 16384 /* bytes: enough for a certificate */
#define MAX_SKIP       1000000000L

static int64_t mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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
	if (status == 401 || status == 403)
		refusals_count(request->service->refusals, REFUSALS_RIGHTS);
	connection_reply(request->connection, &reply);
}

void request_error(struct request *request, int status, enum base_message message, ...)
{
	const char *args[BASE_MAX_ARGS];
	const char *fields = NULL;
	va_list list;

	va_start(list, message);
	for (int i = 0; i < BASE_MAX_ARGS; i++)
		args[i] = redfish_error_arg_count(message) > i ? va_arg(list, const char *) : "";
	va_end(list);
	/* Log-in by password is for encrypted connections; a browser must not even ask. */
	if (status == 401 && connection_get_ssl(request->connection))
		fields = "WWW-Authenticate: Basic realm=\"bmclink\", charset=\"UTF-8\"\r\n";
	if (status == 503)
		fields = "Retry-After: 30\r\n";
	request_reply(request, status, redfish_error_body(message, args), fields);
}

/* The role that the connection itself gives. */
static enum role find_connection_role(struct service *service, struct connection *connection)
{
	const struct handshake *handshake = connection_get_handshake(connection);

	if (!connection_get_ssl(connection))
		return ROLE_AUTH_NONE;
	if (handshake->client == HANDSHAKE_CLIENT_NONE)
		return ROLE_NONE;
	/* Asked anew with each request: trust may have been taken away, or just been made. */
	switch (service_judge(&handshake->certificate, service)) {
	case TRUST_VERDICT_KNOWN:
		return ROLE_HOST;
	case TRUST_VERDICT_ENROLLING:
		return ROLE_ENROLLING;
	default:
		return ROLE_NONE;
	}
}

/*
 * Who asks? Returns 0 or the status to refuse with: a wrong password is an error also where none
 * would be needed, and over a plain connection a password is not looked at.
 */
static int authenticate(struct request *request)
{
	const char *authorization = http_get_field(request->http, "Authorization");
	enum accounts_result result;

	request->role = find_connection_role(request->service, request->connection);
	if (request->role == ROLE_HOST)
		service_note_use(request->service,
			&connection_get_handshake(request->connection)->certificate);
	if (!authorization)
		return 0;
	if (!connection_get_ssl(request->connection))
		return 401;
	result = accounts_check_basic(&request->service->accounts, authorization,
		connection_get_peer(request->connection)->source, mono_ms());
	if (result == ACCOUNTS_LOCKED)
		return 429;
	if (result == ACCOUNTS_WRONG)
		return 401;
	request->role = ROLE_ADMINISTRATOR;
	connection_set_trusted(request->connection);
	return 0;
}

/* A long body is for those who are known before it is read, not for who only says so. */
size_t request_body_limit(
	struct service *service, struct connection *connection, const struct http_request *http)
{
	const char *authorization = http_get_field(http, "Authorization");
	bool is_long = http->chunked || http->content_length > BODY_ANONYMOUS;

	if (find_connection_role(service, connection) == ROLE_HOST)
		return SERVER_MAX_BODY;
	if (is_long && authorization && connection_get_ssl(connection) &&
		accounts_check_basic(&service->accounts, authorization,
			connection_get_peer(connection)->source, mono_ms()) == ACCOUNTS_OK)
		return SERVER_MAX_BODY;
	return BODY_ANONYMOUS;
}

/* The number behind "$skip=" and such; false when it is not one. */
static bool parse_number(const char *value, size_t length, long *number)
{
	long n = 0;

	if (!length || length > 10)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		n = n * 10 + (value[i] - '0');
	}
	*number = n > MAX_SKIP ? MAX_SKIP : n;
	return true;
}

/* $top and $skip; another parameter with '$' is not supported, one without is ignored (DSP0266). */
static bool parse_query(struct request *request)
{
	const char *query = request->http->query;

	request->top = request->skip = -1;
	while (*query) {
		size_t length = strcspn(query, "&");
		long *target = NULL;
		size_t name = 0;

		if (strncmp(query, "$top=", 5) == 0 || strncmp(query, "$skip=", 6) == 0) {
			name = query[1] == 't' ? 5 : 6;
			target = query[1] == 't' ? &request->top : &request->skip;
		}
		if (target && !parse_number(query + name, length - name, target)) {
			request_error(request, 400, BASE_QUERY_FORMAT, query + name,
				name == 5 ? "$top" : "$skip");
			return false;
		}
		if (!target && (*query == '$' || strncmp(query, "%24", 3) == 0)) {
			request_error(request, 501, BASE_QUERY_NOT_SUPPORTED);
			return false;
		}
		query += length;
		query += *query == '&';
	}
	return true;
}

static void reply_not_allowed(struct request *request)
{
	char fields[128];
	unsigned int methods = resource_get_methods(request->resource);

	snprintf(fields, sizeof(fields), "Allow: GET, HEAD%s%s%s\r\n",
		methods & HTTP_POST ? ", POST" : "", methods & HTTP_PATCH ? ", PATCH" : "",
		methods & HTTP_DELETE ? ", DELETE" : "");
	if (request->http->method == HTTP_OPTIONS)
		request_reply(request, 204, NULL, fields);
	else
		request_reply(
			request, 405, redfish_error_body(BASE_OPERATION_NOT_ALLOWED, NULL), fields);
}

static void reply_get(struct request *request)
{
	json_t *json;

	if (request->resource->get) {
		request->resource->get(request);
		return;
	}
	json = resource_render(request);
	if (json)
		request_reply(request, 200, json, NULL);
	else
		request_error(request, 500, BASE_INTERNAL_ERROR);
}

static void call_with_body(
	struct request *request, void (*fn)(struct request *request, const json_t *body))
{
	json_t *body =
		json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);

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
		call_with_body(request, resource->post);
		break;
	case HTTP_PATCH:
		call_with_body(request, resource->patch);
		break;
	case HTTP_DELETE:
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

static void route(struct request *request)
{
	bool found = http_decode_path(request->http->path) && resource_find(request);
	enum http_method method = request->http->method;
	bool has_method;

	if (!found && !may_look(request)) {
		refuse_rights(request);
	} else if (!found) {
		request_error(request, 404, BASE_RESOURCE_MISSING, request->http->path);
	} else {
		has_method = resource_get_methods(request->resource) & method;
		if (!privilege_allows(request->role, request->resource->entity,
			    has_method ? method : HTTP_GET))
			refuse_rights(request);
		else if (!has_method)
			reply_not_allowed(request);
		else if (parse_query(request))
			dispatch(request);
	}
}

void request_handle(struct request *request)
{
	const char *version = http_get_field(request->http, "OData-Version");
	int status;

	if (request->http->method == HTTP_OTHER) {
		request_error(request, 501, BASE_OPERATION_NOT_ALLOWED);
		return;
	}
	status = authenticate(request);
	if (status == 429)
		request_error(request, 429, BASE_UNAVAILABLE, "60");
	else if (status)
		request_error(request, status, BASE_UNAUTHORIZED, request->http->path,
			"wrong credentials");
	else if (version && strcmp(version, "4.0") != 0)
		request_error(request, 412, BASE_HEADER_INVALID, "OData-Version");
	else
		route(request);
}
