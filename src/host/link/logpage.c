/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logpage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

int log_id_compare(const char *a, const char *b)
{
	const char *x, *y;
	size_t n, m;
	int r;

	if (strcmp(a, b) == 0)
		return 0;
	a = skip_number(a, &x, &n);
	b = skip_number(b, &y, &m);
	if (n == 0 || m == 0)
		return LOG_INCOMPARABLE;
	r = compare_number(x, n, y, m);
	if (r == 0 && *a == '\0' && *b == '\0')
		return 0;	/* "07" and "7" */
	if (r == 0 && *a != *b) /* "5" before "5_1" */
		r = *a == '\0' ? -1 : *b == '\0' ? 1 : 0;
	if (r != 0)
		return (*a == '\0' || *a == '_') && (*b == '\0' || *b == '_') ? (r < 0 ? -1 : 1)
									      : LOG_INCOMPARABLE;
	if (*a != '_' || *b != '_')
		return LOG_INCOMPARABLE;
	a = skip_number(a + 1, &x, &n);
	b = skip_number(b + 1, &y, &m);
	if (n == 0 || m == 0 || *a || *b)
		return LOG_INCOMPARABLE;
	r = compare_number(x, n, y, m);
	return r < 0 ? -1 : r > 0;
}

/* --- entries --- */

const char *log_entry_get_id(const json_t *entry)
{
	const char *id = json_string_value(json_object_get(entry, "Id"));

	return id && *id && strlen(id) < LOG_MAX_ID ? id : NULL;
}

const char *log_entry_get_created(const json_t *entry)
{
	const char *created = json_string_value(json_object_get(entry, "Created"));

	return created && strlen(created) < LOG_MAX_TIME ? created : "";
}

/* Seconds; fractions are left out, for services round them now so, now so. */
static bool parse_time(const char *text, long long *seconds)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours = 0, minutes = 0;
	char sign;

	if (!rest)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	*seconds = (long long)timegm(&tm);
	if (*rest == 'Z' || *rest == '\0')
		return true;
	if (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-'))
		return false;
	*seconds += (sign == '-' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return true;
}

bool log_time_differs(const char *a, const char *b)
{
	long long x, y;

	return parse_time(a, &x) && parse_time(b, &y) && x != y;
}

/* --- pages --- */

static const json_t *get_members(const json_t *page)
{
	return json_object_get(page, "Members");
}

/* By most of the neighbours: where Ids wrap, one pair of them goes the other way. */
enum log_order log_page_get_order(const json_t *page)
{
	const json_t *members = get_members(page), *entry;
	const char *before = NULL;
	int up = 0;
	size_t i;

	json_array_foreach(members, i, entry)
	{
		const char *id = log_entry_get_id(entry);
		int r = id && before ? log_id_compare(before, id) : LOG_INCOMPARABLE;

		if (r == 1 || r == -1)
			up -= r;
		before = id;
	}
	if (up == 0)
		return LOG_ORDER_UNKNOWN;
	return up > 0 ? LOG_ORDER_OLDEST_FIRST : LOG_ORDER_NEWEST_FIRST;
}

const char *log_page_get_next(const json_t *page)
{
	const json_t *link = json_object_get(page, "Members@odata.nextLink");
	const char *path = json_string_value(link);

	return path ? path : json_string_value(json_object_get(link, "@odata.id"));
}

/* The last Id of a page is kept, of an ever later one, and must not be seen again. */
bool log_page_is_repeated(const json_t *page, unsigned int number, char mark[LOG_MAX_ID])
{
	const json_t *members = get_members(page);
	const char *id = log_entry_get_id(json_array_get(members, json_array_size(members) - 1));
	bool repeated = id && strcmp(id, mark) == 0;

	if ((number & (number - 1)) == 0)
		snprintf(mark, LOG_MAX_ID, "%s", id ? id : "");
	return repeated;
}

/* Where the number of "$skip=" stands in a link; NULL: it pages otherwise. */
static const char *find_skip(const char *link)
{
	static const char *const names[] = {"$skip=", "%24skip="};
	const char *query = link ? strchr(link, '?') : NULL;

	for (size_t i = 0; query && i < 2; i++) {
		const char *at = strstr(query, names[i]);

		if (at && (at[-1] == '?' || at[-1] == '&'))
			return at + strlen(names[i]);
	}
	return NULL;
}

int log_page_jump(const json_t *page, const char *entries, bool top_skip, size_t keep, char *path,
	size_t size)
{
	json_int_t count = json_integer_value(json_object_get(page, "Members@odata.count"));
	size_t shown = json_array_size(get_members(page));
	const char *next = log_page_get_next(page), *number = find_skip(next);
	json_int_t skip = count - (json_int_t)keep;
	int n;

	/* What is shown already, or comes with the next page, is no short cut. */
	if (!next || count < 0 || count > 1000000000 || skip <= (json_int_t)shown)
		return -ENOENT;
	if (number)
		n = snprintf(path, size, "%.*s%lld%s", (int)(number - next), next, (long long)skip,
			number + strspn(number, "0123456789"));
	else if (top_skip && !strchr(entries, '?'))
		n = snprintf(path, size, "%s?$skip=%lld", entries, (long long)skip);
	else
		return -ENOENT;
	return n > 0 && (size_t)n < size ? 0 : -ENOENT;
}
