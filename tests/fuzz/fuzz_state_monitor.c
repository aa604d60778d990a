/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's state directory, and the state files of other network managers that it reads.
 * Records of the input: profile.json, care.json, a key file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "host/monitor/acts.h"
#include "host/monitor/machine.h"

static void try_profile(int dir_fd)
{
	struct profile profile, again;
	int r = profile_load(dir_fd, &profile);

	/* A damaged file must not bring a second configuration. */
	FUZZ_CHECK(r == 0 || profile.spent);
	if (r < 0 || !profile.spent)
		return;
	FUZZ_CHECK(memchr(profile.nic_id, '\0', sizeof(profile.nic_id)) != NULL);
	FUZZ_CHECK(profile_store(dir_fd, &profile) == 0);
	FUZZ_CHECK(profile_load(dir_fd, &again) == 0);
	FUZZ_CHECK(profile_same_machine(&profile.machine, &again.machine));
	FUZZ_CHECK(profile_decide(&profile, &profile.machine, profile.nic_id, &profile.birth) ==
		   profile_decide(&again, &profile.machine, profile.nic_id, &profile.birth));
}

static void try_key(const char *section, const char *key)
{
	char path[256], value[64] = "";

	snprintf(path, sizeof(path), "%s/key", fuzz_get_dir());
	if (machine_read_key(path, section, key, value, sizeof(value)) == 0)
		FUZZ_CHECK(memchr(value, '\0', sizeof(value)) != NULL);
	machine_read_line(fuzz_get_dir(), "key", value, sizeof(value));
	FUZZ_CHECK(text_is_printable(value, sizeof(value) - 1));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {PROFILE_FILE, "care.json", "key"};
	struct fuzz_input in = {data, size}, record;
	int dir_fd = fuzz_get_dir_fd();

	fuzz_empty_dir();
	for (size_t i = 0; i < 3 && fuzz_take_record(&in, &record); i++)
		fuzz_put_file(names[i], record.data, record.left);
	try_profile(dir_fd);
	care_recover(dir_fd, fuzz_get_dir(), "12345678-1234-1234-1234-123456789abc");
	try_key(NULL, "ADMIN_STATE");
	try_key("connection", "uuid");
	return 0;
}
