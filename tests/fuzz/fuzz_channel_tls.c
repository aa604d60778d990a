/* SPDX-License-Identifier: Apache-2.0 */
/* A BMC's answers within TLS: as over plain HTTP, and enrolment. */
#include "agent_channel.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	agent_channel_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t flags = fuzz_take_byte(&in);
	uint32_t seed = fuzz_take_byte(&in);

	agent_channel_run(&in, flags, seed, AGENT_TLS);
	return 0;
}
