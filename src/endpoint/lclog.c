/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/lclog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "endpoint/lclog_priv.h"

static char *args_to_text(enum message_id id, const char *const *args)
{
	json_t *array = json_array();
	char *text;

	for (unsigned int i = 0; i < message_get(id)->n_args; i++) {
		char printable[MESSAGE_MAX_ARG];

		text_make_printable(args[i], strlen(args[i]), printable, sizeof(printable));
		json_array_append_new(array, json_string(printable));
	}
	text = json_dumps(array, JSON_COMPACT);
	json_decref(array);
	return text;
}

/* The resolution with its arguments, as message_format() does it for the text. */
static void format_resolution(
	const char *format, unsigned int n_args, const char *const *args, char *out, size_t size)
{
	char raw[MESSAGE_MAX_TEXT];
	size_t used = 0;

	for (const char *f = format; *f && used + 1 < sizeof(raw); f++) {
		unsigned int n = f[0] == '%' ? (unsigned int)(f[1] - '0') : 0;

		if (n < 1 || n > n_args) {
			raw[used++] = *f;
			continue;
		}
		used += (size_t)snprintf(raw + used, sizeof(raw) - used, "%s", args[n - 1]);
		if (used >= sizeof(raw))
			used = sizeof(raw) - 1;
		f++;
	}
	text_make_printable(raw, used, out, size);
}

static int insert(struct lclog *log, enum message_id id, const char *const *args)
{
	sqlite3_stmt *s = log->statements[LCLOG_INSERT];
	_cleanup_free_ char *args_text = args_to_text(id, args);
	char text[MESSAGE_MAX_TEXT], resolution[MESSAGE_MAX_TEXT];
	const struct message *m = message_get(id);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	message_format(id, args, text, sizeof(text));
	format_resolution(m->resolution, m->n_args, args, resolution, sizeof(resolution));
	sqlite3_bind_int64(s, 1, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	sqlite3_bind_int(s, 2, (int)m->severity);
	sqlite3_bind_text(s, 3, m->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, text, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, resolution, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 6, args_text ? args_text : "[]", -1, SQLITE_STATIC);
	return lclog_step(log, LCLOG_INSERT);
}

static int write_record(struct lclog *log, enum message_id id, const char *const *args)
{
	int rc = lclog_group_begin(log);

	if (rc == SQLITE_OK)
		rc = insert(log, id, args);
	return lclog_group_end(log, rc);
}

static void tell_replaced(struct lclog *log)
{
	const char *name = LCLOG_FILE ".corrupt-1";

	log_error("lclog", "the Lifecycle log could not be read; it was kept as %s", name);
	write_record(log, MSG_ISM1036, &name);
}

/* What was lost while nothing could be written is told before anything else is. */
static int tell_lost(struct lclog *log)
{
	char count[24];
	const char *args[] = {count, sqlite3_errstr(log->lost_reason)};
	int rc;

	if (!log->lost)
		return SQLITE_OK;
	snprintf(count, sizeof(count), "%llu", (unsigned long long)log->lost);
	rc = write_record(log, MSG_ISM1037, args);
	if (rc == SQLITE_OK && log->pending)
		rc = lclog_group_commit(log, 1);
	if (rc == SQLITE_OK)
		log->lost = 0;
	return rc;
}

static int try_append(struct lclog *log, enum message_id id, const char *const *args)
{
	int rc = log->db ? tell_lost(log) : SQLITE_CANTOPEN;

	if (rc == SQLITE_OK)
		rc = write_record(log, id, args);
	if (!log->db || lclog_file_is_corrupt(rc)) {
		if (lclog_file_replace(log) < 0)
			return SQLITE_CANTOPEN;
		tell_replaced(log);
		rc = write_record(log, id, args);
	}
	return rc;
}

int lclog_append(struct lclog *log, enum message_id id, const char *const *args)
{
	int rc = try_append(log, id, args);

	if (rc == SQLITE_OK)
		return 0;
	if (log->lost++ == 0)
		log_error("lclog", "a record (%s) could not be written: %s", message_get(id)->id,
			sqlite3_errstr(rc));
	log->lost_reason = rc;
	return (rc & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO;
}

/*
 * One is always kept, so that ids go on after a restart also of a log that is cleared often. In one
 * transaction: a power cut leaves the whole log, or the record of who cleared it.
 */
int lclog_clear(struct lclog *log, const char *by)
{
	int r;

	/* With commits of their own: one that is not this one's must not clear anything. */
	lclog_flush(log);
	if (log->db)
		tell_lost(log);
	log->clearing = true;
	r = lclog_emit(log, MSG_ISM1043, by);
	if (r == 0)
		r = lclog_flush(log);
	log->clearing = false;
	return r;
}

int lclog_emit(struct lclog *log, enum message_id id, ...)
{
	const char *args[MESSAGE_MAX_ARGS] = {0};
	va_list list;

	va_start(list, id);
	for (unsigned int i = 0; i < message_get(id)->n_args; i++) {
		args[i] = va_arg(list, const char *);
		if (!args[i])
			args[i] = "";
	}
	va_end(list);
	return lclog_append(log, id, args);
}

/* SQLite has no checksums: flash that is worn may have made of it what no JSON can hold, and a
 * reader who cannot be given a record would not get behind it. */
static void copy_column(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_make_printable(text ? text : "", text ? strlen(text) : 0, out, size);
}

static void read_args(const char *text, struct lclog_record *record)
{
	json_t *array = json_loads(text ? text : "[]", 0, NULL), *arg;
	size_t i;

	record->n_args = 0;
	json_array_foreach(array, i, arg)
	{
		if (i == MESSAGE_MAX_ARGS)
			break;
		snprintf(record->args[i], MESSAGE_MAX_ARG, "%s", json_string_value(arg) ?: "");
		record->n_args++;
	}
	json_decref(array);
}

static void read_row(sqlite3_stmt *s, struct lclog_record *record)
{
	int severity = sqlite3_column_int(s, 2);

	record->id = sqlite3_column_int64(s, 0);
	record->created_ms = sqlite3_column_int64(s, 1);
	record->severity = severity < SEVERITY_OK || severity > SEVERITY_CRITICAL
				   ? SEVERITY_WARNING
				   : (enum message_severity)severity;
	copy_column(s, 3, record->message_id, sizeof(record->message_id));
	copy_column(s, 4, record->message, sizeof(record->message));
	copy_column(s, 5, record->resolution, sizeof(record->resolution));
	read_args((const char *)sqlite3_column_text(s, 6), record);
}

/* Who listens may be who reads: he hears of the new log by its next record. */
static int fail_reading(struct lclog *log, int rc)
{
	void (*listener)(void *arg) = log->listener;

	log_error("lclog", "reading failed: %s", sqlite3_errstr(rc));
	if (!lclog_file_is_corrupt(rc))
		return -EIO;
	log->listener = NULL;
	lclog_flush(log);
	if (lclog_file_replace(log) == 0) {
		tell_replaced(log);
		lclog_flush(log);
	}
	log->listener = listener;
	return -EIO;
}

static int read_rows(struct lclog *log, enum lclog_statement which, int64_t from,
	unsigned int limit, lclog_fn fn, void *arg)
{
	struct lclog_record record;
	sqlite3_stmt *s;
	int rc;

	if (!log->db)
		return -EIO;
	/* What is not durable yet is not there yet. */
	if (which == LCLOG_DOWN && from > log->newest)
		from = log->newest;
	s = log->statements[which];
	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, limit);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		read_row(s, &record);
		if (record.id > log->newest || !fn(&record, arg)) {
			rc = SQLITE_DONE;
			break;
		}
	}
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : fail_reading(log, rc);
}

