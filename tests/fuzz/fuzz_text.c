/* SPDX-License-Identifier: Apache-2.0 */
/* Text from the other end, made harmless. The first byte is the room that there is. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"

#define AUDIT_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-_/%+"

static void try_hex(const struct fuzz_input *in)
{
	unsigned char bytes[32], again[32];
	char text[3 * sizeof(bytes)], *s = strndup((const char *)in->data, in->left);

	if (text_parse_hex(s, bytes, sizeof(bytes)) == 0) {
		text_make_hex(bytes, sizeof(bytes), ':', text);
		FUZZ_CHECK(text_parse_hex(text, again, sizeof(again)) == 0);
		FUZZ_CHECK(memcmp(bytes, again, sizeof(bytes)) == 0);
	}
	free(s);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	size_t room = fuzz_take_byte(&in), used;
	char *out = malloc(room ? room : 1);

	used = text_make_printable((const char *)in.data, in.left, out, room);
	if (room > 0) {
		FUZZ_CHECK(used < room && strlen(out) == used);
		FUZZ_CHECK(text_is_printable(out, room - 1));
	}
	used = text_make_audit_value((const char *)in.data, in.left, out, room);
	if (room > 0)
		FUZZ_CHECK(used < room && strspn(out, AUDIT_CHARS) == used && out[used] == '\0');
	free(out);
	try_hex(&in);
	return 0;
}
