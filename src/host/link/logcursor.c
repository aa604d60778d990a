/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logcursor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INCOMPARABLE 2

void log_cursor_init(struct log_cursor *cursor, const char *last)
{
	*cursor = (struct log_cursor){.begun = last != NULL};
	if (last)
		snprintf(cursor->last, sizeof(cursor->last), "%s", last);
}

void log_cursor_clear(struct log_cursor *cursor)
{
	json_decref(cursor->found);
	cursor->found = NULL;
	cursor->reading = false;
}

/* --- Ids --- */

/* Digits without leading zeros, of whatever length: compared by length, then by value. */
static const char *skip_number(const char *s, const char **begin, size_t *length)
{
	while (s[0] == '0' && s[1] >= '0' && s[1] <= '9')
		s++;
	*begin = s;
	while (*s >= '0' && *s <= '9')
		s++;
	*length = (size_t)(s - *begin);
	return s;
}

static int compare_number(const char *a, size_t a_length, const char *b, size_t b_length)
{
	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	return memcmp(a, b, a_length);
}

int log_cursor_compare(const char *a, const char *b)
{
	const char *x, *y;
	size_t n, m;
	int r;

	if (strcmp(a, b) == 0)
		return 0;
	a = skip_number(a, &x, &n);
	b = skip_number(b, &y, &m);
	if (n == 0 || m == 0)
		return INCOMPARABLE;
	r = compare_number(x, n, y, m);
	if (r == 0 && *a == '\0' && *b == '\0')
		return 0;	/* "07" and "7" */
	if (r == 0 && *a != *b) /* "5" before "5_1" */
		r = *a == '\0' ? -1 : *b == '\0' ? 1 : 0;
	if (r != 0)
		return (*a == '\0' || *a == '_') && (*b == '\0' || *b == '_') ? (r < 0 ? -1 : 1)
									      : INCOMPARABLE;
	if (*a != '_' || *b != '_')
		return INCOMPARABLE;
	a = skip_number(a + 1, &x, &n);
	b = skip_number(b + 1, &y, &m);
	if (n == 0 || m == 0 || *a || *b)
		return INCOMPARABLE;
	r = compare_number(x, n, y, m);
	return r < 0 ? -1 : r > 0;
}

static const char *get_id(const json_t *entry)
{
	const char *id = json_string_value(json_object_get(entry, "Id"));

	return id && *id && strlen(id) < LOG_CURSOR_MAX_ID ? id : NULL;
}

/* --- a reading --- */

static void learn_order(struct log_cursor *cursor, const json_t *members)
{
	const char *first = get_id(json_array_get(members, 0));
	const char *last = get_id(json_array_get(members, json_array_size(members) - 1));
	int r = first && last ? log_cursor_compare(first, last) : INCOMPARABLE;

	if (r == 1)
		cursor->order = LOG_ORDER_NEWEST_FIRST;
	else if (r == -1)
		cursor->order = LOG_ORDER_OLDEST_FIRST;
}

static void restart(struct log_cursor *cursor, const char *page)
{
	json_decref(cursor->found);
	cursor->found = json_array();
	cursor->newest[0] = '\0';
	snprintf(cursor->next, sizeof(cursor->next), "%s", page);
}

const char *log_cursor_begin(struct log_cursor *cursor, const char *entries)
{
	bool same = strcmp(cursor->entries, entries) == 0;

	if (strlen(entries) >= sizeof(cursor->entries))
		return NULL;
	snprintf(cursor->entries, sizeof(cursor->entries), "%s", entries);
	cursor->pages = cursor->lost = 0;
	cursor->failed = cursor->done = cursor->all = cursor->cleared = false;
	cursor->reading = true;
	if (!same || cursor->order != LOG_ORDER_OLDEST_FIRST)
		cursor->resume[0] = '\0';
	restart(cursor, cursor->resume[0] ? cursor->resume : entries);
	return cursor->next;
}

/* A log that grows while it is read shows entries twice, at the seams of pages. */
static bool is_repeated(const struct log_cursor *cursor, const char *id)
{
	size_t n = json_array_size(cursor->found);
	const char *before = n > 0 ? get_id(json_array_get(cursor->found, n - 1)) : NULL;
	int r = before ? log_cursor_compare(id, before) : INCOMPARABLE;

	return r == 0 || r == (cursor->order == LOG_ORDER_OLDEST_FIRST ? -1 : 1);
}

/* Newest first: those before the last one seen are new. true: we are there. */
static bool take_newest_first(struct log_cursor *cursor, const json_t *entry, const char *id)
{
	int r = cursor->all ? 1 : log_cursor_compare(id, cursor->last);

	if (cursor->newest[0] == '\0') {
		snprintf(cursor->newest, sizeof(cursor->newest), "%s", id);
		/* The newest there is comes before the last one seen: it began anew. */
		if (cursor->begun && r == -1)
			cursor->cleared = cursor->all = true;
	}
	if (!cursor->begun)
		return true; /* only the place is wanted */
	if (!cursor->all && (r == 0 || r == -1))
		return true;
	if (is_repeated(cursor, id))
		return false;
	if (json_array_size(cursor->found) < LOG_CURSOR_MAX_NEW)
		json_array_append(cursor->found, (json_t *)entry);
	else
		cursor->lost++;
	return false;
}

