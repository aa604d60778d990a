/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logcursor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* --- a reading --- */

static const char *restart(struct log_cursor *cursor, const char *page)
{
	json_decref(cursor->found);
	cursor->found = json_array();
	cursor->newest[0] = cursor->newest_created[0] = cursor->tail[0] = '\0';
	cursor->resumed = strcmp(page, cursor->entries) != 0;
	cursor->lost = cursor->n_seen = 0;
	cursor->mark[0] = '\0';
	snprintf(cursor->next, sizeof(cursor->next), "%s", page);
	return cursor->next;
}

static const char *restart_all(struct log_cursor *cursor)
{
	cursor->resume[0] = '\0';
	return restart(cursor, cursor->entries);
}

const char *log_cursor_begin(struct log_cursor *cursor, const char *entries)
{
	bool same = strcmp(cursor->entries, entries) == 0 || cursor->entries[0] == '\0';

	if (strlen(entries) >= sizeof(cursor->entries))
		return NULL;
	log_cursor_clear(cursor);
	if (entries != cursor->entries)
		snprintf(cursor->entries, sizeof(cursor->entries), "%s", entries);
	cursor->pages = 0;
	cursor->failed = cursor->done = cursor->all = cursor->cleared = false;
	cursor->jumped = cursor->cut = false;
	cursor->back[0] = '\0';
	cursor->reading = true;
	if (!same) { /* another log: the old Ids say nothing */
		cursor->last[0] = cursor->created[0] = '\0';
		cursor->n_recent = 0;
		cursor->begun = false;
		cursor->order = LOG_ORDER_UNKNOWN;
	}
	if (!same || cursor->order != LOG_ORDER_OLDEST_FIRST)
		cursor->resume[0] = '\0';
	return restart(cursor, cursor->resume[0] ? cursor->resume : entries);
}

/* A log that grows while it is read shows entries twice, at the seams of pages. */
static bool is_repeated(const struct log_cursor *cursor, const char *id)
{
	size_t n = json_array_size(cursor->found);
	const char *before = n > 0 ? log_entry_get_id(json_array_get(cursor->found, n - 1)) : NULL;
	int r = before ? log_id_compare(id, before) : LOG_INCOMPARABLE;

	return r == 0 || r == (cursor->order == LOG_ORDER_OLDEST_FIRST ? -1 : 1);
}

/* Has this the Id of the last one seen, and is another entry? Then the Ids began anew. */
static bool is_another(const struct log_cursor *cursor, const json_t *entry)
{
	return log_time_differs(cursor->created, log_entry_get_created(entry));
}

/* Newest first: the first ones count; oldest first: the last ones do. */
static void note_seen(struct log_cursor *cursor, const json_t *entry, const char *id)
{
	struct log_seen *seen = &cursor->seen[cursor->n_seen % LOG_CURSOR_RECENT];

	if (cursor->order != LOG_ORDER_OLDEST_FIRST && cursor->n_seen >= LOG_CURSOR_RECENT)
		return;
	snprintf(seen->id, sizeof(seen->id), "%s", id);
	snprintf(seen->created, sizeof(seen->created), "%s", log_entry_get_created(entry));
	cursor->n_seen++;
}

static bool was_seen(const struct log_cursor *cursor, const json_t *entry, const char *id)
{
	for (unsigned int i = 0; i < cursor->n_recent; i++) {
		const struct log_seen *seen = &cursor->recent[i];

		if (strcmp(seen->id, id) == 0)
			return !log_time_differs(seen->created, log_entry_get_created(entry));
	}
	return false;
}

static void note_newest(struct log_cursor *cursor, const json_t *entry, const char *id)
{
	snprintf(cursor->newest, sizeof(cursor->newest), "%s", id);
	snprintf(cursor->newest_created, sizeof(cursor->newest_created), "%s",
		log_entry_get_created(entry));
}

