/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/sse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOM_LENGTH 3

static const char bom[BOM_LENGTH] = {'\xef', '\xbb', '\xbf'};

void sse_parser_init(struct sse_parser *parser, size_t max, sse_event_fn fn, void *arg)
{
	*parser = (struct sse_parser){.max = max, .fn = fn, .arg = arg};
}

void sse_parser_clear(struct sse_parser *parser)
{
	free(parser->line.bytes);
	free(parser->data.bytes);
	sse_parser_init(parser, 0, parser->fn, parser->arg);
}

/* Room for length bytes and a NUL. The bound is kept by the caller, on the whole event. */
static int append(struct sse_buffer *buffer, const char *bytes, size_t length)
{
	if (buffer->length + length + 1 > buffer->size) {
		size_t size = buffer->size ? buffer->size * 2 : 1024;
		char *grown;

		while (size < buffer->length + length + 1)
			size *= 2;
		grown = realloc(buffer->bytes, size);
		if (!grown)
			return -ENOMEM;
		buffer->bytes = grown;
		buffer->size = size;
	}
	memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
	buffer->bytes[buffer->length] = '\0';
	return 0;
}

static void copy_name(char out[SSE_MAX_NAME], const char *value, size_t length)
{
	if (length >= SSE_MAX_NAME)
		length = SSE_MAX_NAME - 1;
	memcpy(out, value, length);
	out[length] = '\0';
}

static void dispatch(struct sse_parser *parser)
{
	struct sse_event event = {.type = parser->type[0] ? parser->type : "message",
		.id = parser->id,
		.data = parser->data.bytes};

	if (parser->has_data) {
		/* Each data line added an LF; the last one is not part of the event. */
		event.length = parser->data.length - 1;
		parser->data.bytes[event.length] = '\0';
		parser->fn(&event, parser->arg);
	}
	parser->has_data = false;
	parser->data.length = 0;
	parser->type[0] = '\0';
}

static bool name_is(const char *name, size_t length, const char *expected)
{
	return length == strlen(expected) && memcmp(name, expected, length) == 0;
}

static int take_field(struct sse_parser *parser, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length), *value = "";
	size_t name_length = colon ? (size_t)(colon - line) : length, value_length = 0;

	if (colon) {
		value = colon + 1;
		value_length = length - name_length - 1;
		if (value_length > 0 && *value == ' ') {
			value++;
			value_length--;
		}
	}
	if (name_is(line, name_length, "data")) {
		int r = append(&parser->data, value, value_length);

		parser->has_data = true;
		return r < 0 ? r : append(&parser->data, "\n", 1);
	}
	if (name_is(line, name_length, "event"))
		copy_name(parser->type, value, value_length);
	else if (name_is(line, name_length, "id") && !memchr(value, '\0', value_length))
		copy_name(parser->id, value, value_length);
	return 0; /* comments (an empty name), retry and the unknown: nothing */
}

static int end_line(struct sse_parser *parser)
{
	int r = 0;

	if (parser->line.length == 0)
		dispatch(parser);
	else
		r = take_field(parser, parser->line.bytes, parser->line.length);
	parser->line.length = 0;
	return r;
}

/* Bytes without a line end. */
static int take_bytes(struct sse_parser *parser, const char *bytes, size_t length)
{
	if (length == 0)
		return 0;
	if (length > parser->max ||
		parser->line.length + parser->data.length > parser->max - length)
		return -EMSGSIZE;
	return append(&parser->line, bytes, length);
}

/* Skip a byte order mark, which may come in pieces. Returns how many bytes it took. */
static size_t skip_bom(struct sse_parser *parser, const char *bytes, size_t length, int *error)
{
	size_t used = 0;

	while (parser->bom < BOM_LENGTH && used < length && bytes[used] == bom[parser->bom]) {
		parser->bom++;
		used++;
	}
	if (parser->bom < BOM_LENGTH && used < length) {
		/* It was none after all: what looked like its beginning belongs to a line. */
		*error = take_bytes(parser, bom, parser->bom);
		parser->bom = BOM_LENGTH;
	}
	return used;
}

static int feed(struct sse_parser *parser, const char *bytes, size_t length)
{
	size_t start = 0;
	int r = 0;

	for (size_t i = 0; i < length && r == 0; i++) {
		bool lf_of_crlf = parser->after_cr && bytes[i] == '\n';

		parser->after_cr = bytes[i] == '\r';
		if (bytes[i] != '\n' && bytes[i] != '\r')
			continue;
		if (!lf_of_crlf) {
			r = take_bytes(parser, bytes + start, i - start);
			if (r == 0)
				r = end_line(parser);
		}
		start = i + 1;
	}
	return r < 0 ? r : take_bytes(parser, bytes + start, length - start);
}

int sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t length)
{
	int r = 0;
	size_t skipped = skip_bom(parser, bytes, length, &r);

	if (r == 0 && parser->bom == BOM_LENGTH)
		r = feed(parser, bytes + skipped, length - skipped);
	if (r < 0)
		parser->max = 0;
	return r;
}
