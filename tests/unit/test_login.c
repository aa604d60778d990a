/* SPDX-License-Identifier: Apache-2.0 */
/* Session log-in: what is said and taken, when not to ask again; redirects and Locations. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/util.h"
#include "host/link/channel_internal.h"
#include "host/link/login.h"

static void test_body_is_json(void **state)
{
	static const char *const words[] = {
		"simple", "a\"b", "back\\slash", "gr\xc3\xbc\xc3\x9f!", "tab\there", "", "{}[]:,'"};
	char body[LOGIN_MAX_BODY];
	const char *user, *password;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
			json_t *said;

			assert_int_equal(
				login_make_body(words[i], words[k], body, sizeof(body)), 0);
			said = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
			assert_non_null(said);
			assert_int_equal(json_unpack(said, "{s:s, s:s !}", "UserName", &user,
						 "Password", &password),
				0);
			assert_string_equal(user, words[i]);
			assert_string_equal(password, words[k]);
			json_decref(said);
		}
	}
}

/* The longest that the configuration and the monitor let through fit; what does not leaves nothing.
 */
static void test_body_bounds(void **state)
{
	char user[SETTINGS_MAX_USER + 1] = "", password[PRIV_MAX_PASSWORD + 1] = "";
	char body[LOGIN_MAX_BODY], small[40];
	static const char nothing[sizeof(small)];

	memset(user, '\x01', sizeof(user) - 1);
	memset(password, '\x01', sizeof(password) - 1);
	assert_int_equal(login_make_body(user, password, body, sizeof(body)), 0);
	assert_int_equal(login_make_body("u", "a password", small, sizeof(small)), -EMSGSIZE);
	assert_memory_equal(small, nothing, sizeof(small));
}

static void test_tokens(void **state)
{
	char token[LOGIN_MAX_TOKEN + 1] = "";

	assert_true(login_token_is_safe("a"));
	assert_true(login_token_is_safe("eyJhbGciOi.J9-_~+/="));
	assert_false(login_token_is_safe(""));
	assert_false(login_token_is_safe("a b"));
	assert_false(login_token_is_safe("a\r\nX: y"));
	assert_false(login_token_is_safe("\xc3\xbc"));
	memset(token, 'a', LOGIN_MAX_TOKEN - 1);
	assert_true(login_token_is_safe(token));
	token[LOGIN_MAX_TOKEN - 1] = 'a';
	assert_false(login_token_is_safe(token));
}

static void test_hold(void **state)
{
	static const uint64_t waits[] = {60, 120, 240, 480, 960, 1920, 3600, 3600};
	struct login_hold hold = {0};
	uint64_t now = 5;

	assert_false(login_is_held(&hold, now));
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		login_hold_refused(&hold, now);
		assert_true(login_is_held(&hold, now + waits[i] * 1000 - 1));
		now += waits[i] * 1000;
		assert_false(login_is_held(&hold, now));
	}
	for (size_t i = 0; i < 1000; i++) /* for ever is no longer */
		login_hold_refused(&hold, now);
	assert_int_equal(hold.until, now + LOGIN_HOLD_MAX_MS);
}

static void test_locations(void **state)
{
	static const struct {
		const char *location, *path;
	} rows[] = {
		{"/redfish/v1/SessionService/Sessions/1", "/redfish/v1/SessionService/Sessions/1"},
		{"https://16.1.15.1/redfish/v1/S/x/",     "/redfish/v1/S/x/"			},
		{"https://[fe80::1]:443/redfish/v1/S/x",	 "/redfish/v1/S/x"			  },
		{"http://elsewhere.example/x",	       "/x"				   }, /* only the path is ever used */
		{"",				      NULL				   },
		{"x",				     NULL				   },
		{"https://host",				 NULL				     },
		{"//host/x",			      NULL				   },
		{"/a b",				  NULL				   },
		{"/a\r\nb",			       NULL				   },
		{"https://host//x",			    NULL					},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[64] = "untouched";
		int r = resource_get_location(rows[i].location, path, sizeof(path));

		if (rows[i].path ? r != 0 || strcmp(path, rows[i].path) != 0
				 : r == 0 || strcmp(path, "untouched") != 0)
			fail_msg("%s: %d %s", rows[i].location, r, path);
	}
}

/* Followed: the same resource by its other name, at the same place. All else is an answer. */
static void test_redirects(void **state)
{
	static const struct {
		const char *location, *path, *authority, *out;
	} rows[] = {
		{"/redfish/v1",			"/redfish/v1/", "1.2.3.4:443",   "/redfish/v1" },
		{"/redfish/v1/",			 "/redfish/v1",	"1.2.3.4:443",   "/redfish/v1/"},
		{"https://1.2.3.4/a/",	       "/a",	     "1.2.3.4:443",   "/a/"	 },
		{"https://1.2.3.4:443/a/",	   "/a",		 "1.2.3.4:443",	"/a/"	     },
		{"HTTPS://1.2.3.4:8443/a/",	    "/a",		  "1.2.3.4:8443",  "/a/"	       },
		{"https://[fe80::1]/a/",		 "/a",	       "[fe80::1]:443", "/a/"	     },
		{"/a",			       "/a",	     "1.2.3.4:443",   NULL		}, /* a circle */
		{"/b",			       "/a",	     "1.2.3.4:443",   NULL		},
		{"/a/b",			     "/a",	       "1.2.3.4:443",   NULL	  },
		{"/a//",			     "/a",	       "1.2.3.4:443",   NULL	  },
		{"/",				"/a",	    "1.2.3.4:443",   NULL	       },
		{"",				 "/a",	   "1.2.3.4:443",	  NULL	      },
		{"a/",			       "/a",	     "1.2.3.4:443",   NULL		},
		{"//1.2.3.4/a/",			 "/a",	       "1.2.3.4:443",   NULL	  },
		{"http://1.2.3.4/a/",		      "/a",	    "1.2.3.4:443",   NULL	       }, /* TLS given up */
		{"https://1.2.3.4:9090/a/",	    "/a",		  "1.2.3.4:443",	 NULL	     }, /* another listener */
		{"https://1.2.3.4/a/",	       "/a",	     "1.2.3.4:8443",  NULL		 },
		{"https://1.2.3.40/a/",		"/a",	      "1.2.3.4:443",   NULL		 },
		{"https://1.2.3.4.evil/a/",	    "/a",		  "1.2.3.4:443",	 NULL	     },
		{"https://x@1.2.3.4/a/",		 "/a",	       "1.2.3.4:443",   NULL	  },
		{"https://evil/a/",		    "/a",		  "1.2.3.4:443",	 NULL	     },
		{"https://evil/?https://1.2.3.4/a/", "/a",	   "1.2.3.4:443",	  NULL	      },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[64] = "untouched";
		int r = resource_get_redirect(rows[i].location, "https", rows[i].authority,
			rows[i].path, out, sizeof(out));

		if (rows[i].out ? r != 0 || strcmp(out, rows[i].out) != 0
				: r == 0 || strcmp(out, "untouched") != 0)
			fail_msg("%s for %s: %d %s", rows[i].location, rows[i].path, r, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_is_json),
		cmocka_unit_test(test_body_bounds),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_locations),
		cmocka_unit_test(test_redirects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