/* Newest first: those before the last one seen are new. true: we are there. */
static bool take_newest_first(struct log_cursor *cursor, const json_t *entry, const char *id)
{
	int r = log_id_compare(id, cursor->last);

	if (cursor->newest[0] == '\0') {
		note_newest(cursor, entry, id);
		/* The newest there is comes before the last one seen: it began anew, or the last
		 * ones were deleted. */
		if (cursor->begun && r == -1 && !was_seen(cursor, entry, id))
			cursor->cleared = cursor->all = true;
	}
	if (!cursor->begun)
		return true; /* only the place is wanted */
	if (r == 0 && !is_another(cursor, entry))
		return true; /* also of a log whose Ids wrapped: what is behind was told */
	if (r == 0)
		cursor->cleared = cursor->all = true;
	if (r == -1 && !cursor->all)
		return true;
	if (is_repeated(cursor, id))
		return false;
	/* More than one reading may keep: the oldest of them now, the others by the next. */
	if (json_array_size(cursor->found) == LOG_CURSOR_MAX_NEW) {
		const json_t *newest = json_array_get(cursor->found, 1);

		note_newest(cursor, newest, log_entry_get_id(newest));
		json_array_remove(cursor->found, 0);
		cursor->cut = true;
	}
	json_array_append(cursor->found, (json_t *)entry);
	return false;
}

/* Oldest first: those behind the last one seen are new, to the end of the log. true: the Ids began
 * anew, all are. A page may bring more than LOG_CURSOR_MAX_NEW, for it is in memory anyway. */
static bool take_oldest_first(struct log_cursor *cursor, const json_t *entry, const char *id)
{
	int r = cursor->all ? 1 : log_id_compare(id, cursor->last);

	snprintf(cursor->tail, sizeof(cursor->tail), "%s", id);
	cursor->tail_seen = was_seen(cursor, entry, id);
	if (cursor->begun && r == 0 && is_another(cursor, entry))
		return true;
	if (cursor->begun && r == -1)
		return false;
	note_newest(cursor, entry, id);
	if (!cursor->begun)
		return false;
	if (r == 0) /* Ids without an order: all before it were none */
		json_array_clear(cursor->found);
	else if (!is_repeated(cursor, id))
		json_array_append(cursor->found, (json_t *)entry);
	return false;
}

/*
 * A page that was remembered, or reckoned, is to begin at or before the last one seen: in a log
 * that overwrites its oldest, what stood there moves to the front.
 */
static bool is_anchored(const struct log_cursor *cursor, const json_t *members)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(members, i, entry)
	{
		const char *id = log_entry_get_id(entry);
		int r = id ? log_id_compare(id, cursor->last) : LOG_INCOMPARABLE;

		if (r == 0 || r == -1)
			return true;
	}
	return false;
}

static bool was_shortened(const struct log_cursor *cursor)
{
	return cursor->order == LOG_ORDER_OLDEST_FIRST && cursor->begun && !cursor->all &&
	       cursor->tail[0] && log_id_compare(cursor->tail, cursor->last) == -1;
}

static const char *read_all(struct log_cursor *cursor)
{
	cursor->cleared = cursor->all = true;
	return restart_all(cursor);
}

static const char *finish(struct log_cursor *cursor)
{
	if (cursor->order == LOG_ORDER_OLDEST_FIRST)
		snprintf(cursor->resume, sizeof(cursor->resume), "%s", cursor->page);
	cursor->done = true;
	return NULL;
}

static const char *end_of_log(struct log_cursor *cursor)
{
	/* A log that was cleared has only entries before the last one seen: once more, all of it.
	 */
	if (!was_shortened(cursor))
		return finish(cursor);
	if (!cursor->tail_seen)
		return read_all(cursor);
	snprintf(cursor->newest, sizeof(cursor->newest), "%s", cursor->tail);
	return finish(cursor);
}

static const char *fail(struct log_cursor *cursor)
{
	cursor->failed = true;
	return NULL;
}

/* The first reading of a log that has the oldest first wants its end, not what is before it. */
static bool jump_to_end(struct log_cursor *cursor, const json_t *page)
{
	if (cursor->begun || cursor->jumped || cursor->order != LOG_ORDER_OLDEST_FIRST ||
		log_page_jump(page, cursor->entries, cursor->top_skip, LOG_CURSOR_RECENT,
			cursor->next, sizeof(cursor->next)) < 0)
		return false;
	cursor->jumped = true;
	snprintf(cursor->back, sizeof(cursor->back), "%s", log_page_get_next(page));
	return true;
}

/* The short cut led nowhere: on by the service's own links. */
static const char *go_back(struct log_cursor *cursor)
{
	snprintf(cursor->next, sizeof(cursor->next), "%s", cursor->back);
	cursor->back[0] = '\0';
	return cursor->next;
}

