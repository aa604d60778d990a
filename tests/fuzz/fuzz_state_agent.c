/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's state directory after whatever befell it. Records of the input: trust.json,
 * stamp.json, agent.crt, agent.key; an empty one is a file that is not there.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "host/link/identity.h"

#define VERSION "1.0"
#define MACHINE "machine"
#define NOW	1800000000

static const char *const names[] = {TRUST_STORE_FILE, IDENTITY_STAMP, IDENTITY_CERT, IDENTITY_KEY};

static void check_store(const struct trust_store *store)
{
	FUZZ_CHECK(!store->damaged || (!store->pinned && !store->window_open && !store->seen_tls));
	FUZZ_CHECK(!(store->pinned && store->window_open));
}

/* What is written is what was read. */
static void check_kept(struct trust_store *store, int dir_fd)
{
	struct trust_store again;

	if (store->seen_tls || store->damaged || trust_store_note_tls(dir_fd, store) < 0)
		return;
	FUZZ_CHECK(trust_store_load(dir_fd, &again) == 0);
	FUZZ_CHECK(again.pinned == store->pinned && again.window_open == store->window_open);
	FUZZ_CHECK(memcmp(again.pin, store->pin, sizeof(again.pin)) == 0);
	FUZZ_CHECK(again.seen_tls && again.pinned_at == store->pinned_at);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_clock clock = {.now = NOW, .build = NOW - 1000};
	struct fuzz_input in = {data, size}, record;
	struct identity identity = {0};
	struct trust_store store, opened;
	int dir_fd = fuzz_get_dir_fd(), r;

	fuzz_empty_dir();
	for (size_t i = 0; i < 4 && fuzz_take_record(&in, &record); i++)
		fuzz_put_file(names[i], record.data, record.left);
	r = trust_store_load(dir_fd, &store);
	check_store(&store);
	FUZZ_CHECK(r == 0 || r == -ENOENT || store.damaged);
	if (identity_open(dir_fd, VERSION, MACHINE, IDENTITY_NAME, &clock, &opened, &identity) ==
		0) {
		check_store(&opened);
		FUZZ_CHECK(
			identity.action != IDENTITY_DAMAGED ||
			(opened.window_open == store.window_open && opened.pinned == store.pinned));
		FUZZ_CHECK(identity.pair.certificate != NULL);
		check_kept(&opened, dir_fd);
	}
	identity_clear(&identity);
	return 0;
}
