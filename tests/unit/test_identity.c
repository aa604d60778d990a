/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/state.h"
#include "base/util.h"
#include "folder.h"
#include "host/link/identity.h"

#define BUILD 1767225600
#define NOW   (BUILD + 86400)
#define YEAR  (86400 * 366)

struct row {
	const char *what;
	struct identity_facts facts;
	enum identity_action action;
};

#define G IDENTITY_GOOD
#define B IDENTITY_BAD
#define A IDENTITY_ABSENT
/* stamp, pair, same version, same machine, expired, trust made */
/* clang-format off */
static const struct row rows[] = {
	{"empty directory",                      {A, A, 0, 0, 0, 0}, IDENTITY_FRESH},
	{"killed in the first start",            {A, G, 0, 0, 0, 0}, IDENTITY_FRESH},
	{"killed between key and certificate",   {A, B, 0, 0, 0, 0}, IDENTITY_FRESH},
	{"stamp taken away, trust there",        {A, G, 0, 0, 0, 1}, IDENTITY_DAMAGED},
	{"stamp and pair away, trust there",     {A, A, 0, 0, 0, 1}, IDENTITY_DAMAGED},
	{"stamp unreadable",                     {B, G, 0, 0, 0, 1}, IDENTITY_DAMAGED},
	{"stamp unreadable, no trust yet",       {B, G, 0, 0, 0, 0}, IDENTITY_DAMAGED},
	{"the same again",                       {G, G, 1, 1, 0, 1}, IDENTITY_KEEP},
	{"the same again, not connected yet",    {G, G, 1, 1, 0, 0}, IDENTITY_KEEP},
	{"the same again, expired: no repair",   {G, G, 1, 1, 1, 1}, IDENTITY_KEEP},
	{"the same again, pair lost",            {G, A, 1, 1, 0, 1}, IDENTITY_REPAIR},
	{"the same again, pair unreadable",      {G, B, 1, 1, 0, 1}, IDENTITY_REPAIR},
	{"upgrade",                              {G, G, 0, 1, 0, 1}, IDENTITY_STAGE},
	{"upgrade before any connection",        {G, G, 0, 1, 0, 0}, IDENTITY_STAGE},
	{"upgrade mends an expired pair",        {G, G, 0, 1, 1, 1}, IDENTITY_REPLACE},
	{"upgrade, pair unreadable",             {G, B, 0, 1, 0, 1}, IDENTITY_REPLACE},
	{"upgrade, pair lost",                   {G, A, 0, 1, 0, 1}, IDENTITY_REPLACE},
	{"cloned",                               {G, G, 1, 0, 0, 1}, IDENTITY_OTHER_MACHINE},
	{"cloned and upgraded",                  {G, G, 0, 0, 0, 1}, IDENTITY_OTHER_MACHINE},
	{"cloned, expired",                      {G, G, 1, 0, 1, 0}, IDENTITY_OTHER_MACHINE},
	{"cloned, pair unreadable",              {G, B, 1, 0, 0, 1}, IDENTITY_OTHER_MACHINE},
};
/* clang-format on */

static void test_decide(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum identity_action action = identity_decide(&rows[i].facts);

		if (action != rows[i].action)
			fail_msg("%s: %s, not %s", rows[i].what, identity_action_name(action),
				identity_action_name(rows[i].action));
	}
}

/* Only a fresh installation or another machine opens a window: whatever else the facts are. */
static void test_window_only_when_fresh(void **state)
{
	for (unsigned int bits = 0; bits < 3 * 3 * 16; bits++) {
		struct identity_facts facts = {.stamp = (enum identity_file)(bits % 3),
			.pair = (enum identity_file)(bits / 3 % 3),
			.same_version = bits / 9 & 1,
			.same_machine = bits / 9 & 2,
			.pair_expired = bits / 9 & 4,
			.trust_made = bits / 9 & 8};
		enum identity_action action = identity_decide(&facts);

		if (action == IDENTITY_FRESH)
			assert_true(facts.stamp == A && !facts.trust_made);
		if (action == IDENTITY_OTHER_MACHINE)
			assert_true(facts.stamp == G && !facts.same_machine);
	}
}

/* --- on disk --- */

struct fixture {
	struct folder folder;
	const char *name; /* common name; NULL: the usual one */
	struct trust_clock clock;
	struct trust_store store;
	struct identity identity;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	folder_make(&f->folder);
	f->clock = (struct trust_clock){.now = NOW, .build = BUILD};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	identity_clear(&f->identity);
	folder_remove(&f->folder);
	free(f);
	return 0;
}

