/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package from the BMC in pieces: what may be otherwise in a moment is only put off, with what is
 * there already; what cannot get better ends the try. The BMC's and the monitor's answers are the
 * test's; the file is a real one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/util.h"
#include "folder.h"
#include "host/feature/auto_update.h"

#define PIECES 3
#define SIZE   (2 * AUTO_UPDATE_PIECE + 1000)

static struct {
	channel_piece_fn answer; /* of the request that is under way; NULL: none */
	void *arg;
	uint64_t first, last;
	int refuse; /* the next request is not even made */
	unsigned int requests, begun, ended, put_off;
	char why[AUTO_UPDATE_MAX_PROBLEM];
	unsigned char package[SIZE];
	struct folder folder;
	struct feature_link link;
	struct feature_context context;
	struct auto_update au;
} w;

/* --- what is around it --- */

int channel_request_piece(struct channel *channel, const char *path, uint64_t first, uint64_t last,
	channel_piece_fn fn, void *arg)
{
	assert_null(w.answer); /* one at a time */
	assert_string_equal(path, "/package");
	if (w.refuse)
		return w.refuse;
	w.answer = fn;
	w.arg = arg;
	w.first = first;
	w.last = last;
	w.requests++;
	return 0;
}

int priv_update_begin(struct priv *priv, bool back, uint64_t size, const char *version)
{
	assert_false(back);
	assert_int_equal(size, SIZE);
	w.begun++;
	return 0;
}

int priv_update_piece(struct priv *priv, uint64_t *done)
{
	*done = SIZE;
	return 0;
}

int priv_update_commit(struct priv *priv)
{
	return 0;
}

void auto_update_set_phase(struct auto_update *au, enum auto_update_phase phase)
{
	au->phase = phase;
}

void auto_update_set_timer(struct auto_update *au, unsigned int seconds)
{
}

void auto_update_ended(struct auto_update *au, const char *why)
{
	snprintf(w.why, sizeof(w.why), "%s", why ? why : "");
	w.ended++;
	au->phase = AUTO_UPDATE_IDLE;
}

void auto_update_put_off(struct auto_update *au, const char *why)
{
	snprintf(w.why, sizeof(w.why), "%s", why);
	w.put_off++;
	au->phase = AUTO_UPDATE_IDLE;
}

void update_notes_save(struct auto_update *au)
{
}

/* --- the test's hands --- */

/* The next piece, or with another status a few bytes of something. */
static void answer(int status)
{
	channel_piece_fn fn = util_steal_ptr(w.answer);

	assert_true(fn != NULL);
	if (status == 206)
		fn(status, (const char *)w.package + w.first, (size_t)(w.last - w.first + 1),
			w.arg);
	else
		fn(status, "busy", status ? 4 : 0, w.arg);
}

static int64_t get_size(void)
{
	struct stat st;

	return fstatat(w.folder.dir_fd, PRIV_UPDATE_FILE, &st, 0) < 0 ? -1 : st.st_size;
}

static int set_up(void **state)
{
	memset(&w, 0, sizeof(w));
	folder_make(&w.folder);
	for (size_t i = 0; i < SIZE; i++)
		w.package[i] = (unsigned char)(i * 7 + i / 251);
	w.link.channel = (struct channel *)&w;
	w.context = (struct feature_context){.link = &w.link, .state_fd = w.folder.dir_fd};
	w.au = (struct auto_update){.context = &w.context, .fd = -1, .no_way_back = true};
	w.au.new = (struct update_offer){
		.size = SIZE, .path = "/package", .id = "package", .signature = "s"};
	assert_int_equal(EVP_Digest(w.package, SIZE, w.au.new.sha256, NULL, EVP_sha256(), NULL), 1);
	return 0;
}

static int tear_down(void **state)
{
	update_fetch_close(&w.au);
	folder_remove(&w.folder);
	return 0;
}

/* --- tests --- */

static void finish(void)
{
	for (unsigned int i = w.requests; i <= PIECES && w.answer; i++)
		answer(206);
	assert_null(w.answer);
	assert_int_equal(w.au.phase, AUTO_UPDATE_HANDING);
	assert_int_equal(w.begun, 1);
	assert_int_equal(get_size(), SIZE);
	update_fetch_hand(&w.au);
	assert_int_equal(w.ended, 1);
	assert_string_equal(w.why, "");
	assert_int_equal(get_size(), -1);
}

static void test_in_pieces(void **state)
{
	update_fetch_start(&w.au);
	finish();
	assert_int_equal(w.requests, PIECES);
}

/* 503, an answer that breaks off, no room for a request: goes on behind what is there. */
static void test_what_passes_is_put_off(void **state)
{
	static const int passing[] = {503, 0};

	update_fetch_start(&w.au);
	answer(206);
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++) {
		answer(passing[i]);
		assert_int_equal(w.put_off, i + 1);
		assert_int_equal(w.au.phase, AUTO_UPDATE_IDLE);
		assert_int_equal(w.au.fd, -1);
		assert_int_equal(get_size(), AUTO_UPDATE_PIECE);
		update_fetch_start(&w.au);
		assert_int_equal(w.first, AUTO_UPDATE_PIECE);
	}
	w.refuse = -EBUSY;
	answer(206);
	assert_int_equal(w.put_off, ARRAY_SIZE(passing) + 1);
	w.refuse = 0;
	assert_int_equal(w.ended, 0);
	update_fetch_start(&w.au);
	assert_int_equal(w.first, 2 * AUTO_UPDATE_PIECE);
	answer(206);
	assert_int_equal(w.begun, 1);
}

/* The twin: what says that there is no such package ends the try, and nothing of it stays. */
static void test_what_lasts_ends_it(void **state)
{
	static const int lasting[] = {404, 403, 200, 416};

	for (size_t i = 0; i < ARRAY_SIZE(lasting); i++) {
		update_fetch_start(&w.au);
		answer(206);
		answer(lasting[i]);
		assert_int_equal(w.ended, i + 1);
		assert_int_equal(get_size(), -1);
		assert_null(w.answer);
	}
	assert_int_equal(w.put_off + w.begun, 0);
}

/* Other bytes than were announced: not fetched again by itself. */
static void test_other_bytes(void **state)
{
	update_fetch_start(&w.au);
	answer(206);
	w.package[AUTO_UPDATE_PIECE + 5] ^= 1;
	answer(206);
	answer(206);
	assert_int_equal(w.ended, 1);
	assert_int_equal(w.begun, 0);
	assert_string_not_equal(w.au.bad, "");
	assert_int_equal(get_size(), -1);
}

/* The link went meanwhile: its late answer counts for nothing. */
static void test_dropped(void **state)
{
	update_fetch_start(&w.au);
	answer(206);
	update_fetch_close(&w.au);
	w.au.drop = true;
	answer(503);
	assert_int_equal(w.ended + w.put_off, 0);
	assert_false(w.au.drop);
	assert_int_equal(get_size(), AUTO_UPDATE_PIECE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_passes_is_put_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_lasts_ends_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dropped, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
