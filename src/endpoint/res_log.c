/* SPDX-License-Identifier: Apache-2.0 */
/* The Lifecycle log as a LogService; entries newest first, 50 in an answer, as iDRAC has it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint/log_entry.h"
#include "endpoint/service.h"

#define SERVICES "/redfish/v1/Managers/{manager}/LogServices"
#define PAGE	 50

static json_t *get_maximum(const struct request *request)
{
	return json_integer(request->service->settings.log_max_records);
}

static json_t *get_now(const struct request *request)
{
	char text[LOG_ENTRY_TIME_SIZE];

	log_entry_format_time((int64_t)time(NULL) * 1000, text);
	return json_string(text);
}

static const struct property clear_log[] = {
	P_TEXT("target", SERVICES "/Lclog/Actions/LogService.ClearLog"),
	P_END,
};
static const struct property actions[] = {P_OBJECT("#LogService.ClearLog", clear_log), P_END};
static const struct property log_service[] = {
	P_TEXT("Id", "Lclog"),
	P_TEXT("Name", "Lifecycle Log"),
	P_TEXT("LogEntryType", "Event"),
	P_TEXT("OverWritePolicy", "WrapsWhenFull"),
	P_CALL("MaxNumberOfRecords", get_maximum),
	P_CALL("DateTime", get_now),
	P_TEXT("DateTimeLocalOffset", "+00:00"),
	P_FLAG("ServiceEnabled", true),
	P_LINK("Entries", SERVICES "/Lclog/Entries"),
	P_OBJECT("Actions", actions),
	P_END,
};

static const struct property services_table[] = {P_TEXT("Name", "Log Services"), P_END};

static long count_entries(const struct request *request)
{
	int64_t oldest, newest;

	/* Who reads the log sees what happened before he asked. */
	lclog_flush(request->service->log);
	lclog_get_range(request->service->log, &oldest, &newest);
	return (long)(newest - oldest + 1);
}

struct listing {
	const struct service *service;
	json_t *array;
};

static bool add_entry(const struct lclog_record *record, void *arg)
{
	struct listing *listing = arg;

	json_array_append_new(listing->array, log_entry_json(listing->service, record));
	return true;
}

/* Ids have no gaps: what to skip is known without reading it. */
static int list_entries(const struct request *request, long skip, long top, json_t *array)
{
	struct listing listing = {request->service, array};
	int64_t oldest, newest;

	lclog_get_range(request->service->log, &oldest, &newest);
	return lclog_read_down(
		request->service->log, newest - skip, (unsigned int)top, add_entry, &listing);
}

static const struct collection entries_collection = {count_entries, list_entries, PAGE};
static const struct property entries_table[] = {P_TEXT("Name", "Lifecycle Log Entries"), P_END};

static bool find_entry(const struct request *request, struct lclog_record *record)
{
	const char *text = request->params[0];
	char *end;
	long long id;

	if (*text < '1' || *text > '9' || strlen(text) > 18)
		return false;
	id = strtoll(text, &end, 10);
	return !*end && lclog_get(request->service->log, id, record) == 0;
}

static bool entry_exists(const struct request *request)
{
	struct lclog_record record;

	return find_entry(request, &record);
}

static json_t *make_entry(const struct request *request)
{
	struct lclog_record record;

	return find_entry(request, &record) ? log_entry_json(request->service, &record) : NULL;
}

const struct resource log_resources[] = {
	{.uri = SERVICES,
		.schema = SCHEMA_LOG_SERVICES,
		.entity = ENTITY_LOG_SERVICES,
		.properties = services_table,
		.only_member = SERVICES "/Lclog",
		.collection = &resource_collection_of_one},
	{.uri = SERVICES "/Lclog",
		.schema = SCHEMA_LOG_SERVICE,
		.entity = ENTITY_LOG_SERVICE,
		.properties = log_service},
	{.uri = SERVICES "/Lclog/Entries",
		.schema = SCHEMA_LOG_ENTRIES,
		.entity = ENTITY_LOG_ENTRIES,
		.properties = entries_table,
		.collection = &entries_collection},
	{.uri = SERVICES "/Lclog/Entries/{*}",
		.schema = SCHEMA_LOG_ENTRY,
		.entity = ENTITY_LOG_ENTRY,
		.exists = entry_exists,
		.make = make_entry},
	{.uri = NULL    },
};
