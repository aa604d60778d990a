/* SPDX-License-Identifier: Apache-2.0 */
/* When a certificate is renewed, and the files and pins of two that overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/renewal.h"
#include "base/state.h"
#include "base/util.h"
#include "folder.h"
#include "host/link/trust_store.h"

#define NOW 1767225600
#define DAY 86400
#define TEN ((time_t)3652 * DAY)

static const struct renewal_files files = {"k", "c", "nk", "nc"};

static void test_due(void **state)
{
	time_t latest = NOW + TEN - 30 * DAY;

	assert_int_equal(renewal_get_due(NOW, NOW + TEN, 0), latest);
	for (uint32_t seed = 0; seed < 100000; seed += 7) {
		time_t due = renewal_get_due(NOW, NOW + TEN, seed * 2654435761u);

		assert_in_range(due, latest - 3 * DAY, latest);
	}
	/* a short life: a third of it before its end, never before its beginning */
	assert_int_equal(renewal_get_due(NOW, NOW + 30, 0), NOW + 20);
	assert_in_range(renewal_get_due(NOW, NOW + 30, UINT32_MAX), NOW + 19, NOW + 20);
	assert_int_equal(renewal_get_due(NOW, NOW, 5), NOW);
	assert_int_equal(renewal_get_due(NOW, NOW - 5, 5), NOW - 5); /* dates the wrong way round */
}

/* 2,000 hosts that were installed in one minute do not renew in one. */
static void test_spread(void **state)
{
	unsigned int hours[80] = {0}, most = 0;
	uint32_t random = 1;

	for (int i = 0; i < 2000; i++) {
		time_t due;

		random = random * 1664525u + 1013904223u;
		due = renewal_get_due(NOW, NOW + TEN, random);
		hours[(NOW + TEN - 30 * DAY - due) / 3600]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(hours); i++)
		most = hours[i] > most ? hours[i] : most;
	assert_in_range(most, 20, 60); /* of 28 in an hour on average */
}

static void test_backoff(void **state)
{
	struct renewal_backoff backoff = {0};
	uint64_t now = 1000, last = 0;

	assert_int_equal(renewal_get_wait(&backoff, now), 0);
	for (int i = 0; i < 50; i++) {
		uint64_t wait;

		renewal_fail(&backoff, now, 12345);
		wait = renewal_get_wait(&backoff, now);
		assert_in_range(wait, RENEWAL_RETRY_MIN_MS * 9 / 10, RENEWAL_RETRY_MAX_MS);
		assert_true(wait + 100000 >= last);
		assert_int_equal(renewal_get_wait(&backoff, now + wait), 0);
		assert_int_equal(renewal_get_wait(&backoff, now + wait - 1), 1);
		last = wait;
		now += wait;
	}
	assert_true(last > RENEWAL_RETRY_MAX_MS * 9 / 10);
}

/* --- on disk --- */

static void make(struct folder *f, const char *key, const char *certificate, uint32_t *seed)
{
	const struct cert_request request = {
		.role = CERT_ROLE_AGENT, .common_name = "x", .not_before = NOW};
	struct cert_pair pair = {0};

	assert_int_equal(cert_pair_make(&request, &pair), 0);
	assert_int_equal(cert_pair_save(&pair, f->dir_fd, key, certificate), 0);
	*seed = renewal_get_seed(pair.certificate);
	cert_pair_clear(&pair);
}

static uint32_t load(struct folder *f)
{
	struct cert_pair pair = {0};
	uint32_t seed;

	assert_int_equal(renewal_load(f->dir_fd, &files, &pair), 0);
	assert_int_equal(X509_check_private_key(pair.certificate, pair.key), 1);
	seed = renewal_get_seed(pair.certificate);
	cert_pair_clear(&pair);
	return seed;
}

static bool is_there(struct folder *f, const char *name)
{
	return faccessat(f->dir_fd, name, F_OK, 0) == 0;
}

static void test_promote(void **state)
{
	struct folder *f = *state;
	uint32_t old, next;

	make(f, "k", "c", &old);
	make(f, "nk", "nc", &next);
	assert_int_equal(load(f), old);
	assert_int_equal(renewal_promote(f->dir_fd, &files), 0);
	assert_int_equal(load(f), next);
	assert_false(is_there(f, "nk") || is_there(f, "nc"));
	assert_int_equal(renewal_promote(f->dir_fd, &files), -ENOENT);
	assert_int_equal(load(f), next);
}

/* Killed between the two renames: finished at the next start, or when it is tried again. */
static void test_promote_cut_short(void **state)
{
	struct folder *f = *state;
	uint32_t old, next;

	make(f, "k", "c", &old);
	make(f, "nk", "nc", &next);
	assert_int_equal(renameat(f->dir_fd, "nk", f->dir_fd, "k"), 0);
	assert_int_equal(load(f), next);
	assert_false(is_there(f, "nc"));

	make(f, "nk", "nc", &next);
	assert_int_equal(renameat(f->dir_fd, "nk", f->dir_fd, "k"), 0);
	assert_int_equal(renewal_promote(f->dir_fd, &files), 0);
	assert_int_equal(load(f), next);
}

