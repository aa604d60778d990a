/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "logcursor_bmc.h"

static json_t *make_entry(const struct bmc *bmc, unsigned int number)
{
	char id[96];

	snprintf(id, sizeof(id), "%s%u", bmc->prefix ? bmc->prefix : "", number);
	return json_pack("{s:s, s:s}", "Id", id, "Created", "1970-01-01T00:00:00Z");
}

/* The path is one that this service has made, or nothing is answered. */
static json_t *get(struct bmc *bmc, const char *path)
{
	const char *entries = bmc->entries ? bmc->entries : ENTRIES;
	unsigned int n = bmc->last >= bmc->first ? bmc->last - bmc->first + 1 : 0, skip = 0;
	json_t *members = json_array(), *page;
	char link[128];

	assert_memory_equal(path, entries, strlen(entries));
	if (path[strlen(entries)]) {
		assert_int_equal(sscanf(path + strlen(entries), "?$skip=%u&odd=yes", &skip), 1);
		assert_non_null(strstr(path, "&odd=yes"));
	}
	bmc->asked++;
	if (bmc->fails_at == bmc->asked) {
		json_decref(members);
		return NULL;
	}
	for (unsigned int i = skip; i < n && i < skip + bmc->page; i++)
		json_array_append_new(members,
			make_entry(bmc, bmc->newest_first ? bmc->last - i : bmc->first + i));
	page = json_pack("{s:o}", "Members", members);
	if (skip + bmc->page < n) {
		snprintf(link, sizeof(link), "%s?$skip=%u&odd=yes", entries, skip + bmc->page);
		json_object_set_new(page, "Members@odata.nextLink", json_string(link));
	}
	bmc->last += bmc->grows_by;
	return page;
}

void take(const json_t *entry, void *arg)
{
	char *out = arg;

	snprintf(out + strlen(out), 64, "%s%s", *out ? " " : "",
		json_string_value(json_object_get(entry, "Id")));
}

int read_log(struct log_cursor *cursor, struct bmc *bmc, char *out)
{
	const char *path = log_cursor_begin(cursor, bmc->entries ? bmc->entries : ENTRIES);

	out[0] = '\0';
	bmc->asked = 0;
	while (path) {
		json_t *page = get(bmc, path);

		path = log_cursor_take(cursor, page);
		json_decref(page);
	}
	return log_cursor_end(cursor, take, out);
}

void assert_read(
	struct log_cursor *cursor, struct bmc *bmc, const char *expected, unsigned int pages)
{
	static char out[64 * 1024];

	assert_int_equal(read_log(cursor, bmc, out), 0);
	assert_string_equal(out, expected);
	if (pages)
		assert_int_equal(bmc->asked, pages);
}

json_t *make_page(const char *const *ids, size_t n, const char *created, const char *next)
{
	json_t *members = json_array(), *page;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			members, json_pack("{s:s, s:s}", "Id", ids[i], "Created", created));
	page = json_pack("{s:o, s:i}", "Members", members, "Members@odata.count", 1000);
	if (next)
		json_object_set_new(page, "Members@odata.nextLink", json_string(next));
	return page;
}

void take_page(struct log_cursor *cursor, const char *const *ids, size_t n, const char *created,
	const char *next, const char *expected)
{
	json_t *page = make_page(ids, n, created, next);
	const char *path = log_cursor_take(cursor, page);

	if (expected)
		assert_string_equal(path, expected);
	else
		assert_null(path);
	json_decref(page);
}
