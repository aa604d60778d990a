/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/resource.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/service.h"

#define MEMBERS "/Members"

const struct resource *const resource_tables[] = {root_resources, certificate_resources,
	account_resources, manager_resources, log_resources, event_resources, registry_resources,
	session_resources, metadata_resources, system_resources, network_resources,
	action_resources, schema_resources, reset_resources, certsvc_resources,
	service_certificate_resources, subscription_resources, feature_resources, update_resources,
	page_resources, snmp_resources, NULL};

/* "{manager}" and "{0}" put in; false when it does not fit. */
static bool expand(const struct request *request, const char *text, char *out, size_t size)
{
	size_t used = 0;

	while (*text) {
		const char *value = NULL;
		size_t skip = 1;

		if (strncmp(text, "{manager}", 9) == 0) {
			value = request->service->profile.manager_id;
			skip = 9;
		} else if (strncmp(text, "{system}", 8) == 0) {
			value = request->service->profile.system_id;
			skip = 8;
		} else if (strncmp(text, "{0}", 3) == 0) {
			value = request->params[0];
			skip = 3;
		}
		if (value)
			used += (size_t)snprintf(out + used, size - used, "%s", value);
		else
			out[used++] = *text;
		if (used >= size)
			return false;
		text += skip;
	}
	out[used] = '\0';
	return true;
}

json_t *resource_link(const char *format, ...)
{
	char uri[RESOURCE_MAX_PATH];
	va_list args;

	va_start(args, format);
	vsnprintf(uri, sizeof(uri), format, args);
	va_end(args);
	return json_pack("{s:s}", "@odata.id", uri);
}

/* Compare one path segment; a parameter is copied. Moves both behind the segment. */
static bool match_segment(
	struct request *request, const char **pattern, const char **path, unsigned int *n_params)
{
	size_t p = strcspn(*pattern, "/"), s = strcspn(*path, "/");
	const struct profile *profile = &request->service->profile;
	bool match;

	if (p == 3 && strncmp(*pattern, "{*}", 3) == 0) {
		match = s > 0 && s < RESOURCE_MAX_PARAM && *n_params < RESOURCE_MAX_PARAMS;
		if (match)
			snprintf(request->params[(*n_params)++], RESOURCE_MAX_PARAM, "%.*s", (int)s,
				*path);
	} else if (p == 9 && strncmp(*pattern, "{manager}", 9) == 0) {
		match = s == strlen(profile->manager_id) &&
			strncmp(*path, profile->manager_id, s) == 0;
	} else if (p == 8 && strncmp(*pattern, "{system}", 8) == 0) {
		match = s == strlen(profile->system_id) &&
			strncmp(*path, profile->system_id, s) == 0;
	} else {
		match = p == s && strncmp(*pattern, *path, p) == 0;
	}
	*pattern += p;
	*path += s;
	return match;
}

static bool matches(struct request *request, const char *pattern)
{
	const char *path = request->path;
	unsigned int n_params = 0;

	while (*pattern == '/' && *path == '/') {
		pattern++;
		path++;
		if (!match_segment(request, &pattern, &path, &n_params))
			return false;
	}
	return !*pattern && !*path;
}

bool resource_find(struct request *request)
{
	size_t length = strlen(request->http->path);

	if (length >= sizeof(request->path))
		return false;
	memcpy(request->path, request->http->path, length + 1);
	if (length > 1 && request->path[length - 1] == '/')
		request->path[--length] = '\0';
	/* What is posted to a collection may be posted to its Members (DSP0266, "POST"). */
	if (request->http->method == HTTP_POST && length > sizeof(MEMBERS) &&
		strcmp(request->path + length - strlen(MEMBERS), MEMBERS) == 0)
		request->path[length - strlen(MEMBERS)] = '\0';
	for (size_t t = 0; resource_tables[t]; t++) {
		for (const struct resource *r = resource_tables[t]; r->uri; r++) {
			if (!matches(request, r->uri))
				continue;
			request->resource = r;
			if (!r->exists || r->exists(request))
				return true;
		}
	}
	return false;
}

