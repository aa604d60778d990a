/* SPDX-License-Identifier: Apache-2.0 */
/* What the server asks the service: requests, refusals, failed handshakes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/request.h"
#include "endpoint/service.h"
#include "endpoint/update_push.h"

static const char tls_required[] = "This firmware requires TLS: connect with https.";
static const char tls_resolution[] = "Upgrade the service module to a version with TLS, or set "
				     "tls = on in its configuration.";

/* The fields of a 426: what to upgrade to (RFC 9110, 15.5.22). */
#define UPGRADE_FIELDS "Upgrade: TLS/1.2, HTTP/1.1\r\n"

static char *make_tls_required_body(void)
{
	json_t *json = redfish_error_text(tls_required, tls_resolution);
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text;
}

int service_make_plain_answer(struct service *service)
{
	_cleanup_free_ char *body = make_tls_required_body();
	char *answer;

	if (!body)
		return -ENOMEM;
	if (asprintf(&answer,
		    "HTTP/1.1 426 %s\r\n" UPGRADE_FIELDS "Connection: close, Upgrade\r\n"
		    "OData-Version: 4.0\r\nContent-Type: application/json; charset=utf-8\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    http_status_text(426), strlen(body), body) < 0)
		return -ENOMEM;
	service->plain_answer = answer;
	return 0;
}

static void refuse_plain(struct service *service, struct connection *connection)
{
	_cleanup_free_ char *body = make_tls_required_body();
	struct http_reply reply = {
		.status = 426,
		.content_type = "application/json; charset=utf-8",
		.body = body,
		.length = body ? strlen(body) : 0,
		.fields = UPGRADE_FIELDS,
		.close = true,
	};

	refusals_add_without_tls(service->refusals, connection);
	connection_reply(connection, &reply);
}

static size_t on_head(struct connection *connection, const struct http_request *request, void *arg)
{
	if (update_push_is_wanted(request))
		return update_push_begin(arg, connection, request);
	return request_body_limit(arg, connection, request);
}

static void on_request(struct connection *connection, const struct http_request *http,
	const char *body, size_t length, void *arg)
{
	struct service *service = arg;
	struct request request = {
		.service = service,
		.connection = connection,
		.http = http,
		.body = body,
		.body_length = length,
		.top = -1,
		.skip = -1,
	};

	if (connection_get_port(connection) == SERVER_PORT_REFUSE)
		refuse_plain(service, connection);
	else
		request_handle(&request);
}

static void on_error(struct connection *connection, int status, void *arg)
{
	struct service *service = arg;
	json_t *json = redfish_error_text(http_status_text(status), "Correct the request.");
	_cleanup_free_ char *body = json_dumps(json, JSON_COMPACT);
	struct http_reply reply = {
		.status = status,
		.content_type = "application/json; charset=utf-8",
		.body = body,
		.length = body ? strlen(body) : 0,
		.close = true,
	};

	json_decref(json);
	log_info("http", "%s: refused with %d", connection_get_peer(connection)->address, status);
	refusals_count(service->refusals, REFUSALS_PROTOCOL);
	connection_reply(connection, &reply);
}

static void on_handshake_failed(struct connection *connection, void *arg)
{
	const struct handshake *handshake = connection_get_handshake(connection);
	struct service *service = arg;

	if (handshake->plain)
		refusals_add_without_tls(service->refusals, connection);
	else if (handshake->refused)
		refusals_add_certificate(service->refusals, connection);
	else
		log_info("tls", "%s: handshake failed", connection_get_peer(connection)->address);
}

static void on_too_many(void *arg)
{
	struct service *service = arg;

	refusals_count(service->refusals, REFUSALS_CONNECTIONS);
}

void service_fill_handlers(struct service *service, struct server_handlers *handlers)
{
	*handlers = (struct server_handlers){
		.head = on_head,
		.request = on_request,
		.error = on_error,
		.handshake_failed = on_handshake_failed,
		.too_many = on_too_many,
		.rules = {.judge = service_judge,
			  .arg = service,
			  .plain_answer = service->plain_answer},
		.arg = service,
	};
}
