/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char ellipsis[] = "...";

/*
 * One character of strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above
 * 10FFFFh. Returns its length in bytes, 0 when the bytes are not a character.
 */
static size_t decode_utf8(const unsigned char *in, size_t length, uint32_t *character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t need;
	uint32_t c;

	if (in[0] < 0x80) {
		*character = in[0];
		return 1;
	} else if ((in[0] & 0xe0) == 0xc0) {
		need = 2;
		c = in[0] & 0x1f;
	} else if ((in[0] & 0xf0) == 0xe0) {
		need = 3;
		c = in[0] & 0x0f;
	} else if ((in[0] & 0xf8) == 0xf0) {
		need = 4;
		c = in[0] & 0x07;
	} else {
		return 0;
	}
	if (need > length)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if ((in[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (in[i] & 0x3f);
	}
	if (c < smallest[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*character = c;
	return need;
}

/* Characters that steer a terminal or reorder or hide the text around them. */
static bool is_harmful(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} harmful[] = {
		{0x00,    0x1f   }, /* C0: escape, newline, ... */
		{0x7f,    0x9f   }, /* DEL, C1 (9Bh is an escape sequence of its own) */
		{0xad,    0xad   }, /* soft hyphen: invisible */
		{0x061c,	 0x061c }, /* Arabic letter mark */
		{0x200b,	 0x200f }, /* zero width, direction marks */
		{0x2028,	 0x202e }, /* line and paragraph separators, bidirectional overrides */
		{0x2060,	 0x206f }, /* invisible operators, bidirectional isolates */
		{0xfdd0,	 0xfdef }, /* not characters */
		{0xfeff,	 0xfeff }, /* byte order mark */
		{0xfff0,	 0xfffb },
		  {0xfffe,  0xffff },
		    {0xe0000, 0xe0fff}, /* tags: invisible */
	};

	for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++)
		if (c >= harmful[i].first && c <= harmful[i].last)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

size_t text_make_printable(const char *in, size_t length, char *out, size_t size)
{
	const size_t dots = sizeof(ellipsis) - 1;
	size_t done = 0, used = 0, cut = 0;

	if (size == 0)
		return 0;
	while (done < length) {
		const unsigned char *at = (const unsigned char *)in + done;
		uint32_t c;
		size_t taken = decode_utf8(at, length - done, &c);
		bool bad = taken == 0 || is_harmful(c);
		size_t put = bad ? 1 : taken;

		if (used + put >= size)
			break;
		if (bad)
			out[used] = '?';
		else
			memcpy(out + used, at, taken);
		used += put;
		done += taken ? taken : 1;
		/* The last boundary that leaves room for the ellipsis, should it be needed. */
		if (used + dots < size)
			cut = used;
	}
	if (done < length && size > dots) {
		memcpy(out + cut, ellipsis, dots);
		used = cut + dots;
	}
	out[used] = '\0';
	return used;
}

static bool is_alphanumeric(unsigned char c)
{
	/* Not isalnum(): it depends on the locale. */
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

size_t text_make_audit_value(const char *in, size_t length, char *out, size_t size)
{
	size_t used = 0;

	if (size == 0)
		return 0;
	while (used < length && used < size - 1) {
		unsigned char c = (unsigned char)in[used];
		bool stays = c != '\0' && (is_alphanumeric(c) || strchr(".:-_/%+", c));

		out[used++] = stays ? (char)c : '_';
	}
	out[used] = '\0';
	return used;
}

bool text_is_printable(const char *s, size_t max)
{
	size_t length = strnlen(s, max + 1);
	uint32_t c;

	if (length > max)
		return false;
	for (size_t done = 0; done < length;) {
		size_t taken = decode_utf8((const unsigned char *)s + done, length - done, &c);

		if (taken == 0 || is_harmful(c))
			return false;
		done += taken;
	}
	return true;
}

void text_make_hex(const unsigned char *bytes, size_t length, char separator, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && separator)
			*out++ = separator;
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_parse_hex(const char *s, unsigned char *bytes, size_t length)
{
	size_t step;

	if (length == 0)
		return *s ? -EINVAL : 0;
	/* Separated throughout or not at all; the length decides which, so nothing is read twice.
	 */
	if (strnlen(s, 3 * length) == 2 * length)
		step = 2;
	else if (strnlen(s, 3 * length) == 3 * length - 1)
		step = 3;
	else
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		const char *at = s + i * step;

		if (text_hex_digit(at[0]) < 0 || text_hex_digit(at[1]) < 0)
			return -EINVAL;
		if (step == 3 && i + 1 < length && at[2] != ':')
			return -EINVAL;
	}
	for (size_t i = 0; i < length; i++) {
		const char *at = s + i * step;

		bytes[i] = (unsigned char)(text_hex_digit(at[0]) << 4 | text_hex_digit(at[1]));
	}
	return 0;
}
