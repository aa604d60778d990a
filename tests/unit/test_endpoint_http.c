/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's HTTP parser: what it takes, and above all what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "endpoint/http.h"

#define H "Host: bmc\r\n"

/* Parse a copy with not one byte behind it, so that a sanitizer sees who reads on. */
static int parse(const char *text, size_t length, struct http_request *request, char **copy)
{
	*copy = malloc(length ? length : 1);
	memcpy(*copy, text, length);
	return http_parse_head(*copy, length, request);
}

static void refuse_and_take(void **state)
{
	static const struct {
		const char *head;
		int status;
	} rows[] = {
		{"GET / HTTP/1.1\r\n" H "\r\n",						     0	 },
		{"GET / HTTP/1.0\r\n\r\n",							  0  },
		{"GET http://bmc/redfish/v1 HTTP/1.1\r\n" H "\r\n",				    0  },
		{"OPTIONS * HTTP/1.1\r\n" H "\r\n",						    0  },
		{"BREW /pot HTTP/1.1\r\n" H "\r\n",						    0  },
		{"GET / HTTP/1.1\r\n" H "X:\r\n\r\n",						      0  },
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",		       0	},
		{"GET / HTTP/1.1\r\n\r\n",							  400}, /* no Host */
		{"GET / HTTP/1.1\r\n" H H "\r\n",						   400},
		{"GET / HTTP/2.0\r\n" H "\r\n",						     505},
		{"GET / HTTX/1.1\r\n" H "\r\n",						     400},
		{"GET /\r\n" H "\r\n",							      400},
		{"GET  / HTTP/1.1\r\n" H "\r\n",						    400},
		{"GET / HTTP/1.1 \r\n" H "\r\n",						    400},
		{"GET redfish HTTP/1.1\r\n" H "\r\n",						      400},
		{"GET * HTTP/1.1\r\n" H "\r\n",						     400},
		{"GET /\x01 HTTP/1.1\r\n" H "\r\n",						    400},
		{"GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n",						400},
		{"GET /a#b HTTP/1.1\r\n" H "\r\n",						   400},
		{"G(T / HTTP/1.1\r\n" H "\r\n",						     400},
		{"GETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n" H "\r\n",			      400},
		{" GET / HTTP/1.1\r\n" H "\r\n",						    400},
 /* request smuggling */
		{"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",	   400},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n",				 400},
		{"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n",			       400},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n",				400},
		{"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n",			       400},
		{"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n",				    400},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n",		 400},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
			400										   },
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",		     501},
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n",			     400},
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n",			501},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",				  400},
		{"POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n",			       400},
		{"POST / HTTP/1.1\r\n" H "Expect: tea\r\n\r\n",					417},
 /* fields */
		{"GET / HTTP/1.1\r\n" H "a\r\n\r\n",						     400},
		{"GET / HTTP/1.1\r\n" H ": b\r\n\r\n",					       400},
		{"GET / HTTP/1.1\r\n" H "a: b\r\n folded\r\n\r\n",				   400},
		{"GET / HTTP/1.1\r\n" H "a: b\x01\r\n\r\n",					    400},
		{"GET / HTTP/1.1\n" H "\r\n",						       400},
		{"GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n",					    400},
		{"GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n",					    400},
		{"GET / HTTP/1.1\r\n" H,							    400}, /* no end */
		{"",										400},
		{"\r\n",									    400},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_request request;
		_cleanup_free_ char *copy = NULL;
		int status = parse(rows[i].head, strlen(rows[i].head), &request, &copy);

		if (status != rows[i].status)
			fail_msg("%s: %d", rows[i].head, status);
	}
}

static void refuse_nul(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	struct http_request request;
	_cleanup_free_ char *copy = NULL;

	assert_int_equal(parse(head, sizeof(head) - 1, &request, &copy), 400);
}

/* Where a size_t has 32 bits it is long, too, and not 1. */
static void length_of_more_than_32_bits(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\n" H "Content-Length: 4294967297\r\n\r\n";
	struct http_request r;
	_cleanup_free_ char *copy = NULL;

	assert_int_equal(parse(head, sizeof(head) - 1, &r, &copy), 0);
	assert_true(r.content_length >= UINT32_MAX);
}

static void read_parts(void **state)
{
	static const char head[] = "PATCH /redfish/v1/X?$top=3&a=b HTTP/1.1\r\n" H
				   "CONTENT-length:  12 \r\nConnection: TE, Close\r\n"
				   "Expect: 100-Continue\r\nempty:\r\n\r\n";
	struct http_request r;
	_cleanup_free_ char *copy = NULL;

	assert_int_equal(parse(head, sizeof(head) - 1, &r, &copy), 0);
	assert_int_equal(r.method, HTTP_PATCH);
	assert_string_equal(r.path, "/redfish/v1/X");
	assert_string_equal(r.query, "$top=3&a=b");
	assert_true(r.has_length);
	assert_int_equal(r.content_length, 12);
	assert_true(r.expect_continue);
	assert_false(r.keep_alive);
	assert_string_equal(http_get_field(&r, "EMPTY"), "");
	assert_null(http_get_field(&r, "absent"));
}

