/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/update_push.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/authenticate.h"
#include "endpoint/multipart.h"

#define STOP 1 /* why and error say the rest */

enum part { PART_NONE, PART_PARAMETERS, PART_FILE, PART_SIGNATURE, PART_COUNT };

struct update_push {
	struct service *service;
	struct multipart multipart;
	struct packages_upload *upload;
	uint64_t expected;
	enum part part;
	bool seen[PART_COUNT];
	char file[MULTIPART_MAX_NAME];
	char parameters[UPDATE_PUSH_MAX_JSON + 1], signature[MINISIGN_MAX_FILE + 1];
	size_t parameters_length, signature_length;
	int error; /* 0, or negative errno: then why */
	char why[PACKAGES_MAX_WHY];
};

bool update_push_is_wanted(const struct http_request *http)
{
	return http->method == HTTP_POST && strcmp(http->path, UPDATE_PUSH_URI) == 0;
}

static int stop(struct update_push *push, int error, const char *why)
{
	push->error = error;
	if (why != push->why)
		snprintf(push->why, sizeof(push->why), "%s", why);
	return STOP;
}

static enum part find_part(const char *name)
{
	static const char *const names[PART_COUNT] = {
		"", "UpdateParameters", "UpdateFile", "OemBmclinkSignature"};

	for (int i = PART_PARAMETERS; i < PART_COUNT; i++) {
		if (strcmp(name, names[i]) == 0)
			return (enum part)i;
	}
	return PART_NONE;
}

static int begin_part(const struct multipart_part *part, void *arg)
{
	struct update_push *push = arg;
	int r;

	push->part = find_part(part->name);
	if (push->part == PART_NONE)
		return stop(push, -EINVAL,
			"expected the parts UpdateParameters, UpdateFile, OemBmclinkSignature");
	if (push->seen[push->part])
		return stop(push, -EINVAL, "a part is there twice");
	push->seen[push->part] = true;
	if (push->part != PART_FILE)
		return 0;
	if (!part->file[0])
		return stop(push, -EINVAL, "UpdateFile has no file name");
	snprintf(push->file, sizeof(push->file), "%s", part->file);
	r = packages_begin(&push->service->packages, push->expected, &push->upload, push->why);
	return r < 0 ? stop(push, r, push->why) : 0;
}

static int append(struct update_push *push, char *out, size_t *used, size_t max, const char *data,
	size_t length)
{
	if (length > max - *used)
		return stop(push, -EFBIG, "a part is too long");
	memcpy(out + *used, data, length);
	*used += length;
	out[*used] = '\0';
	return 0;
}

static int take_part(const char *data, size_t length, void *arg)
{
	struct update_push *push = arg;
	int r;

	if (push->part == PART_PARAMETERS)
		return append(push, push->parameters, &push->parameters_length,
			UPDATE_PUSH_MAX_JSON, data, length);
	if (push->part == PART_SIGNATURE)
		return append(push, push->signature, &push->signature_length, MINISIGN_MAX_FILE,
			data, length);
	r = packages_write(push->upload, data, length, push->why);
	return r < 0 ? stop(push, r, push->why) : 0;
}

static int end_part(void *arg)
{
	((struct update_push *)arg)->part = PART_NONE;
	return 0;
}

static void take(const char *data, size_t length, void *arg)
{
	struct update_push *push = arg;
	int r = push->error ? 0 : multipart_take(&push->multipart, data, length);

	if (r < 0)
		stop(push, r, "this is not multipart/form-data");
	if (r == 0)
		return;
	/* The rest is not looked at; its place on the disk is free again. */
	packages_abort(push->upload);
	push->upload = NULL;
}

static void closed(void *arg)
{
	struct update_push *push = arg;

	packages_abort(push->upload);
	free(push);
}

size_t update_push_begin(
	struct service *service, struct connection *connection, const struct http_request *http)
{
	struct connection_sink sink = {
		.limit = PACKAGES_MAX_SIZE + UPDATE_PUSH_PARTS_MAX, .take = take, .closed = closed};
	struct multipart_handlers handlers = {begin_part, take_part, end_part, NULL};
	struct update_push *push;

