/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-Sent Events, the stream format of WHATWG HTML "9.2.6 Interpreting an event stream", as an
 * incremental parser: any split of the bytes gives the same events. Pure. Tolerant as the standard
 * asks (no space after the colon, CR, LF or CRLF, comments, unknown fields), and bounded.
 */
#ifndef BMCLINK_HOST_SSE_H
#define BMCLINK_HOST_SSE_H

#include <stdbool.h>
#include <stddef.h>

#define SSE_MAX_NAME 128 /* bytes of "event" and "id" values that are kept, with NUL */

struct sse_event {
	const char *type; /* "message" when the stream named none */
	const char *id;	  /* the last id seen, "" when none; opaque */
	const char *data; /* ended by NUL, which is not part of length */
	size_t length;
};

/* The event is valid only during the call. */
typedef void (*sse_event_fn)(const struct sse_event *event, void *arg);

struct sse_buffer {
	char *bytes;
	size_t length, size;
};

struct sse_parser {
	size_t max; /* bytes that one unfinished event may make us keep */
	sse_event_fn fn;
	void *arg;
	struct sse_buffer line, data;
	char type[SSE_MAX_NAME], id[SSE_MAX_NAME];
	size_t bom;    /* how many bytes of a byte order mark were seen; 3: no longer looked for */
	bool after_cr; /* an LF now belongs to the CR before it */
	bool has_data; /* an event without a data line is none */
};

void sse_parser_init(struct sse_parser *parser, size_t max, sse_event_fn fn, void *arg);
/* -EMSGSIZE: an event above the bound, -ENOMEM; after either the parser takes
 * no more. */
int sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t length);
void sse_parser_clear(struct sse_parser *parser); /* frees; safe at any time after init */

#endif
