/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "host/link/sse.h"

struct seen { /* what came out, as one text: "type|id|data;" an event */
	char text[8192];
	size_t length;
	unsigned int count;
};

static void take(const struct sse_event *event, void *arg)
{
	struct seen *seen = arg;
	int n;

	assert_int_equal(event->data[event->length], '\0');
	n = snprintf(seen->text + seen->length, sizeof(seen->text) - seen->length, "%s|%s|%.*s;",
		event->type, event->id, (int)event->length, event->data);
	assert_true(n > 0 && (size_t)n < sizeof(seen->text) - seen->length);
	seen->length += (size_t)n;
	seen->count++;
}

struct row {
	const char *stream, *events;
};

static const struct row rows[] = {
	{"data: one\n\n",				   "message||one;"			 },
	{"data:no space\n\n",			       "message||no space;"			  },
	{"data:  two spaces\n\n",				  "message|| two spaces;"		 },
	{"data: a\ndata: b\ndata: c\n\n",			  "message||a\nb\nc;"		     },
	{"data: {\ndata:  \"x\": 1\ndata: }\n\n",		  "message||{\n \"x\": 1\n};"	     },
	{"data: crlf\r\n\r\n",			       "message||crlf;"			       },
	{"data: cr\r\r",				    "message||cr;"			       },
	{"data: mixed\r\ndata: more\r\r\ndata: next\n\r\n", "message||mixed\nmore;message||next;"	 },
	{": keep-alive\n\n: again\r\n\r\ndata: x\n\n",      "message||x;"			    },
	{":\n\n\n\n\n",				     ""				      },
	{"id: 7\nevent: alert\ndata: x\n\n",		     "alert|7|x;"				 },
	{"id:2\ndata:{\"Id\": \"1\"}\n\ndata: y\n\n",	      "message|2|{\"Id\": \"1\"};message|2|y;"},
	{"id: 2\n\nid\ndata: gone\n\n",			"message||gone;"			},
	{"event: lost\n\ndata: plain again\n\n",		 "message||plain again;"			},
	{"data\n\n",					"message||;"				 },
	{"data:\n\n",				       "message||;"				  },
	{"data\ndata\n\n",				  "message||\n;"				 },
	{"retry: 10\nunknown: x\nDATA: y\n\n",	       ""					 },
	{"data: unfinished\n",			       ""				      },
	{"data: unfinished",				""				      },
	{"\xef\xbb\xbf"
	 "data: bom\n\n",			  "message||bom;"			       },
	{"\xef\xbb"
	 "data: no bom\n\ndata: x\n\n",		"message||x;"			     },
	{"data: \xef\xbb\xbf kept\n\n",			"message||\xef\xbb\xbf kept;"	     },
};

static void feed(struct sse_parser *parser, const char *bytes, size_t length)
{
	/* In a buffer of its own size, so that a read behind it is seen. */
	char *copy = malloc(length ? length : 1);

	memcpy(copy, bytes, length);
	assert_int_equal(sse_parser_feed(parser, copy, length), 0);
	free(copy);
}

static void check_split(const struct row *row, size_t first, size_t second)
{
	struct seen seen = {0};
	struct sse_parser parser;
	size_t length = strlen(row->stream);

	sse_parser_init(&parser, 4096, take, &seen);
	feed(&parser, row->stream, first);
	feed(&parser, row->stream + first, second - first);
	feed(&parser, row->stream + second, length - second);
	if (strcmp(seen.text, row->events) != 0)
		fail_msg("split %zu, %zu of '%s': '%s', not '%s'", first, second, row->stream,
			seen.text, row->events);
	sse_parser_clear(&parser);
}

/* Every pair of split positions gives the same events. */
static void test_splits(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t length = strlen(rows[i].stream);

		for (size_t first = 0; first <= length; first++) {
			for (size_t second = first; second <= length; second++)
				check_split(&rows[i], first, second);
		}
	}
}

static void test_byte_by_byte(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct seen seen = {0};
		struct sse_parser parser;

		sse_parser_init(&parser, 4096, take, &seen);
		for (const char *c = rows[i].stream; *c; c++)
			feed(&parser, c, 1);
		assert_string_equal(seen.text, rows[i].events);
		sse_parser_clear(&parser);
	}
}

static void test_nul(void **state)
{
	static const char stream[] = "id: a\0b\ndata: x\0y\n\n";
	struct seen seen = {0};
	struct sse_parser parser;

	sse_parser_init(&parser, 4096, take, &seen);
	feed(&parser, stream, sizeof(stream) - 1);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.length, strlen("message||") + 1 + 1); /* cut at the NUL by %s */
	sse_parser_clear(&parser);
}

static void test_long_names_are_cut(void **state)
{
	struct seen seen = {0};
	struct sse_parser parser;
	char id[1000];

	memset(id, 'i', sizeof(id));
	sse_parser_init(&parser, 4096, take, &seen);
	feed(&parser, "id: ", 4);
	feed(&parser, id, sizeof(id));
	feed(&parser, "\ndata: x\n\n", 10);
	assert_int_equal(seen.count, 1);
	assert_int_equal(strlen(parser.id), SSE_MAX_NAME - 1);
	sse_parser_clear(&parser);
}

/* The bound is of one event: many events of any number pass, one too long does not. */
static void test_bounds(void **state)
{
	struct seen seen = {0};
	struct sse_parser parser;

	sse_parser_init(&parser, 16, take, &seen);
	for (int i = 0; i < 100; i++)
		feed(&parser, "data: 0123456789\n\n", 18);
	assert_int_equal(seen.count, 100);
	assert_int_equal(sse_parser_feed(&parser, "data: 0123456789a\n\n", 19), -EMSGSIZE);
	assert_int_equal(sse_parser_feed(&parser, "data: x\n\n", 9), -EMSGSIZE);
	assert_int_equal(seen.count, 100);
	sse_parser_clear(&parser);
}

/* Each way to pile up bytes ends at the bound; comments without end pile up nothing. */
static void test_endless(void **state)
{
	static const char *const pieces[] = {"x", ":x", "data\n", "data: x\n"};

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct seen seen = {0};
		struct sse_parser parser;
		size_t fed = 0;
		int r = 0;

		sse_parser_init(&parser, 1000, take, &seen);
		while (r == 0 && fed < 10000) {
			r = sse_parser_feed(&parser, pieces[i], strlen(pieces[i]));
			fed += strlen(pieces[i]);
		}
		assert_int_equal(r, -EMSGSIZE);
		assert_true(parser.line.size <= 2048 && parser.data.size <= 2048);
		assert_int_equal(seen.count, 0);
		sse_parser_clear(&parser);
	}
}

static void test_endless_comments(void **state)
{
	struct seen seen = {0};
	struct sse_parser parser;

	sse_parser_init(&parser, 100, take, &seen);
	for (int i = 0; i < 10000; i++)
		feed(&parser, ": keep-alive\n", 13);
	feed(&parser, "data: x\n\n", 9);
	assert_int_equal(seen.count, 1);
	sse_parser_clear(&parser);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long_names_are_cut),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_endless_comments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
