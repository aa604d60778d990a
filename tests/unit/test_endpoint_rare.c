/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoint's deciding cores do seldom, and the words that they have for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "endpoint/http.h"
#include "endpoint/lockout.h"
#include "endpoint/privilege.h"
#include "endpoint/rollover.h"
#include "endpoint/trust.h"

static void privileges_have_names(void **state)
{
	static const char *const names[] = {"Login", "ConfigureManager", "ConfigureUsers",
		"ConfigureComponents", "ConfigureSelf", "BmclinkHost", "BmclinkEnrol"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		enum privilege privilege = (enum privilege)(1 << i);

		assert_string_equal(privilege_get_name(privilege), names[i]);
		assert_int_equal(privilege_is_oem(privilege), strncmp(names[i], "Bmclink", 7) == 0);
	}
	assert_null(privilege_get_name(PRIVILEGE_NO_AUTH)); /* in no resource */
}

/* Each reason has words of its own, and no other number has any. */
static void assert_words(const char *(*get)(int), int n)
{
	for (int i = 0; i < n; i++) {
		assert_true(strlen(get(i)) > 4);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(get(i), get(k));
	}
	assert_string_equal(get(n), "");
}

static const char *get_rollover(int i)
{
	return rollover_reason_text((enum rollover_reason)i);
}

static const char *get_verdict(int i)
{
	return trust_verdict_text((enum trust_verdict)i);
}

static void reasons_have_words(void **state)
{
	assert_words(get_rollover, ROLLOVER_REASON_EXPIRED + 1);
	assert_words(get_verdict, TRUST_VERDICT_EXPIRED + 1);
}

static void statuses_have_words(void **state)
{
	assert_string_equal(http_status_text(200), "OK");
	assert_string_equal(http_status_text(431), "Request Header Fields Too Large");
	assert_string_equal(http_status_text(299), "Unknown");
}

/* The budget of all sources is one minute's: the next one begins anew. */
static void lockout_budget_comes_back(void **state)
{
	const int64_t minute = 60000;
	struct lockout lockout = {.minute_ms = 0};
	unsigned char source[16] = {1};

	for (int i = 0; i < LOCKOUT_BUDGET; i++) {
		source[1] = (unsigned char)i;
		lockout_add_failure(&lockout, source, 10);
	}
	source[1] = 200;
	assert_false(lockout_allows(&lockout, source, minute - 1));
	assert_true(lockout_allows(&lockout, source, minute));
	lockout_add_failure(&lockout, source, minute);
	assert_true(lockout_allows(&lockout, source, minute + 1));
	assert_int_equal(lockout.spent, 1);
}

static int parse(const char *text)
{
	struct http_request request;
	char head[512];
	size_t length = strlen(text);

	memcpy(head, text, length + 1);
	return http_parse_head(head, length, &request);
}

static void targets_that_lead_nowhere(void **state)
{
	assert_int_equal(parse("GET http://bmc HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
	assert_int_equal(parse("GET http://bmc/redfish HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	assert_int_equal(parse("GET redfish HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
	assert_int_equal(parse("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

static void head_beyond_its_bound(void **state)
{
	static char head[HTTP_MAX_HEAD + 64];
	struct http_request request;

	memset(head, 'a', sizeof(head));
	assert_int_equal(http_parse_head(head, HTTP_MAX_HEAD + 1, &request), 431);
}

static enum http_chunk_state feed(const char *text)
{
	struct http_chunks chunks = {0};
	char out[128];
	size_t n;

	http_decode_chunks(&chunks, text, strlen(text), out, &n);
	return chunks.state;
}

/* Each step of a chunked body, and the byte that does not belong there. */
static void chunks_broken_at_each_step(void **state)
{
	static const struct {
		const char *text;
		enum http_chunk_state state;
	} rows[] = {
		{"",		     HTTP_CHUNK_SIZE   },
		{"3",		      HTTP_CHUNK_SIZE   },
		{"g",		      HTTP_CHUNK_BROKEN },
		{"3\r",		HTTP_CHUNK_SIZE_LF},
		{"3\rx",		 HTTP_CHUNK_BROKEN },
		{"3\r\n",		  HTTP_CHUNK_DATA	 },
		{"3\r\nabc",	     HTTP_CHUNK_DATA_CR},
		{"3\r\nabcd",	      HTTP_CHUNK_BROKEN },
		{"3\r\nabc\r",	       HTTP_CHUNK_DATA_LF},
		{"3\r\nabc\rx",	HTTP_CHUNK_BROKEN },
		{"3\r\nabc\r\n",	 HTTP_CHUNK_SIZE	},
		{"3\r\nabc\r\n0\r\n", HTTP_CHUNK_TRAILER},
		{"0\r\nA: b",	      HTTP_CHUNK_TRAILER},
		{"0\r\nA: b\r\n",	  HTTP_CHUNK_TRAILER},
		{"0\r\nA: b\r\n\r\n", HTTP_CHUNK_DONE   },
		{"0\r\n\r\n",	      HTTP_CHUNK_DONE   },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(feed(rows[i].text), rows[i].state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(privileges_have_names),
		cmocka_unit_test(reasons_have_words),
		cmocka_unit_test(statuses_have_words),
		cmocka_unit_test(lockout_budget_comes_back),
		cmocka_unit_test(targets_that_lead_nowhere),
		cmocka_unit_test(head_beyond_its_bound),
		cmocka_unit_test(chunks_broken_at_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
