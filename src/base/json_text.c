/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_text.h"

#include <stdbool.h>

/* Of a text that is no JSON anything may be counted: it is refused by the parser, which makes no
 * more of it than of the part that was right until then. */
static size_t count_parts(const char *text, size_t length)
{
	size_t parts = 0;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		switch (text[i]) {
		case '"':
			quoted = !quoted;
			break;
		case '\\':
			if (quoted)
				i++;
			break;
		case '[':
		case '{':
		case ',':
			parts += !quoted;
			break;
		default:
			break;
		}
	}
	return parts;
}

json_t *json_text_load(const char *text, size_t length, size_t flags)
{
	if (count_parts(text, length) > JSON_TEXT_MAX_PARTS)
		return NULL;
	return json_loadb(text, length, flags, NULL);
}