/* Oldest first: those behind the last one seen are new, to the end of the log. */
static void take_oldest_first(struct log_cursor *cursor, const json_t *entry, const char *id)
{
	int r = cursor->all ? 1 : log_cursor_compare(id, cursor->last);

	snprintf(cursor->newest, sizeof(cursor->newest), "%s", id);
	if (!cursor->begun)
		return;
	if (r == 0) { /* Ids without an order: all before it were none */
		json_array_clear(cursor->found);
		cursor->lost = 0;
		return;
	}
	if (r == -1 || is_repeated(cursor, id))
		return;
	if (json_array_size(cursor->found) >= LOG_CURSOR_MAX_NEW) {
		json_array_remove(cursor->found, 0);
		cursor->lost++;
	}
	json_array_append(cursor->found, (json_t *)entry);
}

/* A log that was cleared has only entries before the last one seen: once more, all of it. */
static bool was_cleared(const struct log_cursor *cursor)
{
	return cursor->order == LOG_ORDER_OLDEST_FIRST && cursor->begun && !cursor->all &&
	       cursor->newest[0] && log_cursor_compare(cursor->newest, cursor->last) == -1;
}

static const char *end_of_log(struct log_cursor *cursor)
{
	/* The page that was remembered may have gone with a log that is shorter now. */
	if (cursor->newest[0] == '\0' && strcmp(cursor->page, cursor->entries) != 0 &&
		cursor->pages == 1) {
		cursor->resume[0] = '\0';
		restart(cursor, cursor->entries);
		return cursor->next;
	}
	if (was_cleared(cursor)) {
		cursor->cleared = cursor->all = true;
		cursor->resume[0] = '\0';
		restart(cursor, cursor->entries);
		return cursor->next;
	}
	if (cursor->order == LOG_ORDER_OLDEST_FIRST)
		snprintf(cursor->resume, sizeof(cursor->resume), "%s", cursor->page);
	cursor->done = true;
	return NULL;
}

static const char *fail(struct log_cursor *cursor)
{
	cursor->failed = true;
	return NULL;
}

/* The link as the service gives it: nothing is added, and none is made. */
static const char *next_page(struct log_cursor *cursor, const json_t *page)
{
	const json_t *link = json_object_get(page, "Members@odata.nextLink");
	const char *path = json_string_value(link);

	if (!path)
		path = json_string_value(json_object_get(link, "@odata.id"));
	if (!path)
		return end_of_log(cursor);
	if (strlen(path) >= sizeof(cursor->next) || strcmp(path, cursor->page) == 0)
		return fail(cursor);
	if (cursor->pages >= LOG_CURSOR_MAX_PAGES) {
		/* More than we would read: what is behind is left. */
		cursor->lost++;
		return end_of_log(cursor);
	}
	snprintf(cursor->next, sizeof(cursor->next), "%s", path);
	return cursor->next;
}

const char *log_cursor_take(struct log_cursor *cursor, const json_t *page)
{
	const json_t *members = json_object_get(page, "Members"), *entry;
	size_t i;

	if (!cursor->reading || cursor->failed || cursor->done)
		return NULL;
	if (!json_is_array(members)) {
		/* The remembered page may be one that is no more: from the beginning, once. */
		if (cursor->pages > 0 || !cursor->resume[0])
			return fail(cursor);
		cursor->resume[0] = '\0';
		restart(cursor, cursor->entries);
		return cursor->next;
	}
	snprintf(cursor->page, sizeof(cursor->page), "%s", cursor->next);
	cursor->pages++;
	learn_order(cursor, members);
	json_array_foreach(members, i, entry)
	{
		const char *id = get_id(entry);

		if (!id)
			continue;
		if (cursor->order == LOG_ORDER_OLDEST_FIRST) {
			take_oldest_first(cursor, entry, id);
		} else if (take_newest_first(cursor, entry, id)) {
			cursor->done = true;
			return NULL;
		}
	}
	return next_page(cursor, page);
}

static void deliver(const struct log_cursor *cursor, log_cursor_fn fn, void *arg)
{
	size_t n = json_array_size(cursor->found);

	for (size_t i = 0; i < n; i++) {
		size_t at = cursor->order == LOG_ORDER_OLDEST_FIRST ? i : n - 1 - i;

		fn(json_array_get(cursor->found, at), arg);
	}
}

int log_cursor_end(struct log_cursor *cursor, log_cursor_fn fn, void *arg)
{
	bool good = cursor->reading && cursor->done && !cursor->failed;

	if (good) {
		deliver(cursor, fn, arg);
		if (cursor->newest[0])
			memcpy(cursor->last, cursor->newest, sizeof(cursor->last));
		else if (cursor->begun)
			cursor->last[0] = '\0'; /* empty: what comes is new */
		cursor->begun = true;
	}
	log_cursor_clear(cursor);
	return good ? 0 : -EBADMSG;
}

bool log_cursor_note(struct log_cursor *cursor, const char *id)
{
	int r;

	if (!*id || strlen(id) >= sizeof(cursor->last))
		return false;
	r = cursor->last[0] ? log_cursor_compare(id, cursor->last) : 1;
	if (r == 0 || r == -1)
		return false;
	snprintf(cursor->last, sizeof(cursor->last), "%s", id);
	cursor->begun = true;
	return true;
}