/* Killed while the successor was written: a key without its certificate is nobody's. */
static void test_half_a_successor(void **state)
{
	struct folder *f = *state;
	struct cert_pair pair = {0};
	uint32_t old, next, other;

	make(f, "k", "c", &old);
	make(f, "nk", "nc", &next);
	make(f, "nk", "elsewhere", &other);
	assert_int_equal(state_write_file(f->dir_fd, ".nk.tmp", "secret", 6, 0600), 0);
	assert_int_equal(load(f), old);
	renewal_load_next(f->dir_fd, &files, &pair);
	assert_null(pair.certificate);
	assert_false(is_there(f, "nk") || is_there(f, "nc") || is_there(f, ".nk.tmp"));
	assert_int_equal(renewal_drop_next(f->dir_fd, &files), 0);
	assert_int_equal(renewal_drop_next(f->dir_fd, &files), 0);
	assert_int_equal(load(f), old);
}

/* --- two pins --- */

static const unsigned char pin_a[CERT_FINGERPRINT_SIZE] = {0xaa},
			   pin_b[CERT_FINGERPRINT_SIZE] = {0xbb};

static enum trust_verdict judge(const struct trust_store *store, const unsigned char *shown)
{
	const struct settings settings = {.tls = true, .trust = TRUST_FIRST_USE};
	const struct trust_clock clock = {.now = NOW, .build = NOW - DAY};
	struct trust_peer peer = {.not_before = NOW - DAY, .not_after = NOW + DAY};

	memcpy(peer.fingerprint, shown, CERT_FINGERPRINT_SIZE);
	return trust_check_peer(store, &settings, &peer, &clock);
}

static struct trust_store reload(struct folder *f)
{
	struct trust_store store;

	trust_store_load(f->dir_fd, &store);
	return store;
}

static void test_next_pin(void **state)
{
	struct folder *f = *state;
	struct trust_store store = {0};

	/* announced by a BMC that is not pinned: nothing is believed */
	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_set_next(f->dir_fd, &store, pin_b), -ENOENT);
	assert_int_equal(trust_store_promote(f->dir_fd, &store, NOW), -ENOENT);

	assert_int_equal(trust_store_pin(f->dir_fd, &store, pin_a, NOW), 0);
	assert_int_equal(judge(&store, pin_b), TRUST_VERDICT_CHANGED);
	assert_int_equal(trust_store_set_next(f->dir_fd, &store, pin_b), 0);
	store = reload(f);
	assert_int_equal(judge(&store, pin_a), TRUST_VERDICT_OK);
	assert_int_equal(judge(&store, pin_b), TRUST_VERDICT_OK);

	/* withdrawn */
	assert_int_equal(trust_store_set_next(f->dir_fd, &store, NULL), 0);
	store = reload(f);
	assert_int_equal(judge(&store, pin_a), TRUST_VERDICT_OK);
	assert_int_equal(judge(&store, pin_b), TRUST_VERDICT_CHANGED);

	/* shown: one pin is left */
	assert_int_equal(trust_store_set_next(f->dir_fd, &store, pin_b), 0);
	assert_int_equal(trust_store_promote(f->dir_fd, &store, NOW), 0);
	store = reload(f);
	assert_false(store.has_next);
	assert_int_equal(judge(&store, pin_a), TRUST_VERDICT_CHANGED);
	assert_int_equal(judge(&store, pin_b), TRUST_VERDICT_OK);

	/* its own announced again is no second one */
	assert_int_equal(trust_store_set_next(f->dir_fd, &store, pin_b), 0);
	assert_false(store.has_next);
}

/* An administrator's word takes both. */
static void test_next_pin_goes_with_the_first(void **state)
{
	struct folder *f = *state;
	struct trust_store store = {0};

	for (int reset = 0; reset < 2; reset++) {
		assert_int_equal(trust_store_pin(f->dir_fd, &store, pin_a, NOW), 0);
		assert_int_equal(trust_store_set_next(f->dir_fd, &store, pin_b), 0);
		if (reset)
			assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
		else
			assert_int_equal(trust_store_pin(f->dir_fd, &store, pin_a, NOW), 0);
		store = reload(f);
		assert_false(store.has_next);
		if (!reset)
			assert_int_equal(judge(&store, pin_b), TRUST_VERDICT_CHANGED);
	}
}

static void test_next_pin_in_the_file(void **state)
{
	static const struct {
		const char *pin, *next;
		bool good;
	} rows[] = {
		{"\"pinned\": true, \"pin\": \"%s\"", "",			  true }, /* of an earlier version */
		{"\"pinned\": true, \"pin\": \"%s\"", ", \"next_pin\": \"\"",   true },
		{"\"pinned\": true, \"pin\": \"%s\"", ", \"next_pin\": \"zz\"", false},
		{"\"pinned\": true, \"pin\": \"%s\"", ", \"next_pin\": 5",	   false},
		{"\"pinned\": false, \"pin\": \"\"",  ", \"next_pin\": \"%s\"", false},
	};
	struct folder *f = *state;
	char hex[65], text[512], part[160], next[160];

	memset(hex, 'a', 64);
	hex[64] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trust_store store;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(part, sizeof(part), rows[i].pin, hex);
		snprintf(next, sizeof(next), rows[i].next, hex);
#pragma GCC diagnostic pop
		snprintf(text, sizeof(text),
			"{\"format\": 1, %s%s, \"window_open\": false, \"seen_tls\": true, "
			"\"pinned_at\": 1}",
			part, next);
		assert_int_equal(
			state_write_file(f->dir_fd, TRUST_STORE_FILE, text, strlen(text), 0600), 0);
		assert_int_equal(trust_store_load(f->dir_fd, &store) == 0, rows[i].good);
		assert_int_equal(store.damaged, !rows[i].good);
	}
}

#define DISK(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_backoff),
		DISK(test_promote),
		DISK(test_promote_cut_short),
		DISK(test_half_a_successor),
		DISK(test_next_pin),
		DISK(test_next_pin_goes_with_the_first),
		DISK(test_next_pin_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