static void start(
	struct fixture *f, const char *version, const char *machine, enum identity_action action)
{
	identity_clear(&f->identity);
	assert_int_equal(identity_open(f->folder.dir_fd, version, machine, f->name ?: IDENTITY_NAME,
				 &f->clock, &f->store, &f->identity),
		0);
	if (f->identity.action != action)
		fail_msg("%s, not %s", identity_action_name(f->identity.action),
			identity_action_name(action));
	assert_non_null(f->identity.pair.key);
}

static void fingerprint(const struct cert_pair *pair, unsigned char out[CERT_FINGERPRINT_SIZE])
{
	assert_int_equal(cert_get_fingerprint(pair->certificate, out), 0);
}

static bool same(const unsigned char *a, const unsigned char *b)
{
	return memcmp(a, b, CERT_FINGERPRINT_SIZE) == 0;
}

static void connect_once(struct fixture *f)
{
	unsigned char pin[CERT_FINGERPRINT_SIZE] = {7};

	assert_int_equal(trust_store_pin(f->folder.dir_fd, &f->store, pin, NOW), 0);
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	unsigned char first[CERT_FINGERPRINT_SIZE], now[CERT_FINGERPRINT_SIZE],
		staged[CERT_FINGERPRINT_SIZE];

	start(f, "1.0", "machine-a", IDENTITY_FRESH);
	assert_true(f->store.window_open && f->identity.made_pair);
	fingerprint(&f->identity.pair, first);
	connect_once(f);

	start(f, "1.0", "machine-a", IDENTITY_KEEP); /* a restart, or a reinstallation */
	fingerprint(&f->identity.pair, now);
	assert_true(same(first, now) && f->store.pinned && !f->store.window_open);

	start(f, "1.1", "machine-a", IDENTITY_STAGE);
	assert_string_equal(f->identity.previous_version, "1.0");
	fingerprint(&f->identity.pair, now);
	assert_true(same(first, now) && f->store.pinned && !f->store.window_open);
	fingerprint(&f->identity.next, staged);
	assert_false(same(first, staged));

	start(f, "1.1", "machine-a", IDENTITY_KEEP); /* not confirmed yet: both stay */
	fingerprint(&f->identity.next, now);
	assert_true(same(staged, now));
	start(f, "1.2", "machine-a", IDENTITY_STAGE); /* the next upgrade comes first */
	fingerprint(&f->identity.next, now);
	assert_true(same(staged, now));

	assert_int_equal(identity_confirm(f->folder.dir_fd, &f->identity), 0);
	fingerprint(&f->identity.pair, now);
	assert_true(same(staged, now));
	assert_null(f->identity.next.key);
	assert_int_equal(identity_confirm(f->folder.dir_fd, &f->identity), -ENOENT);

	start(f, "1.2", "machine-a", IDENTITY_KEEP);
	fingerprint(&f->identity.pair, now);
	assert_true(same(staged, now) && f->store.pinned);
	assert_null(f->identity.next.key);
}

static void test_cloned(void **state)
{
	struct fixture *f = *state;
	unsigned char first[CERT_FINGERPRINT_SIZE], now[CERT_FINGERPRINT_SIZE];

	start(f, "1.0", "machine-a", IDENTITY_FRESH);
	fingerprint(&f->identity.pair, first);
	connect_once(f);
	assert_int_equal(identity_stage(f->folder.dir_fd, &f->clock, &f->identity), 0);

	start(f, "1.0", "machine-b", IDENTITY_OTHER_MACHINE);
	fingerprint(&f->identity.pair, now);
	assert_false(same(first, now));
	assert_true(f->store.window_open && !f->store.pinned);
	assert_null(f->identity.next.key); /* nor the staged one of the other machine */
	start(f, "1.0", "machine-b", IDENTITY_KEEP);
	assert_null(f->identity.next.key);
}

static void test_expired(void **state)
{
	struct fixture *f = *state;
	unsigned char first[CERT_FINGERPRINT_SIZE], now[CERT_FINGERPRINT_SIZE];

	start(f, "1.0", "m", IDENTITY_FRESH);
	fingerprint(&f->identity.pair, first);
	connect_once(f);
	f->clock.now = NOW + 11L * YEAR;
	start(f, "1.0", "m", IDENTITY_KEEP); /* a repair does not mend it */
	fingerprint(&f->identity.pair, now);
	assert_true(same(first, now));
	start(f, "1.1", "m", IDENTITY_REPLACE); /* an upgrade does */
	fingerprint(&f->identity.pair, now);
	assert_false(same(first, now));
	assert_true(f->identity.not_after > f->clock.now);
	assert_true(f->store.pinned && !f->store.window_open);
}

