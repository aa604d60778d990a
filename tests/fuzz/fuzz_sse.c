/* SPDX-License-Identifier: Apache-2.0 */
/* Server-Sent Events: whatever the pieces in which a stream comes, its events are the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/link/sse.h"

#define MAX_EVENT 4096
#define MAX_KEPT  65536

struct kept { /* all events, one behind the other */
	char bytes[MAX_KEPT];
	size_t used;
};

static struct kept whole, pieces;

static void keep(struct kept *kept, const char *bytes, size_t length)
{
	if (length > sizeof(kept->bytes) - kept->used)
		length = sizeof(kept->bytes) - kept->used;
	memcpy(kept->bytes + kept->used, bytes, length);
	kept->used += length;
}

static void on_event(const struct sse_event *event, void *arg)
{
	FUZZ_CHECK(strlen(event->type) < SSE_MAX_NAME && event->type[0] != '\0');
	FUZZ_CHECK(strlen(event->id) < SSE_MAX_NAME);
	FUZZ_CHECK(event->length < MAX_EVENT && event->data[event->length] == '\0');
	keep(arg, event->type, strlen(event->type) + 1);
	keep(arg, event->id, strlen(event->id) + 1);
	keep(arg, event->data, event->length + 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint32_t seed = fuzz_take_byte(&in);
	struct sse_parser parser;
	uint8_t *piece;
	size_t length;
	int r, all;

	whole.used = pieces.used = 0;
	sse_parser_init(&parser, MAX_EVENT, on_event, &whole);
	all = sse_parser_feed(&parser, (const char *)in.data, in.left);
	FUZZ_CHECK(all == 0 || sse_parser_feed(&parser, "a", 1) < 0);
	sse_parser_clear(&parser);

	sse_parser_init(&parser, MAX_EVENT, on_event, &pieces);
	for (r = 0; r == 0 && (piece = fuzz_take_piece(&in, &seed, &length)) != NULL; free(piece))
		r = sse_parser_feed(&parser, (const char *)piece, length);
	FUZZ_CHECK(parser.line.length + parser.data.length <= MAX_EVENT + 1);
	sse_parser_clear(&parser);
	FUZZ_CHECK(r == all);
	FUZZ_CHECK(whole.used == pieces.used && memcmp(whole.bytes, pieces.bytes, whole.used) == 0);
	return 0;
}