static void keep_alive(void **state)
{
	static const struct {
		const char *head;
		bool keep_alive;
	} rows[] = {
		{"GET / HTTP/1.1\r\n" H "\r\n",			true },
		{"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n",  false},
		{"GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n", true },
		{"GET / HTTP/1.0\r\n\r\n",				   false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",  true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_request request;
		_cleanup_free_ char *copy = NULL;

		assert_int_equal(parse(rows[i].head, strlen(rows[i].head), &request, &copy), 0);
		assert_int_equal(request.keep_alive, rows[i].keep_alive);
	}
}

static void limits(void **state)
{
	_cleanup_free_ char *copy = NULL;
	_cleanup_free_ char *copy2 = NULL;
	struct http_request request;
	char text[8192];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "GET /");
	memset(text + n, 'a', HTTP_MAX_TARGET);
	n += HTTP_MAX_TARGET;
	n += (size_t)snprintf(text + n, sizeof(text) - n, " HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(parse(text, n, &request, &copy), 414);

	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H);
	for (int i = 0; i < HTTP_MAX_FIELDS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "f%d: v\r\n", i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n");
	assert_int_equal(parse(text, n, &request, &copy2), 431);
}

static void decode_path(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} rows[] = {
		{"/redfish/v1",	"/redfish/v1"},
		{"/red%66ish%20", "/redfish "  },
		{"/%2",		NULL	    },
		{"/%",	       NULL	   },
		      {"/%zz",	       NULL	   },
		      {"/a%00b",	 NULL	     },
		{"/a%2Fb",	   NULL	       },
		  {"/a%2fb",	     NULL	 },
		{"/a%0Ab",	   NULL	       },
		  {"/%252e",	     "/%2e"	   }, /* once, not twice */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s", rows[i].in);
		assert_int_equal(http_decode_path(path), rows[i].out != NULL);
		if (rows[i].out)
			assert_string_equal(path, rows[i].out);
	}
}

/* In pieces of every size: the same result. */
static void decode_chunks(void **state)
{
	static const struct {
		const char *in, *out;
		enum http_chunk_state end;
		size_t left; /* bytes behind the end, not eaten */
	} rows[] = {
		{"5\r\nhello\r\n0\r\n\r\n",			    "hello",	     HTTP_CHUNK_DONE,   0 },
		{"5\r\nhello\r\nA\r\n, 12345678\r\n000\r\n\r\nGET", "hello, 12345678",
			HTTP_CHUNK_DONE,									 3 },
		{"1\r\nx\r\n0\r\nTrailer: 1\r\nMore: 2\r\n\r\n",	 "x",		      HTTP_CHUNK_DONE,   0 },
		{"5;ext=1\r\nhello\r\n0\r\n\r\n",			  "",		      HTTP_CHUNK_BROKEN, 19},
		{"g\r\n",					   "",		      HTTP_CHUNK_BROKEN, 2 },
		{"\r\n",					    "",		     HTTP_CHUNK_BROKEN, 1 },
		{"-1\r\n",					  "",		       HTTP_CHUNK_BROKEN, 3 },
		{"ffffffff\r\n",				    "",		     HTTP_CHUNK_BROKEN, 2 },
		{"2\r\nabc\r\n",				    "ab",	       HTTP_CHUNK_BROKEN, 2 },
		{"2\nab\r\n",				       "",		  HTTP_CHUNK_BROKEN, 4 },
		{"2\r\nab\r\n",				     "ab",	      HTTP_CHUNK_SIZE,   0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t length = strlen(rows[i].in);

		for (size_t piece = 1; piece <= length; piece++) {
			struct http_chunks chunks = {0};
			char out[64] = "", buffer[64];
			size_t eaten = 0, got = 0;

			while (eaten < length && chunks.state < HTTP_CHUNK_DONE) {
				size_t n = length - eaten < piece ? length - eaten : piece, m;

				memcpy(buffer, rows[i].in + eaten, n);
				eaten += http_decode_chunks(&chunks, buffer, n, buffer, &m);
				memcpy(out + got, buffer, m);
				got += m;
			}
			assert_int_equal(chunks.state, rows[i].end);
			assert_int_equal(length - eaten, rows[i].left);
			assert_string_equal(out, rows[i].out);
		}
	}
}

static void bounded_trailer(void **state)
{
	struct http_chunks chunks = {.state = HTTP_CHUNK_TRAILER};
	size_t n, total = 0;
	char byte = 'a';

	while (chunks.state == HTTP_CHUNK_TRAILER && total < 100000)
		total += http_decode_chunks(&chunks, &byte, 1, &byte, &n);
	assert_int_equal(chunks.state, HTTP_CHUNK_BROKEN);
	assert_true(total <= HTTP_MAX_TRAILER + 1);
}

/* Anything at all, a million times: no crash, and a status that is one. */
static void survive_garbage(void **state)
{
	static const char pieces[][16] = {"GET ", "/", " HTTP/1.1", "\r\n", ":", "Host", "\r", "\n",
		"Content-Length", "%", "?", "chunked", " ", "\x80", "Expect", "5"};
	unsigned int seed = 1;

	for (int i = 0; i < 20000; i++) {
		struct http_request request;
		_cleanup_free_ char *copy = NULL;
		char text[256];
		size_t n = 0;
		int status;

		while (n < 200) {
			seed = seed * 1103515245 + 12345;
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
				pieces[(seed >> 16) % ARRAY_SIZE(pieces)]);
		}
		memcpy(text + n, "\r\n\r\n", 4);
		status = parse(text, n + 4, &request, &copy);
		assert_true(status == 0 || (status >= 400 && status <= 505));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuse_and_take),
		cmocka_unit_test(refuse_nul),
		cmocka_unit_test(length_of_more_than_32_bits),
		cmocka_unit_test(read_parts),
		cmocka_unit_test(keep_alive),
		cmocka_unit_test(limits),
		cmocka_unit_test(decode_path),
		cmocka_unit_test(decode_chunks),
		cmocka_unit_test(bounded_trailer),
		cmocka_unit_test(survive_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