/* A clock that was never set must not make a certificate that is over when it is. */
static void test_clock_unset(void **state)
{
	struct fixture *f = *state;

	f->clock.now = 100;
	start(f, "1.0", "m", IDENTITY_FRESH);
	assert_true(f->identity.not_after > BUILD + 9L * YEAR);
}

static void test_damage(void **state)
{
	struct fixture *f = *state;
	unsigned char first[CERT_FINGERPRINT_SIZE], now[CERT_FINGERPRINT_SIZE];

	start(f, "1.0", "m", IDENTITY_FRESH);
	fingerprint(&f->identity.pair, first);
	connect_once(f);

	assert_int_equal(state_write_file(f->folder.dir_fd, IDENTITY_STAMP, "{", 1, 0600), 0);
	start(f, "1.0", "m", IDENTITY_DAMAGED);
	fingerprint(&f->identity.pair, now);
	assert_true(same(first, now) && f->store.pinned && !f->store.window_open);
	start(f, "1.0", "m", IDENTITY_KEEP);

	assert_int_equal(state_remove_file(f->folder.dir_fd, IDENTITY_STAMP), 0);
	start(f, "1.0", "m", IDENTITY_DAMAGED);
	assert_true(f->store.pinned && !f->store.window_open);

	assert_int_equal(state_write_file(f->folder.dir_fd, IDENTITY_CERT, "x", 1, 0644), 0);
	start(f, "1.0", "m", IDENTITY_REPAIR);
	fingerprint(&f->identity.pair, now);
	assert_false(same(first, now));
	assert_true(f->store.pinned && !f->store.window_open);

	assert_int_equal(state_write_file(f->folder.dir_fd, TRUST_STORE_FILE, "x", 1, 0600), 0);
	start(f, "1.0", "m", IDENTITY_KEEP);
	assert_true(f->store.damaged && !f->store.window_open);
	assert_int_equal(state_remove_file(f->folder.dir_fd, TRUST_STORE_FILE), 0);
	start(f, "1.0", "m", IDENTITY_KEEP);
	assert_false(f->store.window_open || f->store.pinned);
}

/* Killed between the two renames of a confirmation: the new pair, whole. */
static void test_kill_in_confirm(void **state)
{
	struct fixture *f = *state;
	unsigned char staged[CERT_FINGERPRINT_SIZE], now[CERT_FINGERPRINT_SIZE];

	start(f, "1.0", "m", IDENTITY_FRESH);
	start(f, "1.1", "m", IDENTITY_STAGE);
	fingerprint(&f->identity.next, staged);
	assert_int_equal(
		renameat(f->folder.dir_fd, IDENTITY_NEXT_KEY, f->folder.dir_fd, IDENTITY_KEY), 0);
	start(f, "1.1", "m", IDENTITY_KEEP);
	fingerprint(&f->identity.pair, now);
	assert_true(same(staged, now));
	assert_null(f->identity.next.key);
	assert_int_equal(faccessat(f->folder.dir_fd, IDENTITY_NEXT_CERT, F_OK, 0), -1);
	start(f, "1.1", "m", IDENTITY_KEEP);
}

/* Nothing can be written: no identity, and nobody is trusted. */
static void assert_name(const struct cert_pair *pair, const char *expected)
{
	char name[128] = "";

	X509_NAME_get_text_by_NID(
		X509_get_subject_name(pair->certificate), NID_commonName, name, sizeof(name));
	assert_string_equal(name, expected);
}

/* The name of the BMC's account is that of pairs to come; one that is there keeps its own. */
static void test_common_name(void **state)
{
	struct fixture *f = *state;

	start(f, "1.0", "m", IDENTITY_FRESH);
	assert_name(&f->identity.pair, "bmclink-host");
	f->name = "operator";
	start(f, "1.0", "m", IDENTITY_KEEP);
	assert_name(&f->identity.pair, "bmclink-host");
	assert_int_equal(identity_stage(f->folder.dir_fd, &f->clock, &f->identity), 0);
	assert_name(&f->identity.next, "operator");
	start(f, "1.0", "other", IDENTITY_OTHER_MACHINE);
	assert_name(&f->identity.pair, "operator");
	f->name = "1234567890123456789012345678901234567890123456789012345678901234";
	start(f, "1.0", "third", IDENTITY_OTHER_MACHINE);
	assert_name(&f->identity.pair, f->name);
}

static void test_read_only(void **state)
{
	struct fixture *f = *state;
	struct identity identity = {.action = IDENTITY_KEEP};

	assert_true(identity_open(-1, "1.0", "m", "n", &f->clock, &f->store, &identity) < 0);
	assert_true(f->store.damaged && !f->store.window_open);
	assert_null(identity.pair.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_window_only_when_fresh),
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cloned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_unset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill_in_confirm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_common_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
