/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and what a client's fields want: pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "endpoint/negotiate.h"
#include "endpoint/session.h"

#define TIMEOUT_MS (SESSION_TIMEOUT * 1000)

static unsigned int create_for(
	struct sessions *sessions, unsigned int account, int64_t now, char *token)
{
	unsigned int id = 0;

	assert_int_equal(session_create(sessions, account, "192.0.2.1", 1000, now, token, &id), 0);
	return id;
}

static unsigned int create(struct sessions *sessions, int64_t now, char *token)
{
	return create_for(sessions, 0, now, token);
}

static void use_and_expire(void **state)
{
	struct sessions sessions = {0};
	char token[SESSION_TOKEN_SIZE];
	unsigned int id = create(&sessions, 5, token);
	int64_t now = 5;

	assert_int_equal(strlen(token), SESSION_TOKEN_SIZE - 1);
	assert_null(memmem(&sessions, sizeof(sessions), token, 32)); /* only its hash is kept */
	/* Each use begins the time anew; without one it ends. */
	for (int i = 0; i < 3; i++) {
		now += TIMEOUT_MS;
		assert_non_null(session_use(&sessions, token, now));
	}
	assert_int_equal(session_find(&sessions, id)->used_ms, now);
	assert_null(session_use(&sessions, token, now + TIMEOUT_MS + 1));
	assert_null(session_find(&sessions, id));
	assert_null(session_use(&sessions, token, now)); /* and does not come back */
}

static void end_one_and_all(void **state)
{
	struct sessions sessions = {0};
	char a[SESSION_TOKEN_SIZE], b[SESSION_TOKEN_SIZE];
	unsigned int first = create(&sessions, 1, a), second = create(&sessions, 2, b);

	assert_true(first != second);
	assert_string_not_equal(a, b);
	assert_int_equal(session_end(&sessions, first), 0);
	assert_int_equal(session_end(&sessions, first), -ENOENT);
	assert_null(session_use(&sessions, a, 3));
	assert_int_equal(session_use(&sessions, b, 3)->id, second);
	session_end_all(&sessions);
	assert_null(session_use(&sessions, b, 3));
	assert_true(create(&sessions, 4, a) > second); /* ids are never used again */
}

static void make_room_for_the_new(void **state)
{
	struct sessions sessions = {0};
	char tokens[SESSION_MAX + 1][SESSION_TOKEN_SIZE];

	for (int i = 0; i < SESSION_MAX; i++)
		create(&sessions, i, tokens[i]);
	assert_non_null(session_use(&sessions, tokens[0], 100));
	create(&sessions, 101, tokens[SESSION_MAX]);
	assert_int_equal(sessions.n, SESSION_MAX);
	assert_null(session_use(&sessions, tokens[1], 102)); /* unused for the longest time */
	for (int i = 0; i <= SESSION_MAX; i++)
		assert_true(i == 1 || session_use(&sessions, tokens[i], 103));
}

/* Whatever either logs in, the other one's stay. */
static void each_kind_makes_room_for_its_own(void **state)
{
	char admin[SESSION_MAX][SESSION_TOKEN_SIZE], token[SESSION_TOKEN_SIZE];
	struct sessions sessions = {0};
	int64_t now = 0;

	for (int i = 0; i < SESSION_MAX; i++)
		create(&sessions, now++, admin[i]);
	for (unsigned int i = 0; i < 100; i++)
		create_for(&sessions, 1 + i % 7, now++, token);
	assert_int_equal(sessions.n, SESSION_MAX + SESSION_MAX_HOST);
	for (int i = 0; i < SESSION_MAX; i++)
		assert_non_null(session_use(&sessions, admin[i], now));
	assert_non_null(session_use(&sessions, token, now));
	for (int i = 0; i < 100; i++)
		create(&sessions, now++, admin[0]);
	assert_non_null(session_use(&sessions, token, now));
	assert_int_equal(sessions.n, SESSION_MAX + SESSION_MAX_HOST);
}

static void accept_types(void **state)
{
	static const struct {
		const char *accept, *type;
		bool ok;
	} rows[] = {
		{NULL,			  "application/json",  true },
		{" ",			   "application/json",  true },
		{"application/json",	     "application/json",	 true },
		{"text/html, application/json", "application/json",  true },
		{"application/*;q=0.5",		"application/json",  true },
		{"application/*",		  "text/event-stream", false},
		{"*/*",			 "text/event-stream", true },
		{"*/*;q=0",			    "application/json",	false},
		{"*/*;q=0, application/json",   "application/json",  true },
		{"application/json;q=0, */*",   "application/json",  false},
		{"application/json; q=0.001",   "application/json",  true },
		{"application/json; q=0.000",   "application/json",  false},
		{",,;,",			 "application/json",  false},
		{"*",			   "application/json",  false},
		{"a/*",			 "application/json",  false},
		{"application/",		 "application/json",  false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (negotiate_accepts(rows[i].accept, rows[i].type) != rows[i].ok)
			fail_msg("row %zu: %s", i, rows[i].accept);
	}
	assert_true(negotiate_is_type(" Application/JSON ;charset=x", "application/json"));
	assert_false(negotiate_is_type("application/json-patch", "application/json"));
	assert_false(negotiate_is_type("", "application/json"));
}

static void match_etags(void **state)
{
	static const struct {
		const char *field;
		bool ok;
	} rows[] = {
		{"\"ab\"",	   true },
		{"W/\"ab\"",	     true },
		{"*",		      true },
		{"\"x\", \"ab\"",	  true },
		{"\"x\",W/\"ab\" ", true },
		{"\"abc\"",	    false},
		{"\"a\"",		  false},
		{"ab",	       false},
		{"\"ab\"x",	    false},
		{"",		     false},
		{",",		      false},
		{"**",	       false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (negotiate_matches_etag(rows[i].field, "\"ab\"") != rows[i].ok ||
			negotiate_matches_etag(rows[i].field, "W/\"ab\"") != rows[i].ok)
			fail_msg("row %zu: %s", i, rows[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(use_and_expire),
		cmocka_unit_test(end_one_and_all),
		cmocka_unit_test(make_room_for_the_new),
		cmocka_unit_test(each_kind_makes_room_for_its_own),
		cmocka_unit_test(accept_types),
		cmocka_unit_test(match_etags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
