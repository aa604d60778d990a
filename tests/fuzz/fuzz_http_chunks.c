/* SPDX-License-Identifier: Apache-2.0 */
/* A chunked body: whatever the pieces in which it comes, the body is the same. */
#include <stdlib.h>
#include <string.h>

#include "endpoint/http.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint32_t seed = fuzz_take_byte(&in);
	struct http_chunks at_once = {0}, by_piece = {0};
	char *whole = malloc(in.left + 1), *body = malloc(in.left + 1);
	size_t n_whole, n_body = 0, eaten_whole, eaten = 0, length, n, part;
	uint8_t *piece;

	eaten_whole = http_decode_chunks(&at_once, (const char *)in.data, in.left, whole, &n_whole);
	FUZZ_CHECK(eaten_whole <= in.left && n_whole <= eaten_whole);
	FUZZ_CHECK(eaten_whole == in.left || at_once.state >= HTTP_CHUNK_DONE);
	while ((piece = fuzz_take_piece(&in, &seed, &length)) != NULL) {
		/* In place, as the connection does it. */
		part = http_decode_chunks(
			&by_piece, (const char *)piece, length, (char *)piece, &n);
		FUZZ_CHECK(part == length || by_piece.state >= HTTP_CHUNK_DONE);
		memcpy(body + n_body, piece, n);
		n_body += n;
		eaten += part;
		free(piece);
	}
	FUZZ_CHECK(at_once.state == by_piece.state && eaten == eaten_whole);
	FUZZ_CHECK(n_body == n_whole && memcmp(body, whole, n_body) == 0);
	free(whole);
	free(body);
	return 0;
}
