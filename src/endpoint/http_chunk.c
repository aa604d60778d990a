/* SPDX-License-Identifier: Apache-2.0 */
/* The chunked transfer coding (RFC 9112, clause 7.1), of which http.h tells. */
#include <string.h>

#include "endpoint/http.h"

/* One byte of "1A\r": a size line without extensions. */
static enum http_chunk_state take_size(struct http_chunks *chunks, char c)
{
	int digit = -1;

	if (c == '\r')
		return chunks->digits ? HTTP_CHUNK_SIZE_LF : HTTP_CHUNK_BROKEN;
	if (c >= '0' && c <= '9')
		digit = c - '0';
	else if (c >= 'a' && c <= 'f')
		digit = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		digit = c - 'A' + 10;
	if (digit < 0 || ++chunks->digits > 7)
		return HTTP_CHUNK_BROKEN;
	chunks->left = chunks->left * 16 + (size_t)digit;
	return HTTP_CHUNK_SIZE;
}

/* Trailer fields are read to their end and dropped. */
static enum http_chunk_state take_trailer(struct http_chunks *chunks, char c)
{
	if (++chunks->trailer_length > HTTP_MAX_TRAILER)
		return HTTP_CHUNK_BROKEN;
	if (c == '\r')
		return HTTP_CHUNK_TRAILER;
	if (c != '\n') {
		chunks->line_length++;
		return HTTP_CHUNK_TRAILER;
	}
	if (chunks->line_length == 0)
		return HTTP_CHUNK_DONE;
	chunks->line_length = 0;
	return HTTP_CHUNK_TRAILER;
}

static enum http_chunk_state take_byte(struct http_chunks *chunks, char c)
{
	switch (chunks->state) {
	case HTTP_CHUNK_SIZE:
		return take_size(chunks, c);
	case HTTP_CHUNK_SIZE_LF:
		if (c != '\n')
			return HTTP_CHUNK_BROKEN;
		return chunks->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
	case HTTP_CHUNK_DATA_CR:
		return c == '\r' ? HTTP_CHUNK_DATA_LF : HTTP_CHUNK_BROKEN;
	case HTTP_CHUNK_DATA_LF:
		if (c != '\n')
			return HTTP_CHUNK_BROKEN;
		chunks->digits = 0;
		chunks->left = 0;
		return HTTP_CHUNK_SIZE;
	case HTTP_CHUNK_TRAILER:
		return take_trailer(chunks, c);
	default:
		return HTTP_CHUNK_BROKEN;
	}
}

size_t http_decode_chunks(
	struct http_chunks *chunks, const char *in, size_t length, char *out, size_t *n_out)
{
	size_t eaten = 0;

	*n_out = 0;
	while (eaten < length && chunks->state < HTTP_CHUNK_DONE) {
		if (chunks->state == HTTP_CHUNK_DATA) {
			size_t n = length - eaten < chunks->left ? length - eaten : chunks->left;

			memmove(out + *n_out, in + eaten, n);
			*n_out += n;
			eaten += n;
			chunks->left -= n;
			if (!chunks->left)
				chunks->state = HTTP_CHUNK_DATA_CR;
		} else {
			chunks->state = take_byte(chunks, in[eaten++]);
		}
	}
	return eaten;
}
