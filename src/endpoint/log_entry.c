/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/log_entry.h"

#include <stdio.h>
#include <time.h>

#include "endpoint/service.h"

#define REGISTRY_PREFIX "Bmclink.1.0."
#define LATEST_MS	253402300799999LL /* of the year 9999 */

void log_entry_format_time(int64_t ms, char out[LOG_ENTRY_TIME_SIZE])
{
	time_t seconds;
	char date[24];
	struct tm tm;

	/* One that no record can have comes of a damaged file. */
	if (ms < 0 || ms > LATEST_MS)
		ms = 0;
	seconds = (time_t)(ms / 1000);
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, LOG_ENTRY_TIME_SIZE, "%s.%03dZ", date, (int)(ms % 1000));
}

static json_t *make_args(const struct lclog_record *record)
{
	json_t *args = json_array();

	for (unsigned int i = 0; i < record->n_args; i++)
		json_array_append_new(args, json_string(record->args[i]) ?: json_string("?"));
	return args;
}

static void make_uri(const struct service *service, int64_t id, char out[RESOURCE_MAX_PATH])
{
	snprintf(out, RESOURCE_MAX_PATH, "/redfish/v1/Managers/%s/LogServices/Lclog/Entries/%lld",
		service->profile.manager_id, (long long)id);
}

json_t *log_entry_json(const struct service *service, const struct lclog_record *record)
{
	char uri[RESOURCE_MAX_PATH], id[24], name[48], created[LOG_ENTRY_TIME_SIZE], message_id[48];

	make_uri(service, record->id, uri);
	snprintf(id, sizeof(id), "%lld", (long long)record->id);
	snprintf(name, sizeof(name), "Log Entry %s", id);
	snprintf(message_id, sizeof(message_id), REGISTRY_PREFIX "%s", record->message_id);
	log_entry_format_time(record->created_ms, created);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "@odata.id",
		uri, "@odata.type", schema_get_type(SCHEMA_LOG_ENTRY), "Id", id, "Name", name,
		"EntryType", "Event", "Created", created, "Severity",
		message_severity_name(record->severity), "MessageId", message_id, "Message",
		record->message, "MessageArgs", make_args(record), "Resolution",
		record->resolution);
}

static json_t *make_event(const char *id, json_t *record)
{
	return json_pack("{s:s, s:s, s:s, s:[o]}", "@odata.type", schema_get_type(SCHEMA_EVENT),
		"Id", id, "Name", "Lifecycle log", "Events", record);
}

json_t *log_entry_event(const struct service *service, const struct lclog_record *record)
{
	char uri[RESOURCE_MAX_PATH], id[24], created[LOG_ENTRY_TIME_SIZE], message_id[48];
	const char *severity = message_severity_name(record->severity);

	make_uri(service, record->id, uri);
	snprintf(id, sizeof(id), "%lld", (long long)record->id);
	snprintf(message_id, sizeof(message_id), REGISTRY_PREFIX "%s", record->message_id);
	log_entry_format_time(record->created_ms, created);
	return make_event(
		id, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:{s:s}}", "EventType",
			    "Event", "EventId", id, "MemberId", "0", "EventTimestamp", created,
			    "MessageId", message_id, "Message", record->message, "MessageArgs",
			    make_args(record), "MessageSeverity", severity, "Severity", severity,
			    "LogEntry", "@odata.id", uri));
}

json_t *log_entry_gap_event(int64_t id)
{
	json_t *message = redfish_error_message(BASE_EVENT_BUFFER_EXCEEDED, NULL);
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)id);
	json_object_del(message, "@odata.type");
	json_object_set_new(message, "EventType", json_string("Event"));
	json_object_set_new(message, "MemberId", json_string("0"));
	json_object_set_new(message, "EventId", json_string(text));
	return make_event(text, message);
}
