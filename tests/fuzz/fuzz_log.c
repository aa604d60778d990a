/* SPDX-License-Identifier: Apache-2.0 */
/* A BMC's log: the way to it, its cursor over several readings, its newest entries, its records. */
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "fuzz.h"
#include "host/link/logcursor.h"
#include "host/link/logfind.h"
#include "host/link/logrecord.h"
#include "host/link/logtail.h"

#define MAX_DOCUMENTS 64

static json_t *documents[MAX_DOCUMENTS];
static size_t n_documents;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

static void take_documents(struct fuzz_input *in)
{
	struct fuzz_input record;

	n_documents = 0;
	while (n_documents < MAX_DOCUMENTS && fuzz_take_record(in, &record))
		documents[n_documents++] = json_loadb(
			(const char *)record.data, record.left, JSON_REJECT_DUPLICATES, NULL);
}

/* The answers in turn, for ever: a service without end. */
static const json_t *get(size_t i)
{
	return n_documents > 0 ? documents[i % n_documents] : NULL;
}

static void check_path(const char *path)
{
	FUZZ_CHECK(strlen(path) < LOG_MAX_PATH);
}

static void on_entry(const json_t *entry, void *arg)
{
	const char *id = log_entry_get_id(entry), **before = arg;
	struct log_record record;

	FUZZ_CHECK(id != NULL);
	/* One after the other, where they can be told apart. */
	FUZZ_CHECK(*before == NULL || log_id_compare(*before, id) != 0);
	*before = id;
	log_record_read(entry, &record);
	FUZZ_CHECK(text_is_printable(record.id, sizeof(record.id)));
	FUZZ_CHECK(text_is_printable(record.created, sizeof(record.created)));
	FUZZ_CHECK(text_is_printable(record.severity, sizeof(record.severity)));
	FUZZ_CHECK(text_is_printable(record.message_id, sizeof(record.message_id)));
	FUZZ_CHECK(text_is_printable(record.message, sizeof(record.message)));
	json_decref(log_record_to_json(&record));
}

static void run_cursor(const char *last, bool top_skip)
{
	struct log_cursor cursor;

	log_cursor_init(&cursor, last);
	cursor.top_skip = top_skip;
	for (int reading = 0; reading < 3; reading++) {
		const char *path = log_cursor_begin(&cursor, "/log"), *before = NULL;
		size_t asked = 0;

		for (; path; asked++) {
			check_path(path);
			FUZZ_CHECK(asked < 4 * LOG_CURSOR_MAX_PAGES);
			path = log_cursor_take(&cursor, get(asked));
		}
		log_cursor_end(&cursor, on_entry, &before);
		FUZZ_CHECK(strlen(cursor.last) < LOG_MAX_ID);
		FUZZ_CHECK(cursor.n_recent <= LOG_CURSOR_RECENT);
	}
	log_cursor_clear(&cursor);
}

static void run_tail(size_t wanted, bool top_skip)
{
	struct log_tail tail;
	const char *path = log_tail_begin(&tail, "/log", wanted, top_skip);
	json_t *list;

	for (size_t asked = 0; path; asked++) {
		check_path(path);
		FUZZ_CHECK(asked < 2 * LOG_TAIL_MAX_PAGES);
		path = log_tail_take(&tail, get(asked));
	}
	list = log_tail_end(&tail);
	FUZZ_CHECK(json_array_size(list) <= wanted);
	json_decref(list);
}

static void run_find(int status)
{
	struct log_find find;
	const char *path = log_find_begin(&find, "/m", "/s");

	for (size_t asked = 0; path; asked++) {
		check_path(path);
		FUZZ_CHECK(path[0] == '/' && asked < 5 + LOG_FIND_MAX_TRIES);
		path = log_find_take(&find, asked % 4 == 3 ? status : 200, get(asked));
	}
	FUZZ_CHECK((find.entries[0] != '\0') != (find.reason[0] != '\0'));
}

static void check_order(void)
{
	for (size_t i = 0; i + 1 < n_documents; i++) {
		const char *a = log_entry_get_id(documents[i]);
		const char *b = log_entry_get_id(documents[i + 1]);
		int there, back;

		if (!a || !b)
			continue;
		there = log_id_compare(a, b);
		back = log_id_compare(b, a);
		FUZZ_CHECK(there == LOG_INCOMPARABLE ? back == there : back == -there);
		log_time_differs(log_entry_get_created(documents[i]),
			log_entry_get_created(documents[i + 1]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 403, 404, 0};
	struct fuzz_input in = {data, size};
	uint8_t flags = fuzz_take_byte(&in);

	take_documents(&in);
	check_order();
	run_cursor(flags & 1 ? NULL : "5", flags & 2);
	run_tail(1 + (flags >> 4), flags & 2);
	run_find(statuses[flags >> 2 & 3]);
	for (size_t i = 0; i < n_documents; i++)
		json_decref(documents[i]);
	return 0;
}
