/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's channel with a BMC of canned answers: its sockets are socket pairs, each request gets
 * the next record of the input, and the end of the input is the end of the connection.
 */
#ifndef BMCLINK_TESTS_AGENT_CHANNEL_H
#define BMCLINK_TESTS_AGENT_CHANNEL_H

#include "fuzz.h"

enum agent_channel_flag {
	CHANNEL_FLAG_CLOSE_IN_DONE = 1,
	CHANNEL_FLAG_CLOSE_IN_PUSH = 2,
	CHANNEL_FLAG_CLOSE_IN_ANSWER = 4,
	CHANNEL_FLAG_PINNED = 8,
	CHANNEL_FLAG_WINDOW = 16, /* unless pinned */
	CHANNEL_FLAG_SEEN_TLS = 32,
	CHANNEL_FLAG_IPV6 = 64,
	CHANNEL_FLAG_OTHER_PIN = 128, /* pinned, but not to this BMC */
};

enum agent_channel_mode {
	AGENT_PLAIN,
	AGENT_TLS_BYTES, /* the records stand for the BMC's TLS */
	AGENT_TLS,	 /* a handshake of OpenSSL's, then the records within TLS */
};

void agent_channel_init(void);
void agent_channel_run(
	struct fuzz_input *in, uint8_t flags, uint32_t seed, enum agent_channel_mode mode);

#endif
