/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's deciding cores: profile, limiter, lockout, privileges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "endpoint/limiter.h"
#include "endpoint/lockout.h"
#include "endpoint/privilege.h"
#include "endpoint/profile.h"
#include "endpoint/sources.h"

static void compare_versions(void **state)
{
	static const struct {
		const char *a, *b;
		int result;
	} rows[] = {
		{"3.30.30.30",		       "3.30.30.30", 0 },
		{"3.30.30.29",		       "3.30.30.30", -1},
		{"3.30.30.31",		       "3.30.30.30", 1 },
		{"3.9.30.30",		      "3.30.30.30", -1}, /* numbers, not text */
		{"4.0",			"3.30.30.30", 1 },
		{"3.30.30",		    "3.30.30.30", -1},
		{"3.30.30.30.0",		 "3.30.30.30", 0 },
		{"3.30.30.30-b1",		  "3.30.30.30", 0 },
		{"03.30.30.30",		"3.30.30.30", 0 },
		{"99999999999999999999999.1", "3.30.30.30", 1 }, /* saturates, does not wrap */
		{"",			  "0.0",	    0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = profile_compare_versions(rows[i].a, rows[i].b);

		assert_int_equal((r > 0) - (r < 0), rows[i].result);
		r = profile_compare_versions(rows[i].b, rows[i].a);
		assert_int_equal((r > 0) - (r < 0), -rows[i].result);
	}
}

static void decide_profile(void **state)
{
	static const struct {
		enum profile_kind kind;
		const char *version;
		bool tls, ipv6; /* wished */
		bool has_tls, has_ipv6;
	} rows[] = {
		{PROFILE_REDFISH, "0.1.0",	   true,	 true,  true,  true },
		{PROFILE_REDFISH, "0.1.0",	   false, true,	false, true },
		{PROFILE_IDRAC,	"3.30.30.30", true,  true,  true,	true },
		{PROFILE_IDRAC,	"3.30.30.29", true,  true,  false, true },
		{PROFILE_IDRAC,	"2.70.70.70", true,  true,  false, true },
		{PROFILE_IDRAC,	"2.70.70.69", true,  true,  false, false},
		{PROFILE_IDRAC,	"6.10.30.00", true,  false, true,	 false},
		{PROFILE_IDRAC,	"6.10.30.00", false, true,  false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct profile_wish wish = {
			rows[i].kind, rows[i].version, rows[i].tls, true, rows[i].ipv6};
		struct profile profile;

		profile_decide(&wish, &profile);
		assert_int_equal(profile.tls, rows[i].has_tls);
		assert_int_equal(profile.ipv6, rows[i].has_ipv6);
		assert_true(profile.ipv4);
		assert_string_equal(profile.manager_id,
			rows[i].kind == PROFILE_IDRAC ? "iDRAC.Embedded.1" : "bmc");
	}
}

/* An agent without TLS that tries each second for an hour. */
static void limit_attempts(void **state)
{
	struct limiter limiter = {0};
	unsigned int records = 0;
	int64_t last = 0;

	for (int64_t t = 1000; t <= 3600000; t += 1000) {
		if (limiter_attempt(&limiter, t)) {
			records++;
			if (records <= 3)
				assert_int_equal(limiter.attempts, records);
			else
				assert_true(t - last >= LIMITER_EVERY_MS);
			last = t;
		}
	}
	/* Three at once, then one each minute of what is left of the hour. */
	assert_in_range(records, 3 + 58, 3 + 60);
	assert_int_equal(limiter.attempts, 3600);
}

static void flush_held_back(void **state)
{
	struct limiter limiter = {0};

	for (int i = 0; i < 3; i++)
		assert_true(limiter_attempt(&limiter, 10));
	assert_int_equal(limiter_wait_ms(&limiter, 10), -1);
	assert_false(limiter_flush(&limiter, 10 + LIMITER_EVERY_MS));
	assert_false(limiter_attempt(&limiter, 20));
	assert_int_equal(limiter_wait_ms(&limiter, 20), LIMITER_EVERY_MS - 10);
	assert_false(limiter_flush(&limiter, 20));
	assert_true(limiter_flush(&limiter, 10 + LIMITER_EVERY_MS));
	assert_int_equal(limiter.attempts, 4);
	assert_false(limiter_flush(&limiter, 10 + 2 * LIMITER_EVERY_MS));
}

static void start_over_when_calm(void **state)
{
	struct limiter limiter = {0};

	for (int i = 0; i < 10; i++)
		limiter_attempt(&limiter, i);
	assert_true(limiter_flush(&limiter, LIMITER_EVERY_MS + 10));
	assert_true(limiter_attempt(&limiter, LIMITER_CALM_MS + 9));
	assert_int_equal(limiter.attempts, 1);
	assert_true(limiter_attempt(&limiter, LIMITER_CALM_MS + 10));
	assert_int_equal(limiter.attempts, 2);
}

/* A host that asks each second for an hour, and one that comes back after a night. */
static void take_turns(void **state)
{
	struct limiter_turns turns = {0};
	const int64_t hour = 3600000;
	int taken = 0;

	for (int64_t t = 1000; t <= hour; t += 1000)
		taken += limiter_take_turn(&turns, t);
	assert_int_equal(taken, LIMITER_TURNS + 59);
	assert_false(limiter_take_turn(&turns, hour));
	for (int i = 0; i < LIMITER_TURNS; i++)
		assert_true(limiter_take_turn(&turns, 9 * hour));
	assert_false(limiter_take_turn(&turns, 9 * hour));
	assert_false(limiter_take_turn(&turns, 9 * hour + LIMITER_EVERY_MS - 1));
	assert_true(limiter_take_turn(&turns, 9 * hour + LIMITER_EVERY_MS));
	assert_false(limiter_take_turn(&turns, 9 * hour + LIMITER_EVERY_MS));
}

static void lock_out_guesses(void **state)
{
	static const unsigned char a[16] = {1}, b[16] = {2}, zero[16] = {0};
	struct lockout lockout = {0};

	assert_true(lockout_allows(&lockout, zero, 0));
	for (int i = 0; i < LOCKOUT_THRESHOLD; i++) {
		assert_true(lockout_allows(&lockout, a, i));
		lockout_add_failure(&lockout, a, i);
	}
	assert_false(lockout_allows(&lockout, a, 10));
	assert_true(lockout_allows(&lockout, b, 10));
	assert_true(lockout_allows(&lockout, a, LOCKOUT_SECONDS * 1000 + 10));
	/* A success clears the score. */
	lockout_add_failure(&lockout, b, 20);
	lockout_add_success(&lockout, b);
	for (int i = 0; i < LOCKOUT_THRESHOLD - 1; i++)
		lockout_add_failure(&lockout, b, 20);
	assert_true(lockout_allows(&lockout, b, 20));
}

/* Who takes another address for each guess runs into the budget of all. */
static void lock_out_many_sources(void **state)
{
	struct lockout lockout = {0};
	int tried = 0;

	for (int i = 0; i < 1000; i++) {
		unsigned char source[16] = {9, (unsigned char)(i >> 8), (unsigned char)i};

		if (!lockout_allows(&lockout, source, i))
			continue;
		tried++;
		lockout_add_failure(&lockout, source, i);
	}
	assert_int_equal(tried, LOCKOUT_BUDGET);
}

static void check_privileges(void **state)
{
	static const struct {
		enum role role;
		enum entity entity;
		enum http_method method;
		bool allowed;
	} rows[] = {
		{ROLE_NONE,	    ENTITY_SERVICE_ROOT,	 HTTP_GET,	   true },
		{ROLE_NONE,	    ENTITY_SERVICE_ROOT,	 HTTP_HEAD,   true },
		{ROLE_NONE,	    ENTITY_SERVICE_ROOT,	 HTTP_PATCH,  false},
		{ROLE_NONE,	    ENTITY_MANAGER,	    HTTP_GET,    false},
		{ROLE_NONE,	    ENTITY_HOST_CERTIFICATES, HTTP_POST,	 false},
		{ROLE_ENROLLING,	 ENTITY_SERVICE_ROOT,      HTTP_GET,	true },
		{ROLE_ENROLLING,	 ENTITY_MANAGER,		 HTTP_GET,	   false},
		{ROLE_ENROLLING,	 ENTITY_HOST_CERTIFICATES, HTTP_GET,    false},
		{ROLE_ENROLLING,	 ENTITY_HOST_CERTIFICATES, HTTP_POST,   true },
		{ROLE_ENROLLING,	 ENTITY_HOST_CERTIFICATE,  HTTP_DELETE, false},
		{ROLE_AUTH_NONE,	 ENTITY_MANAGER,		 HTTP_GET,	   true },
		{ROLE_AUTH_NONE,	 ENTITY_EVENT_STREAM,      HTTP_GET,	true },
		{ROLE_AUTH_NONE,	 ENTITY_HOST_CERTIFICATES, HTTP_GET,    false},
		{ROLE_AUTH_NONE,	 ENTITY_HOST_CERTIFICATES, HTTP_POST,   false},
		{ROLE_AUTH_NONE,	 ENTITY_ACCOUNT,		 HTTP_GET,	   false},
		{ROLE_HOST,	    ENTITY_MANAGER,	    HTTP_GET,    true },
		{ROLE_HOST,	    ENTITY_MANAGER,	    HTTP_PATCH,	false},
		{ROLE_HOST,	    ENTITY_HOST_CERTIFICATE,  HTTP_DELETE, true },
		{ROLE_HOST,	    ENTITY_ACCOUNTS,	     HTTP_POST,	false},
		{ROLE_ADMINISTRATOR, ENTITY_HOST_CERTIFICATES, HTTP_POST,	  true },
		{ROLE_ADMINISTRATOR, ENTITY_LOG_ENTRIES,	 HTTP_GET,	   true },
		{ROLE_ADMINISTRATOR, ENTITY_LOG_ENTRIES,	 HTTP_DELETE, false},
		{ROLE_READ_ONLY,	 ENTITY_HOST_CERTIFICATES, HTTP_GET,    false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(privilege_allows(rows[i].role, rows[i].entity, rows[i].method),
			rows[i].allowed);
}

/* What anybody may do is to read the root and the list of versions, and to log in. */
static void keep_strangers_out(void **state)
{
	for (int e = 0; e < ENTITY_COUNT; e++) {
		for (unsigned int m = HTTP_GET; m <= HTTP_OTHER; m <<= 1) {
			bool open = (e == ENTITY_VERSIONS || e == ENTITY_SERVICE_ROOT) &&
				    (m == HTTP_GET || m == HTTP_HEAD);

			open = open || (e == ENTITY_SESSIONS && m == HTTP_POST);
			assert_int_equal(
				privilege_allows(ROLE_NONE, (enum entity)e, (enum http_method)m),
				open);
		}
	}
}

static void make_key(unsigned int number, unsigned char key[SOURCES_KEY])
{
	memset(key, 0, SOURCES_KEY);
	memcpy(key, &number, sizeof(number));
}

/* Each has its own number, whatever it shares a bucket with; a wrong one has none. */
static void count_sources(void **state)
{
	enum { SOURCES = 300, EACH = 3 };
	static struct source *taken[SOURCES][EACH];
	struct sources sources = {.n = 0};
	unsigned char key[SOURCES_KEY];

	for (unsigned int k = 0; k < EACH; k++) {
		for (unsigned int i = 0; i < SOURCES; i++) {
			make_key(i, key);
			assert_int_equal(sources_count(&sources, key), k);
			taken[i][k] = sources_take(&sources, key);
			assert_non_null(taken[i][k]);
		}
	}
	assert_int_equal(sources.n, SOURCES);
	make_key(SOURCES, key);
	assert_int_equal(sources_count(&sources, key), 0);
	for (unsigned int i = 0; i < SOURCES; i++) {
		make_key(i, key);
		for (unsigned int k = 0; k < EACH; k++) {
			assert_int_equal(sources_count(&sources, key), EACH - k);
			sources_release(&sources, taken[i][k]);
		}
		assert_int_equal(sources_count(&sources, key), 0);
	}
	assert_int_equal(sources.n, 0);
}

/* A million of them come and go, a few at a time: no more records than connections. */
static void sources_come_and_go(void **state)
{
	enum { AT_A_TIME = 8 };
	struct source *taken[AT_A_TIME] = {NULL};
	struct sources sources = {.n = 0};
	unsigned char key[SOURCES_KEY];

	for (unsigned int i = 0; i < 1000000; i++) {
		struct source **place = &taken[i % AT_A_TIME];

		if (*place)
			sources_release(&sources, *place);
		make_key(i * 2654435761u, key);
		*place = sources_take(&sources, key);
		assert_non_null(*place);
		assert_true(sources.n <= AT_A_TIME);
	}
	for (unsigned int i = 0; i < AT_A_TIME; i++)
		sources_release(&sources, taken[i]);
	assert_int_equal(sources.n, 0);
	for (unsigned int i = 0; i < SOURCES_BUCKETS; i++)
		assert_true(SLIST_EMPTY(&sources.buckets[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compare_versions),
		cmocka_unit_test(decide_profile),
		cmocka_unit_test(limit_attempts),
		cmocka_unit_test(flush_held_back),
		cmocka_unit_test(start_over_when_calm),
		cmocka_unit_test(take_turns),
		cmocka_unit_test(lock_out_guesses),
		cmocka_unit_test(lock_out_many_sources),
		cmocka_unit_test(count_sources),
		cmocka_unit_test(sources_come_and_go),
		cmocka_unit_test(check_privileges),
		cmocka_unit_test(keep_strangers_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
