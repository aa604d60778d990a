/* SPDX-License-Identifier: Apache-2.0 */
/* UpdateService: the package store for people who fill it, and for hosts that fetch from it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/state.h"
#include "endpoint/fields.h"
#include "endpoint/log_entry.h"
#include "endpoint/range.h"
#include "endpoint/service.h"
#include "endpoint/update_push.h"

#define UPDATE	  "/redfish/v1/UpdateService"
#define INVENTORY UPDATE "/SoftwareInventory"
#define FIRMWARE  UPDATE "/FirmwareInventory"
#define PACKAGE	  "/Package"
#define OCTETS	  "application/octet-stream"

int service_open_packages(struct service *service)
{
	int r = packages_open(&service->packages, service->state_fd);

	if (r < 0)
		log_error("packages", "there is no package store: %s", strerror(-r));
	if (state_is_passing(r))
		return r;
	packages_clean(&service->packages);
	return 0;
}

void service_note_package(struct service *service, const char *id, const char *by)
{
	const struct packages_entry *entry = packages_find(&service->packages, id);

	lclog_emit(service->log, MSG_ISM1250, id, by,
		entry && entry->key_id[0] ? entry->key_id : "none");
}

int service_remove_package(struct service *service, const char *id, const char *by)
{
	char copy[PACKAGE_NAME_MAX];
	int r;

	snprintf(copy, sizeof(copy), "%s", id);
	r = packages_remove(&service->packages, id);
	if (r == 0)
		lclog_emit(service->log, MSG_ISM1251, copy, by);
	return r;
}

static json_t *get_maximum(const struct request *request)
{
	uint64_t all = request->service->packages.max_bytes;

	return json_integer((json_int_t)(all < PACKAGES_MAX_SIZE ? all : PACKAGES_MAX_SIZE));
}

static json_t *get_enabled(const struct request *request)
{
	return json_boolean(
		request->service->packages.dir_fd >= 0 && request->service->packages.max_count > 0);
}

static const struct property update_service[] = {
	P_TEXT("Id", "UpdateService"),
	P_TEXT("Name", "Update Service"),
	P_CALL("ServiceEnabled", get_enabled),
	P_TEXT("MultipartHttpPushUri", UPDATE_PUSH_URI),
	P_CALL("MaxImageSizeBytes", get_maximum),
	P_LINK("SoftwareInventory", INVENTORY),
	P_LINK("FirmwareInventory", FIRMWARE),
	P_END,
};

static json_t *get_firmware(const struct request *request)
{
	return json_string(request->service->settings.firmware_version);
}

static const struct property firmware[] = {
	P_TEXT("Id", "BMC"),
	P_TEXT("Name", "BMC Firmware"),
	P_CALL("Version", get_firmware),
	P_FLAG("Updateable", false),
	P_END,
};

static const struct property software_table[] = {P_TEXT("Name", "Agent Packages"), P_END};
static const struct property firmware_table[] = {P_TEXT("Name", "Firmware"), P_END};

static long count_packages(const struct request *request)
{
	return (long)request->service->packages.n;
}

static int list_packages(const struct request *request, long skip, long top, json_t *array)
{
	const struct packages *packages = &request->service->packages;

	for (long i = skip; i < (long)packages->n && i < skip + top; i++)
		json_array_append_new(
			array, resource_link(INVENTORY "/%s", packages->entries[i].id));
	return 0;
}

static const struct collection packages_collection = {count_packages, list_packages, 0};

static const struct packages_entry *find(const struct request *request)
{
	return packages_find(&request->service->packages, request->params[0]);
}

static bool package_exists(const struct request *request)
{
	return find(request) != NULL;
}

static json_t *get_version(const struct request *request)
{
	return json_string(find(request)->name.version);
}

static json_t *get_release_date(const struct request *request)
{
	char text[LOG_ENTRY_TIME_SIZE];

	log_entry_format_time(find(request)->added * 1000, text);
	return json_string(text);
}

static json_t *get_oem(const struct request *request)
{
	const struct packages_entry *entry = find(request);
	json_t *bmclink = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s++}", "@odata.type",
		schema_get_type(SCHEMA_OEM_SOFTWARE_INVENTORY), "PackageFormat",
		version_get_family_name(entry->name.family), "Architecture",
		entry->name.architecture, "SizeBytes", (json_int_t)entry->size, "SHA256",
		entry->sha256, "Signature", entry->signature, "PackageUri", INVENTORY "/",
		entry->id, PACKAGE);

	if (bmclink && entry->key_id[0])
		json_object_set_new(bmclink, "KeyId", json_string(entry->key_id));
	if (bmclink && !entry->signature[0])
		json_object_set_new(bmclink, "Signature", json_null());
	return json_pack("{s:o}", "Bmclink", bmclink ? bmclink : json_object());
}

static const struct property software[] = {
	P_TEXT("Id", "{0}"),
	P_TEXT("Name", "bmclink agent"),
	P_CALL("Version", get_version),
	P_CALL("ReleaseDate", get_release_date),
	P_FLAG("Updateable", true),
	P_CALL("Oem", get_oem),
	P_END,
};

static void delete_package(struct request *request)
{
	char by[96];
	int r;

	/* What a host is offered is a person's word, as in update_push.c. */
	if (request->bootstrap) {
		request_error(request, 403, BASE_INSUFFICIENT_PRIVILEGE);
		return;
	}
	snprintf(by, sizeof(by), "an administrator at %s",
		connection_get_peer(request->connection)->address);
	r = service_remove_package(request->service, request->params[0], by);
	if (r < 0)
		request_error(request, 500, BASE_INTERNAL_ERROR);
	else
		request_reply(request, 204, NULL, NULL);
}