unsigned int resource_get_methods(const struct resource *resource)
{
	if (resource->action)
		return HTTP_POST;
	return HTTP_GET | HTTP_HEAD | (resource->post ? HTTP_POST : 0) |
	       (resource->patchables ? HTTP_PATCH : 0) | (resource->delete ? HTTP_DELETE : 0);
}

static json_t *render_value(const struct request *request, const struct property *p)
{
	char text[1024];

	switch (p->kind) {
	case PROPERTY_TEXT:
		return expand(request, p->text, text, sizeof(text)) ? json_string(text) : NULL;
	case PROPERTY_LINK:
		return expand(request, p->text, text, sizeof(text)) ? resource_link("%s", text)
								    : NULL;
	case PROPERTY_LINKS:
		return expand(request, p->text, text, sizeof(text))
			       ? json_pack("[o]", resource_link("%s", text))
			       : NULL;
	case PROPERTY_FLAG:
		return json_boolean(p->number);
	case PROPERTY_NUMBER:
		return json_integer(p->number);
	case PROPERTY_OBJECT:
		return resource_render_table(request, p->object);
	case PROPERTY_CALL:
		return p->get(request);
	}
	return NULL;
}

static void add_properties(
	const struct request *request, const struct property *table, json_t *object)
{
	for (const struct property *p = table; p && p->name; p++) {
		json_t *value = render_value(request, p);

		if (value)
			json_object_set_new(object, p->name, value);
	}
}

json_t *resource_render_table(const struct request *request, const struct property *table)
{
	json_t *object = json_object();

	if (object)
		add_properties(request, table, object);
	return object;
}

static long count_one(const struct request *request)
{
	return 1;
}

static int list_one(const struct request *request, long skip, long top, json_t *array)
{
	char uri[RESOURCE_MAX_PATH];

	if (!expand(request, request->resource->only_member, uri, sizeof(uri)))
		return -ENOMEM;
	return json_array_append_new(array, resource_link("%s", uri));
}

const struct collection resource_collection_of_one = {count_one, list_one, 0};

/* A page of members, and where the next one begins. */
static int add_members(const struct request *request, json_t *object)
{
	const struct collection *c = request->resource->collection;
	long count = c->count(request);
	long skip = request->skip > 0 ? request->skip : 0;
	long wanted = request->top >= 0 ? request->top : count;
	long top = c->page && c->page < wanted ? c->page : wanted;
	json_t *members = json_array();
	int r = 0;

	if (skip < count && top > 0)
		r = c->members(request, skip, top, members);
	json_object_set_new(object, "Members@odata.count", json_integer(count));
	json_object_set_new(object, "Members", members);
	/* A page ends before what was asked for does. */
	if (r == 0 && top < wanted && skip + top < count) {
		char next[RESOURCE_MAX_PATH + 64];
		int n = snprintf(next, sizeof(next), "%s?$skip=%ld", request->path, skip + top);

		if (request->top >= 0)
			snprintf(next + n, sizeof(next) - (size_t)n, "&$top=%ld", wanted - top);
		json_object_set_new(object, "Members@odata.nextLink", json_string(next));
	}
	return r;
}

json_t *resource_render(const struct request *request)
{
	const struct resource *resource = request->resource;
	bool root = strcmp(request->path, "/redfish/v1") == 0;
	json_t *object;

	if (resource->make)
		return resource->make(request);
	object = json_object();
	if (!object)
		return NULL;
	json_object_set_new(
		object, "@odata.id", json_string(root ? "/redfish/v1/" : request->path));
	if (resource->schema != SCHEMA_NONE)
		json_object_set_new(
			object, "@odata.type", json_string(schema_get_type(resource->schema)));
	add_properties(request, resource->properties, object);
	if (resource->collection && add_members(request, object) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}
