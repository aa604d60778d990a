/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page for people, at "/": three files that the build puts in, and what they show before a
 * log-in. The rest they ask of the Redfish service, as any client does, with a session of their
 * own. The policy lets a browser run, load and ask nothing but what is here: a text of the log that
 * tried to be markup would be text twice.
 */
#include "endpoint/fields.h"
#include "endpoint/log_entry.h"
#include "endpoint/service.h"
#include "page-css.h"
#include "page-html.h"
#include "page-js.h"

#include <stdio.h>
#include <string.h>

#define POLICY                                                                                     \
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "       \
	"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "                 \
	"frame-ancestors 'none'\r\n"                                                               \
	"X-Frame-Options: DENY\r\n"                                                                \
	"Referrer-Policy: no-referrer\r\n"                                                         \
	"Cross-Origin-Opener-Policy: same-origin\r\n"                                              \
	"Cross-Origin-Resource-Policy: same-origin\r\n"

static void reply_file(
	struct request *request, const char *type, const unsigned char *bytes, size_t length)
{
	char fields[FIELDS_SIZE];
	struct http_reply reply = {
		.status = 200,
		.content_type = type,
		.body = (const char *)bytes,
		.length = length,
		.fields = fields,
	};
	size_t n = fields_add_allow(request->resource, fields, sizeof(fields));

	snprintf(fields + n, sizeof(fields) - n, "%s", POLICY);
	connection_reply(request->connection, &reply);
}

static void get_html(struct request *request)
{
	reply_file(request, "text/html; charset=utf-8", page_html, sizeof(page_html));
}

static void get_css(struct request *request)
{
	reply_file(request, "text/css; charset=utf-8", page_css, sizeof(page_css));
}

static void get_js(struct request *request)
{
	reply_file(request, "text/javascript; charset=utf-8", page_js, sizeof(page_js));
}

static json_t *make_state(const struct request *request)
{
	const struct endpoint_settings *settings = &request->service->settings;
	char since[LOG_ENTRY_TIME_SIZE] = "";
	struct sse_host host;
	bool connected = sse_get_host(request->service->sse, &host);
	json_t *state = json_pack("{s:s, s:s, s:b}", "Product", settings->product,
		"FirmwareVersion", settings->firmware_version, "HostConnected", connected);

	if (!state || !connected)
		return state;
	log_entry_format_time(host.since_ms, since);
	json_object_set_new(state, "Protocol", json_string(host.protocol));
	json_object_set_new(state, "Security", json_string(host.security));
	json_object_set_new(state, "Since", json_string(since));
	return state;
}

const struct resource page_resources[] = {
	{.uri = "/",		     .entity = ENTITY_VERSIONS, .get = get_html, .type = "text/html"},
	{.uri = "/page/page.css",		  .entity = ENTITY_VERSIONS, .get = get_css, .type = "text/css"},
	{.uri = "/page/page.js",
		.entity = ENTITY_VERSIONS,
		.get = get_js,
		.type = "text/javascript"},
	{.uri = "/page/state.json",.entity = ENTITY_VERSIONS, .make = make_state},
	{.uri = NULL	    },
};
