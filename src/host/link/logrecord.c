/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logrecord.h"

#include <string.h>

#include "base/text.h"

static void copy(const json_t *object, const char *member, char *out, size_t size)
{
	const json_t *value = json_object_get(object, member);

	out[0] = '\0';
	if (json_is_string(value))
		text_make_printable(json_string_value(value), json_string_length(value), out, size);
}

static unsigned int get_count(const json_t *entry)
{
	const json_t *hpe = json_object_get(json_object_get(entry, "Oem"), "Hpe");
	json_int_t count = json_integer_value(json_object_get(hpe, "Count"));

	return count > 0 && count <= 1000000000 ? (unsigned int)count : 0;
}

void log_record_read(const json_t *entry, struct log_record *record)
{
	copy(entry, "Id", record->id, sizeof(record->id));
	copy(entry, "Created", record->created, sizeof(record->created));
	copy(entry, "Severity", record->severity, sizeof(record->severity));
	copy(entry, "MessageId", record->message_id, sizeof(record->message_id));
	copy(entry, "Message", record->message, sizeof(record->message));
	record->repeated = get_count(entry);
}

static json_t *text_or_null(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

json_t *log_record_to_json(const struct log_record *record)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "id", text_or_null(record->id),
		"created", text_or_null(record->created), "severity",
		text_or_null(record->severity), "message_id", text_or_null(record->message_id),
		"message", text_or_null(record->message), "repeated",
		record->repeated > 0 ? json_integer(record->repeated) : json_null());
}
