/* SPDX-License-Identifier: Apache-2.0 */
#include "host/discover/smbios_string.h"

#include <string.h>

#include "base/text.h"

void smbios_get_string(
	const uint8_t *strings, size_t length, unsigned int index, char *out, size_t size)
{
	size_t start = 0;

	out[0] = '\0';
	while (index > 0 && start < length) {
		const uint8_t *end = memchr(strings + start, 0, length - start);
		size_t n;

		if (!end || end == strings + start)
			return;
		n = (size_t)(end - strings) - start;
		if (--index == 0)
			text_make_printable((const char *)strings + start, n, out, size);
		start += n + 1;
	}
}

static uint32_t get_unit(const uint8_t *in, size_t length, size_t at)
{
	return at + 1 < length ? (uint32_t)(in[at] | in[at + 1] << 8) : 0;
}

size_t smbios_utf16_to_utf8(const uint8_t *in, size_t length, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < length; i += 2) {
		uint32_t c = get_unit(in, length, i), low = get_unit(in, length, i + 2);

		if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = '?';
		}
		if (c < 0x80) {
			out[n++] = (char)c;
		} else if (c < 0x800) {
			out[n++] = (char)(0xc0 | c >> 6);
			out[n++] = (char)(0x80 | (c & 0x3f));
		} else if (c < 0x10000) {
			out[n++] = (char)(0xe0 | c >> 12);
			out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			out[n++] = (char)(0x80 | (c & 0x3f));
		} else {
			out[n++] = (char)(0xf0 | c >> 18);
			out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
			out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			out[n++] = (char)(0x80 | (c & 0x3f));
		}
	}
	return n;
}
