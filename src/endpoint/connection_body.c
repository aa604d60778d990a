/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request: by length or chunked, never longer than the service allows. */
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "endpoint/connection_priv.h"

/* Room for n more bytes and a NUL; grown as the bytes come, not as the client promises. */
static bool reserve(struct connection *c, size_t n)
{
	size_t size = c->body_size ? c->body_size : 4096;
	char *body;

	if (c->body && c->body_length + n < c->body_size)
		return true;
	while (size <= c->body_length + n)
		size *= 2;
	body = realloc(c->body, size);
	if (!body)
		return false;
	c->body = body;
	c->body_size = size;
	return true;
}

static int take_plain(struct connection *c, struct evbuffer *input)
{
	size_t left = c->request.content_length - c->body_length;
	size_t n = evbuffer_get_length(input);

	if (n > left)
		n = left;
	if (!reserve(c, n))
		return 500;
	evbuffer_remove(input, c->body + c->body_length, n);
	c->body_length += n;
	return c->body_length == c->request.content_length;
}

static int take_chunked(struct connection *c, struct evbuffer *input)
{
	char piece[4096];

	while (evbuffer_get_length(input) && c->chunks.state < HTTP_CHUNK_DONE) {
		ev_ssize_t got = evbuffer_copyout(input, piece, sizeof(piece));
		size_t eaten, n;

		if (got <= 0)
			break;
		eaten = http_decode_chunks(&c->chunks, piece, (size_t)got, piece, &n);
		evbuffer_drain(input, eaten);
		if (c->body_length + n > c->body_limit)
			return 413;
		if (!reserve(c, n))
			return 500;
		memcpy(c->body + c->body_length, piece, n);
		c->body_length += n;
	}
	if (c->chunks.state == HTTP_CHUNK_BROKEN)
		return 400;
	return c->chunks.state == HTTP_CHUNK_DONE;
}

#define SINK_PIECE 16384
#define SINK_PROGRESS                                                                              \
	65536 /* bytes that put the deadline off: slower than this each time is too slow */

/* A piece of the body, decoded; 0, or an HTTP status. */
static int sink_piece(struct connection *c, const char *data, size_t length)
{
	if (length > c->sink.limit - c->body_length)
		return 413;
	c->body_length += length;
	if (length)
		c->sink.take(data, length, c->sink.arg);
	if (c->body_length - c->sink_watched >= SINK_PROGRESS) {
		c->sink_watched = c->body_length;
		connection_set_state(c, CONNECTION_BODY);
	}
	return 0;
}

static int take_sink(struct connection *c, struct evbuffer *input)
{
	char piece[SINK_PIECE];
	int r = 0;

	while (!r && evbuffer_get_length(input) && c->chunks.state < HTTP_CHUNK_DONE) {
		size_t left = c->request.content_length - c->body_length, n = sizeof(piece), eaten;
		ev_ssize_t got;

		if (!c->request.chunked && left < n)
			n = left;
		got = n ? evbuffer_copyout(input, piece, n) : 0;
		if (got <= 0)
			break;
		eaten = n = (size_t)got;
		if (c->request.chunked)
			eaten = http_decode_chunks(&c->chunks, piece, (size_t)got, piece, &n);
		evbuffer_drain(input, eaten);
		r = sink_piece(c, piece, n);
	}
	if (r || c->chunks.state == HTTP_CHUNK_BROKEN)
		return r ? r : 400;
	return c->request.chunked ? c->chunks.state == HTTP_CHUNK_DONE
				  : c->body_length == c->request.content_length;
}

void connection_set_sink(struct connection *c, const struct connection_sink *sink)
{
	c->sink = *sink;
	c->sink_watched = 0;
}

void *connection_get_sink(const struct connection *c)
{
	return c->sink.closed ? c->sink.arg : NULL;
}

int connection_take_body(struct connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	int r;

	if (c->sink.closed) {
		if (!c->request.chunked && c->request.content_length > c->sink.limit)
			return 413;
		return take_sink(c, input);
	}
	if (!c->request.chunked && c->request.content_length > c->body_limit)
		return 413;
	r = c->request.chunked ? take_chunked(c, input) : take_plain(c, input);
	if (r == 1 && reserve(c, 0))
		c->body[c->body_length] = '\0';
	return r;
}