int lclog_read_up(struct lclog *log, int64_t from, unsigned int limit, lclog_fn fn, void *arg)
{
	return read_rows(log, LCLOG_UP, from, limit, fn, arg);
}

int lclog_read_down(struct lclog *log, int64_t from, unsigned int limit, lclog_fn fn, void *arg)
{
	return read_rows(log, LCLOG_DOWN, from, limit, fn, arg);
}

static bool take_record(const struct lclog_record *record, void *arg)
{
	*(struct lclog_record *)arg = *record;
	return false;
}

int lclog_get(struct lclog *log, int64_t id, struct lclog_record *record)
{
	struct lclog_record found = {.id = -1};
	int r;

	r = read_rows(log, LCLOG_DOWN, id, 1, take_record, &found);
	if (r < 0)
		return r;
	if (found.id != id)
		return -ENOENT;
	*record = found;
	return 0;
}

void lclog_get_range(const struct lclog *log, int64_t *oldest, int64_t *newest)
{
	*oldest = log->oldest;
	*newest = log->newest;
}

void lclog_listen(struct lclog *log, void (*fn)(void *arg), void *arg)
{
	log->listener = fn;
	log->listener_arg = arg;
}

void lclog_set_maximum(struct lclog *log, unsigned int max_records)
{
	log->max_records = max_records ? max_records : 1;
}

int lclog_limit_pages(struct lclog *log, int pages)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", pages);
	return sqlite3_exec(log->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

int lclog_open(const char *directory, unsigned int max_records, struct lclog **log)
{
	struct lclog *made = calloc(1, sizeof(*made));
	bool moved;
	int r;

	if (!made)
		return -ENOMEM;
	lclog_set_maximum(made, max_records);
	if (asprintf(&made->path, "%s/" LCLOG_FILE, directory) < 0) {
		free(made);
		return -ENOMEM;
	}
	r = lclog_file_open(made, &moved);
	/* Not for want of a descriptor or of memory: its records are there, and wait. */
	if (r < 0 && r != -EBUSY && !state_is_passing(r)) {
		log_error("lclog", "the Lifecycle log lives in memory only until a restart");
		free(made->path);
		made->path = NULL;
		r = lclog_file_open(made, &moved);
	}
	if (r < 0) {
		lclog_close(made);
		return r;
	}
	if (moved)
		tell_replaced(made);
	*log = made;
	return 0;
}

void lclog_close(struct lclog *log)
{
	if (!log)
		return;
	lclog_group_stop(log);
	lclog_file_close(log);
	free(log->path);
	free(log);
}
