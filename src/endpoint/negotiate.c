/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/negotiate.h"

#include <string.h>
#include <strings.h>

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t");
}

/* "q=0", "q=0.000" among the parameters up to end: this range is refused, not taken. */
static bool has_zero_weight(const char *text, const char *end)
{
	for (; text < end; text++) {
		const char *p = text;

		if (*p != ';')
			continue;
		p = skip_space(p + 1);
		if (strncasecmp(p, "q=0", 3) != 0)
			continue;
		p += 3;
		p += *p == '.';
		p += strspn(p, "0");
		return p >= end || *skip_space(p) == '\0' || strchr(",; \t", *p);
	}
	return false;
}

/* One media range against a type: exact, with any subtype, or anything. */
static bool is_range_of(const char *range, size_t length, const char *type)
{
	const char *slash = strchr(type, '/');
	size_t major = (size_t)(slash - type) + 1;

	if (length == 3 && strncmp(range, "*/*", 3) == 0)
		return true;
	if (length == major + 1 && range[major] == '*')
		return strncasecmp(range, type, major) == 0;
	return length == strlen(type) && strncasecmp(range, type, length) == 0;
}

bool negotiate_accepts(const char *accept, const char *type)
{
	size_t best = 0;
	bool accepted = false;

	if (!accept || !*skip_space(accept))
		return true;
	/* The most exact range decides: the longest that matches, as a star is short. */
	while (*accept) {
		const char *end = accept + strcspn(accept, ",");
		const char *range = skip_space(accept);
		size_t length = strcspn(range, ",; \t");

		if (is_range_of(range, length, type) && length >= best) {
			best = length;
			accepted = !has_zero_weight(range, end);
		}
		accept = end + (*end == ',');
	}
	return accepted;
}

bool negotiate_is_type(const char *content_type, const char *type)
{
	const char *text = skip_space(content_type);
	size_t length = strcspn(text, "; \t");

	return length == strlen(type) && strncasecmp(text, type, length) == 0;
}

static const char *skip_weak(const char *tag)
{
	return strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

bool negotiate_matches_etag(const char *field, const char *etag)
{
	const char *wanted = skip_weak(etag);
	size_t length = strlen(wanted);

	while (*field) {
		const char *tag = skip_weak(skip_space(field));
		size_t n = strcspn(tag, ",");

		while (n && (tag[n - 1] == ' ' || tag[n - 1] == '\t'))
			n--;
		if ((n == 1 && *tag == '*') || (n == length && strncmp(tag, wanted, n) == 0))
			return true;
		field = tag + strcspn(tag, ",");
		field += *field == ',';
	}
	return false;
}