/* The link as the service gives it: nothing is added, and none is made. */
static const char *next_page(struct log_cursor *cursor, const json_t *page)
{
	const char *path = log_page_get_next(page);

	if (!path)
		return end_of_log(cursor);
	if (strlen(path) >= sizeof(cursor->next) || strcmp(path, cursor->page) == 0 ||
		log_page_is_repeated(page, cursor->pages, cursor->mark))
		return fail(cursor);
	if (cursor->pages >= LOG_CURSOR_MAX_PAGES ||
		(cursor->order == LOG_ORDER_OLDEST_FIRST &&
			json_array_size(cursor->found) >= LOG_CURSOR_MAX_NEW)) {
		/* Newest first: what is behind is left. Oldest first: the next reading goes on. */
		cursor->cut = true;
		cursor->lost += cursor->order != LOG_ORDER_OLDEST_FIRST;
		return finish(cursor);
	}
	if (jump_to_end(cursor, page))
		return cursor->next;
	snprintf(cursor->next, sizeof(cursor->next), "%s", path);
	return cursor->next;
}

/* A remembered page that is no more, or has nothing to hold on to: from the beginning. */
static bool is_astray(const struct log_cursor *cursor, const json_t *members)
{
	return cursor->resumed && cursor->begun && !cursor->all && !is_anchored(cursor, members);
}

static void note_rest(struct log_cursor *cursor, const json_t *page, size_t from)
{
	const json_t *members = json_object_get(page, "Members");

	for (size_t i = from; i < json_array_size(members); i++) {
		const json_t *entry = json_array_get(members, i);
		const char *id = log_entry_get_id(entry);

		if (id)
			note_seen(cursor, entry, id);
	}
}

static const char *take_members(struct log_cursor *cursor, const json_t *page)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(page, "Members"), i, entry)
	{
		const char *id = log_entry_get_id(entry);

		if (!id)
			continue;
		note_seen(cursor, entry, id);
		if (cursor->order == LOG_ORDER_OLDEST_FIRST) {
			if (take_oldest_first(cursor, entry, id))
				return read_all(cursor);
		} else if (take_newest_first(cursor, entry, id)) {
			note_rest(cursor, page, i + 1);
			cursor->done = true;
			return NULL;
		}
	}
	return next_page(cursor, page);
}

const char *log_cursor_take(struct log_cursor *cursor, const json_t *page)
{
	const json_t *members = json_object_get(page, "Members");
	bool jumped = cursor->back[0] != '\0';
	enum log_order order;

	if (!cursor->reading || cursor->failed || cursor->done)
		return NULL;
	if (jumped && json_array_size(members) == 0)
		return go_back(cursor);
	cursor->back[0] = '\0';
	if (!json_is_array(members))
		return cursor->resumed && cursor->pages == 0 ? restart_all(cursor) : fail(cursor);
	snprintf(cursor->page, sizeof(cursor->page), "%s", cursor->next);
	cursor->pages++;
	order = log_page_get_order(page);
	if (order != LOG_ORDER_UNKNOWN)
		cursor->order = order;
	if (is_astray(cursor, members))
		return restart_all(cursor);
	cursor->resumed = false;
	return take_members(cursor, page);
}

static void deliver(const struct log_cursor *cursor, log_cursor_fn fn, void *arg)
{
	size_t n = json_array_size(cursor->found);

	for (size_t i = 0; i < n; i++) {
		size_t at = cursor->order == LOG_ORDER_OLDEST_FIRST ? i : n - 1 - i;

		fn(json_array_get(cursor->found, at), arg);
	}
}

static void move_on(struct log_cursor *cursor)
{
	if (cursor->newest[0]) {
		memcpy(cursor->last, cursor->newest, sizeof(cursor->last));
		memcpy(cursor->created, cursor->newest_created, sizeof(cursor->created));
	} else if (cursor->begun && !cursor->cut) {
		cursor->last[0] = cursor->created[0] = '\0'; /* empty: what comes is new */
	}
	cursor->begun = cursor->begun || !cursor->cut;
	cursor->n_recent = cursor->n_seen < LOG_CURSOR_RECENT ? cursor->n_seen : LOG_CURSOR_RECENT;
	memcpy(cursor->recent, cursor->seen, sizeof(cursor->recent));
}

int log_cursor_end(struct log_cursor *cursor, log_cursor_fn fn, void *arg)
{
	bool good = cursor->reading && cursor->done && !cursor->failed;

	if (good) {
		deliver(cursor, fn, arg);
		move_on(cursor);
	}
	log_cursor_clear(cursor);
	return good ? 0 : -EBADMSG;
}