	if (!authenticate_is_administrator(service, connection, http))
		return SERVER_BODY_UNWANTED;
	push = calloc(1, sizeof(*push));
	if (!push)
		return SERVER_BODY_UNWANTED;
	push->service = service;
	push->expected = http->chunked ? 0 : http->content_length;
	handlers.arg = push;
	sink.arg = push;
	if (multipart_init(&push->multipart, http_get_field(http, "Content-Type"), &handlers) < 0) {
		free(push);
		return SERVER_BODY_UNWANTED;
	}
	connection_set_sink(connection, &sink);
	return SERVER_BODY_SINK;
}

/* Nothing that could be asked for is different from what is done anyway. */
static bool check_parameters(struct request *request, const struct update_push *push)
{
	json_t *object =
		json_loadb(push->parameters, push->parameters_length, JSON_REJECT_DUPLICATES, NULL);
	const char *key;
	json_t *value;
	bool ok = json_is_object(object);

	if (!ok)
		request_error(request, 400, BASE_MALFORMED_JSON);
	json_object_foreach(object, key, value)
	{
		if (!ok)
			break;
		ok = (strcmp(key, "Targets") == 0 && json_is_array(value) &&
			     json_array_size(value) == 0) ||
		     (strcmp(key, "ForceUpdate") == 0 && json_is_boolean(value)) ||
		     (strcmp(key, "@Redfish.OperationApplyTime") == 0 && json_is_string(value) &&
			     strcmp(json_string_value(value), "Immediate") == 0);
		if (!ok)
			request_error(request, 400, BASE_PROPERTY_VALUE_ERROR, key);
	}
	json_decref(object);
	return ok;
}

static void refuse(struct request *request, int error, const char *why)
{
	static const struct {
		int error, status;
	} table[] = {
		{-EINVAL,  400},
		{-EBADMSG, 400},
		{-EFBIG,	 413},
		{-EEXIST,  409},
		{-EDQUOT,  507},
		{-ENOSPC,  507},
		{-EBUSY,	 503},
	};
	int status = 500;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].error == error)
			status = table[i].status;
	}
	lclog_emit(request->service->log, MSG_ISM1252, why);
	request_reply(request, status, redfish_error_text(why, "Correct it and send it again."),
		status == 503 ? "Retry-After: 30\r\n" : NULL);
}

static void finish(struct request *request, struct update_push *push)
{
	struct packages_upload *upload = push->upload;
	const struct packages_entry *entry;
	char location[RESOURCE_MAX_PATH], by[96];
	int r;

	push->upload = NULL;
	r = packages_finish(
		upload, push->file, push->signature, push->signature_length, &entry, push->why);
	if (r < 0) {
		refuse(request, r, push->why);
		return;
	}
	snprintf(by, sizeof(by), "an administrator at %s",
		connection_get_peer(request->connection)->address);
	service_note_package(request->service, entry->id, by);
	snprintf(location, sizeof(location),
		"Location: /redfish/v1/UpdateService/SoftwareInventory/%s\r\n", entry->id);
	request_reply(request, 201,
		resource_link("/redfish/v1/UpdateService/SoftwareInventory/%s", entry->id),
		location);
}

void update_push_finish(struct request *request)
{
	struct update_push *push = connection_get_sink(request->connection);

	if (request->bootstrap)
		request_error(request, 403, BASE_INSUFFICIENT_PRIVILEGE);
	else if (!push)
		request_error(request, 415, BASE_HEADER_INVALID, "Content-Type");
	else if (push->error)
		refuse(request, push->error, push->why);
	else if (!multipart_is_done(&push->multipart))
		refuse(request, -EBADMSG, "the body ends before its last part does");
	else if (!push->seen[PART_FILE])
		request_error(request, 400, BASE_PROPERTY_MISSING, "UpdateFile");
	else if (!push->seen[PART_PARAMETERS])
		request_error(request, 400, BASE_PROPERTY_MISSING, "UpdateParameters");
	else if (check_parameters(request, push))
		finish(request, push);
}
