/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 requests (RFC 9110, RFC 9112), strictly: what two parsers could read in two ways is
 * refused. Pure: bytes in, request or HTTP status out; connection.c owns sockets and time.
 */
#ifndef BMCLINK_ENDPOINT_HTTP_H
#define BMCLINK_ENDPOINT_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_MAX_HEAD	 16384 /* bytes of request line and fields together */
#define HTTP_MAX_FIELDS	 64
#define HTTP_MAX_TARGET	 2048
#define HTTP_MAX_METHOD	 32
#define HTTP_MAX_TRAILER 1024

enum http_method {
	HTTP_GET = 1 << 0,
	HTTP_HEAD = 1 << 1,
	HTTP_POST = 1 << 2,
	HTTP_PATCH = 1 << 3,
	HTTP_PUT = 1 << 4,
	HTTP_DELETE = 1 << 5,
	HTTP_OPTIONS = 1 << 6,
	HTTP_OTHER = 1 << 7, /* a well-formed method that we do not know: 501 */
};

struct http_field {
	const char *name, *value;
};

struct http_request { /* all texts point into the head that was parsed */
	enum http_method method;
	const char *method_text;
	char *path;  /* as sent, without query; begins with '/' ("*" for OPTIONS) */
	char *query; /* behind '?'; "" when there is none */
	struct http_field fields[HTTP_MAX_FIELDS];
	unsigned int n_fields;
	bool version_1_0;
	bool keep_alive;
	bool chunked;
	bool expect_continue;
	bool has_length;
	size_t content_length;
};

/*
 * Parse a head: request line and fields, with the empty line that ends it. The text is cut in
 * place and must outlive the request. Returns 0 or the status to refuse it with (400, 417, 431,
 * 414, 501, 505); request is then undefined but for method, which is 0 when unknown.
 */
int http_parse_head(char *head, size_t length, struct http_request *request);

/* The value of a field, by name without regard to case; NULL: not there. */
const char *http_get_field(const struct http_request *request, const char *name);

/* %XX decoded in place; false for a broken escape and for %00 and %2F (a name with '/' in it). */
bool http_decode_path(char *path);

const char *http_status_text(int status);

/* A chunked body, taken apart as it comes. */
enum http_chunk_state {
	HTTP_CHUNK_SIZE = 0,
	HTTP_CHUNK_SIZE_LF,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_DATA_CR,
	HTTP_CHUNK_DATA_LF,
	HTTP_CHUNK_TRAILER,
	HTTP_CHUNK_DONE,
	HTTP_CHUNK_BROKEN,
};

struct http_chunks {
	enum http_chunk_state state;
	size_t left; /* of this chunk's data */
	unsigned int digits;
	size_t trailer_length, line_length;
};

/*
 * Decode length bytes at in; the data are written to out, which may be in itself (it never gets
 * longer). Sets *n_out and returns the bytes eaten: fewer than length once state is DONE or
 * BROKEN. Chunk extensions are refused.
 */
size_t http_decode_chunks(
	struct http_chunks *chunks, const char *in, size_t length, char *out, size_t *n_out);

#endif
