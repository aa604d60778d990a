/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's state directory. Records of the input: trust.json, accounts.json. */
#include <string.h>

#include "endpoint/accounts.h"
#include "endpoint/trust.h"
#include "fuzz.h"

static void try_trust(int dir_fd)
{
	struct trust trust = {.window_minutes = 10}, again = {.window_minutes = 10};
	struct trust_clock clock = {.now = 1800000000, .build = 1700000000};
	int r = trust_load(&trust, dir_fd);

	FUZZ_CHECK(r == 0 || trust.n_known == 0);
	FUZZ_CHECK(trust.n_known <= TRUST_MAX_KNOWN && !trust.window_open);
	for (unsigned int i = 0; i < trust.n_known; i++) {
		const struct trust_known *known = &trust.known[i];

		FUZZ_CHECK(known->id > 0 && known->id < trust.next_id && known->pem != NULL);
		trust_judge(&trust, &known->certificate, &clock);
	}
	trust_next_expiry(&trust, &clock);
	if (r == 0) {
		FUZZ_CHECK(trust_save(&trust, dir_fd) == 0);
		FUZZ_CHECK(trust_load(&again, dir_fd) == 0);
		FUZZ_CHECK(again.n_known == trust.n_known && again.next_id == trust.next_id);
		trust_clear(&again);
	}
	trust_clear(&trust);
}

static void try_accounts(int dir_fd)
{
	static const unsigned char source[16] = {169, 254, 1, 2};
	struct accounts accounts;
	int r = accounts_load(&accounts, dir_fd);

	FUZZ_CHECK(r == 0 || accounts.admin.iterations == 0);
	if (accounts.admin.iterations == 0) /* none is set: nobody gets in */
		FUZZ_CHECK(accounts_check_basic(&accounts, "Basic YWRtaW46", source, false, 1000) ==
			   ACCOUNTS_WRONG);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {TRUST_FILE, ACCOUNTS_FILE};
	struct fuzz_input in = {data, size}, record;

	fuzz_empty_dir();
	for (size_t i = 0; i < 2 && fuzz_take_record(&in, &record); i++)
		fuzz_put_file(names[i], record.data, record.left);
	try_trust(fuzz_get_dir_fd());
	try_accounts(fuzz_get_dir_fd());
	return 0;
}
