/* SPDX-License-Identifier: Apache-2.0 */
/* The trust store on disk: its life, damage, and what could not be made durable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/state.h"
#include "base/util.h"
#include "folder.h"
#include "host/link/trust_store.h"
#include "trust_cases.h"

/* How a pin was made, and whether it was used yet, is on disk; that there is no KCS is not. */
static void test_store_how(void **state)
{
	struct folder *f = *state;
	struct trust_store store, again;
	unsigned char pin[CERT_FINGERPRINT_SIZE];

	memset(pin, 0x5c, sizeof(pin));
	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	for (int how = TRUST_HOW_FIRST_USE; how <= TRUST_HOW_ADMINISTRATOR; how++) {
		assert_int_equal(
			trust_store_pin_as(f->dir_fd, &store, pin, (enum trust_how)how, NOW), 0);
		store.no_kcs = true;
		assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
		assert_int_equal(again.how, how);
		assert_true(again.pinned && again.enrolling && !again.no_kcs);
	}
	assert_int_equal(trust_store_end_enrolling(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_true(again.pinned && !again.enrolling);
	assert_int_equal(again.how, TRUST_HOW_ADMINISTRATOR);
	assert_true(trust_store_pin_as(-1, &store, pin, TRUST_HOW_KCS, NOW) < 0);
	assert_int_equal(store.how, TRUST_HOW_ADMINISTRATOR); /* not durable, so not so */
}

static void test_store_life(void **state)
{
	struct folder *f = *state;
	struct trust_store store, again;
	unsigned char pin[CERT_FINGERPRINT_SIZE];

	memset(pin, 0x5c, sizeof(pin));
	assert_int_equal(trust_store_load(f->dir_fd, &store), -ENOENT);
	assert_false(store.window_open || store.pinned || store.damaged);

	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_true(store.window_open);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_memory_equal(&store, &again, sizeof(store));

	assert_int_equal(trust_store_note_tls(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_true(again.seen_tls && again.window_open);

	assert_int_equal(trust_store_pin(f->dir_fd, &store, pin, NOW), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_true(again.pinned && again.seen_tls && !again.window_open);
	assert_memory_equal(again.pin, pin, sizeof(pin));
	assert_int_equal(again.pinned_at, NOW);

	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_close_window(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_false(again.window_open || again.pinned || again.seen_tls);
}

/* Never silently a new window: whatever is in the file but a whole store, nobody is trusted. */
static void test_store_damaged(void **state)
{
	struct folder *f = *state;
	struct trust_store store;
	_cleanup_free_ char *whole = NULL;
	size_t length;
	static const char *const bad[] = {"", "{}", "[]", "null", "\"window_open\"",
		"{\"format\":1,\"window_open\":true}",
		"{\"format\":2,\"pinned\":false,\"pin\":\"\",\"window_open\":true,"
		"\"seen_tls\":false,\"pinned_at\":0}",
		"{\"format\":1,\"pinned\":true,\"pin\":\"\",\"window_open\":false,"
		"\"seen_tls\":true,\"pinned_at\":0}",
		"{\"format\":1,\"pinned\":true,\"pin\":\"" PIN_A "\",\"window_open\":true,"
		"\"seen_tls\":true,\"pinned_at\":0}",
		"{\"format\":1,\"pinned\":0,\"pin\":\"\",\"window_open\":1,"
		"\"seen_tls\":0,\"pinned_at\":0}"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(
			state_write_file(f->dir_fd, TRUST_STORE_FILE, bad[i], strlen(bad[i]), 0600),
			0);
		assert_int_equal(trust_store_load(f->dir_fd, &store), -EBADMSG);
		assert_true(store.damaged);
		assert_false(store.window_open || store.pinned);
		/* nor does a later change paper over it */
		assert_int_equal(trust_store_note_tls(f->dir_fd, &store), 0);
		assert_int_equal(trust_store_close_window(f->dir_fd, &store), 0);
		assert_int_equal(trust_store_load(f->dir_fd, &store), -EBADMSG);
	}

	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_int_equal(state_read_file(f->dir_fd, TRUST_STORE_FILE, &whole, &length), 0);
	for (size_t cut = 0; cut + 1 < length; cut++) {
		assert_int_equal(
			state_write_file(f->dir_fd, TRUST_STORE_FILE, whole, cut, 0600), 0);
		if (trust_store_load(f->dir_fd, &store) == 0) /* only white space was cut */
			assert_true(strspn(whole + cut, " \n") == length - cut);
		else
			assert_true(store.damaged && !store.window_open);
	}
	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &store), 0);
	assert_true(store.window_open && !store.damaged);
}

/* What could not be made durable is not believed either. */
static void test_store_not_durable(void **state)
{
	struct trust_store store = {.window_open = true}, before = store;
	unsigned char pin[CERT_FINGERPRINT_SIZE] = {1};

	assert_true(trust_store_pin(-1, &store, pin, NOW) < 0);
	assert_memory_equal(&store, &before, sizeof(store));
	assert_true(trust_store_close_window(-1, &store) < 0);
	assert_memory_equal(&store, &before, sizeof(store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_store_how, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_store_life, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_store_damaged, folder_setup, folder_teardown),
		cmocka_unit_test(test_store_not_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