/* A range of a package that is another by now: all of it is sent instead (RFC 9110, 13.1.5). Only
 * GET has ranges (14.2). */
static const char *get_range_field(const struct request *request, const char *etag)
{
	const char *only_if = http_get_field(request->http, "If-Range");

	if (request->http->method != HTTP_GET)
		return NULL;
	return only_if && strcmp(only_if, etag) != 0 ? NULL
						     : http_get_field(request->http, "Range");
}

static void get_package(struct request *request)
{
	const struct packages_entry *entry = find(request);
	int fd = packages_open_file(&request->service->packages, entry);
	char etag[PACKAGES_HEX + 2], fields[FIELDS_SIZE];
	struct http_reply reply = {.content_type = OCTETS, .fields = fields};
	struct range range;
	size_t n;

	if (fd < 0) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
		return;
	}
	snprintf(etag, sizeof(etag), "\"%s\"", entry->sha256);
	reply.status = range_parse(get_range_field(request, etag), entry->size, &range);
	n = fields_add_allow(request->resource, fields, sizeof(fields));
	n += (size_t)snprintf(
		fields + n, sizeof(fields) - n, "ETag: %s\r\nAccept-Ranges: bytes\r\n", etag);
	if (reply.status == 206)
		snprintf(fields + n, sizeof(fields) - n, "Content-Range: bytes %llu-%llu/%llu\r\n",
			(unsigned long long)range.first,
			(unsigned long long)(range.first + range.length - 1),
			(unsigned long long)entry->size);
	if (reply.status == 416) {
		snprintf(fields + n, sizeof(fields) - n, "Content-Range: bytes */%llu\r\n",
			(unsigned long long)entry->size);
		close(fd);
		request_reply(request, 416,
			redfish_error_text(
				"There is no such range.", "Ask for bytes that are there."),
			fields);
		return;
	}
	connection_reply_file(request->connection, &reply, fd, range.first, range.length);
}

const struct resource update_resources[] = {
	{.uri = UPDATE,
		.schema = SCHEMA_UPDATE_SERVICE,
		.entity = ENTITY_UPDATE_SERVICE,
		.properties = update_service},
	{.uri = UPDATE_PUSH_URI,
		.entity = ENTITY_UPDATE_PUSH,
		.action = true,
		.upload = update_push_finish},
	{.uri = FIRMWARE,
		.schema = SCHEMA_SOFTWARE_INVENTORIES,
		.entity = ENTITY_SOFTWARE_INVENTORY,
		.properties = firmware_table,
		.only_member = FIRMWARE "/BMC",
		.collection = &resource_collection_of_one},
	{.uri = FIRMWARE "/BMC",
		.schema = SCHEMA_SOFTWARE_INVENTORY,
		.entity = ENTITY_SOFTWARE_INVENTORY,
		.properties = firmware},
	{.uri = INVENTORY,
		.schema = SCHEMA_SOFTWARE_INVENTORIES,
		.entity = ENTITY_SOFTWARE_INVENTORY,
		.properties = software_table,
		.collection = &packages_collection},
	{.uri = INVENTORY "/{*}",
		.schema = SCHEMA_SOFTWARE_INVENTORY,
		.entity = ENTITY_SOFTWARE_INVENTORY,
		.properties = software,
		.exists = package_exists,
		.delete = delete_package},
	{.uri = INVENTORY "/{*}" PACKAGE,
		.entity = ENTITY_SOFTWARE_PACKAGE,
		.exists = package_exists,
		.get = get_package,
		.type = OCTETS},
	{.uri = NULL	    },
};
