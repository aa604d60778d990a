/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logtail.h"

#include <stdio.h>
#include <string.h>

static const char *go_to(struct log_tail *tail, const char *path)
{
	snprintf(tail->next, sizeof(tail->next), "%s", path);
	return tail->next;
}

const char *log_tail_begin(struct log_tail *tail, const char *entries, size_t wanted, bool top_skip)
{
	*tail = (struct log_tail){.wanted = wanted, .top_skip = top_skip, .found = json_array()};
	if (strlen(entries) >= sizeof(tail->entries) || !tail->found)
		return NULL;
	snprintf(tail->entries, sizeof(tail->entries), "%s", entries);
	return go_to(tail, entries);
}

static const char *finish(struct log_tail *tail)
{
	tail->done = true;
	return NULL;
}

static void take_entry(struct log_tail *tail, json_t *entry)
{
	if (!json_is_object(entry))
		return;
	if (json_array_size(tail->found) >= tail->wanted) {
		if (tail->order != LOG_ORDER_OLDEST_FIRST)
			return;
		json_array_remove(tail->found, 0);
	}
	json_array_append(tail->found, entry);
}

static bool jump(struct log_tail *tail, const json_t *page)
{
	if (tail->jumped || tail->order != LOG_ORDER_OLDEST_FIRST ||
		log_page_jump(page, tail->entries, tail->top_skip, tail->wanted, tail->next,
			sizeof(tail->next)) < 0)
		return false;
	tail->jumped = true;
	json_array_clear(tail->found);
	snprintf(tail->back, sizeof(tail->back), "%s", log_page_get_next(page));
	return true;
}

static const char *next_page(struct log_tail *tail, const json_t *page)
{
	const char *path = log_page_get_next(page);
	bool enough = json_array_size(tail->found) >= tail->wanted;

	if (!path || (enough && tail->order != LOG_ORDER_OLDEST_FIRST))
		return finish(tail);
	if (strlen(path) >= sizeof(tail->next) || strcmp(path, tail->page) == 0 ||
		log_page_is_repeated(page, tail->pages, tail->mark))
		return NULL;
	if (tail->pages >= LOG_TAIL_MAX_PAGES) {
		tail->partial = true;
		return finish(tail);
	}
	return jump(tail, page) ? tail->next : go_to(tail, path);
}

const char *log_tail_take(struct log_tail *tail, const json_t *page)
{
	json_t *members = json_object_get(page, "Members"), *entry;
	enum log_order order = log_page_get_order(page);
	char back[LOG_MAX_PATH];
	size_t i;

	if (!tail->found || tail->done)
		return NULL;
	if (tail->back[0] && json_array_size(members) == 0) { /* the short cut led nowhere */
		memcpy(back, tail->back, sizeof(back));
		tail->back[0] = '\0';
		return go_to(tail, back);
	}
	tail->back[0] = '\0';
	if (!json_is_array(members))
		return NULL;
	memcpy(tail->page, tail->next, sizeof(tail->page));
	tail->pages++;
	if (order != LOG_ORDER_UNKNOWN)
		tail->order = order;
	json_array_foreach(members, i, entry) take_entry(tail, entry);
	return next_page(tail, page);
}

void log_tail_clear(struct log_tail *tail)
{
	json_decref(tail->found);
	tail->found = NULL;
}

json_t *log_tail_end(struct log_tail *tail)
{
	json_t *list = tail->done ? json_array() : NULL;
	size_t n = json_array_size(tail->found);

	for (size_t i = 0; list && i < n; i++) {
		size_t at = tail->order == LOG_ORDER_OLDEST_FIRST ? i : n - 1 - i;

		json_array_append(list, json_array_get(tail->found, at));
	}
	log_tail_clear(tail);
	return list;
}
