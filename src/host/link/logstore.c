/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logstore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/state.h"

#define FORMAT 1

static json_t *pack_recent(const struct log_cursor *cursor)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cursor->n_recent; i++)
		json_array_append_new(
			list, json_pack("[s, s]", cursor->recent[i].id, cursor->recent[i].created));
	return list;
}

int log_store_save(int dir_fd, const struct log_store *store, const struct log_cursor *cursor)
{
	json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:o}", "format",
		FORMAT, "bmc", store->bmc, "service", store->service, "entries", cursor->entries,
		"last", cursor->last, "created", cursor->created, "resume", cursor->resume, "begun",
		cursor->begun, "order", (int)cursor->order, "recent", pack_recent(cursor));
	int r;

	if (!object) /* not UTF-8: of an Id or a path that no JSON can have held */
		return -EBADMSG;
	r = state_write_json(dir_fd, LOG_STORE_FILE, object, 0600);
	json_decref(object);
	return r;
}

static int copy(const char *text, char *out, size_t size)
{
	if (strlen(text) >= size)
		return -EBADMSG;
	snprintf(out, size, "%s", text);
	return 0;
}

static int parse_recent(const json_t *list, struct log_cursor *cursor)
{
	const json_t *pair;
	int r = 0;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > LOG_CURSOR_RECENT)
		return -EBADMSG;
	json_array_foreach(list, i, pair)
	{
		const char *id = json_string_value(json_array_get(pair, 0));
		const char *created = json_string_value(json_array_get(pair, 1));

		if (!id || !created)
			return -EBADMSG;
		r |= copy(id, cursor->recent[i].id, sizeof(cursor->recent[i].id));
		r |= copy(created, cursor->recent[i].created, sizeof(cursor->recent[i].created));
	}
	cursor->n_recent = (unsigned int)json_array_size(list);
	return r;
}

static int parse(json_t *object, struct log_store *store, struct log_cursor *cursor)
{
	const char *bmc, *service, *entries, *last, *created, *resume;
	int format, begun, order, r = 0;
	json_t *recent;

	if (json_unpack(object, "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:o}", "format",
		    &format, "bmc", &bmc, "service", &service, "entries", &entries, "last", &last,
		    "created", &created, "resume", &resume, "begun", &begun, "order", &order,
		    "recent", &recent) < 0 ||
		format != FORMAT || order < LOG_ORDER_UNKNOWN || order > LOG_ORDER_OLDEST_FIRST)
		return -EBADMSG;
	r |= copy(bmc, store->bmc, sizeof(store->bmc));
	r |= copy(service, store->service, sizeof(store->service));
	r |= copy(entries, cursor->entries, sizeof(cursor->entries));
	r |= copy(last, cursor->last, sizeof(cursor->last));
	r |= copy(created, cursor->created, sizeof(cursor->created));
	r |= copy(resume, cursor->resume, sizeof(cursor->resume));
	r |= parse_recent(recent, cursor);
	cursor->begun = begun != 0;
	cursor->order = (enum log_order)order;
	return r < 0 ? -EBADMSG : 0;
}

int log_store_load(int dir_fd, struct log_store *store, struct log_cursor *cursor)
{
	json_t *object = NULL;
	int r = state_read_json(dir_fd, LOG_STORE_FILE, &object);

	*store = (struct log_store){0};
	*cursor = (struct log_cursor){0};
	if (r == 0)
		r = parse(object, store, cursor);
	json_decref(object);
	if (r < 0) {
		*store = (struct log_store){0};
		*cursor = (struct log_cursor){0};
	}
	return r;
}

int log_store_forget(int dir_fd)
{
	return state_remove_file(dir_fd, LOG_STORE_FILE);
}
