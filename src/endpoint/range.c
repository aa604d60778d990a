/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Decimal digits at *text; false: none, or too many. */
static bool take_number(const char **text, uint64_t *value)
{
	size_t digits = strspn(*text, "0123456789");

	*value = 0;
	if (!digits || digits > 18)
		return false;
	for (size_t i = 0; i < digits; i++)
		*value = *value * 10 + (uint64_t)((*text)[i] - '0');
	*text += digits;
	return true;
}

static int take_suffix(const char *text, uint64_t size, struct range *range)
{
	uint64_t n;

	if (!take_number(&text, &n) || *text)
		return 200;
	if (!n || !size)
		return 416;
	if (n > size)
		n = size;
	*range = (struct range){size - n, n};
	return 206;
}

int range_parse(const char *field, uint64_t size, struct range *range)
{
	uint64_t first, last = UINT64_MAX;

	*range = (struct range){0, size};
	if (!field || strncasecmp(field, "bytes=", 6) != 0)
		return 200;
	field += 6;
	if (*field == '-')
		return take_suffix(field + 1, size, range);
	if (!take_number(&field, &first) || *field++ != '-')
		return 200;
	if (*field && (!take_number(&field, &last) || *field || last < first))
		return 200;
	if (first >= size)
		return 416;
	if (last >= size)
		last = size - 1;
	*range = (struct range){first, last - first + 1};
	return 206;
}
