/* SPDX-License-Identifier: Apache-2.0 */
#include "host/discover/dmi_walk.h"

#include <errno.h>

#define DMI_HEADER 4 /* type, length, handle */

int dmi_walk_next(
	const uint8_t *table, size_t length, size_t *offset, const uint8_t **start, size_t *size)
{
	size_t left, end;
	const uint8_t *s;

	if (*offset >= length)
		return -ENOENT;
	s = table + *offset;
	left = length - *offset;
	if (left < DMI_HEADER || s[1] < DMI_HEADER || s[1] > left)
		return -EBADMSG;
	if (s[0] == DMI_TYPE_END)
		return -ENOENT;
	for (end = s[1]; end + 1 < left; end++)
		if (s[end] == 0 && s[end + 1] == 0)
			break;
	if (end + 1 >= left)
		return -EBADMSG;
	*start = s;
	*size = end + 2;
	*offset += end + 2;
	return 0;
}

int dmi_walk_find(const uint8_t *table, size_t length, uint8_t type, size_t *offset,
	const uint8_t **start, size_t *size)
{
	const uint8_t *s;
	size_t n;
	int r;

	while ((r = dmi_walk_next(table, length, offset, &s, &n)) == 0) {
		if (s[0] != type)
			continue;
		*start = s;
		*size = n;
		return 0;
	}
	return r;
}
