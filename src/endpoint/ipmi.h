/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BMC's side of the two IPMI commands of DSP0270 1.3 (NetFn 2Ch, group extension 52h): bytes
 * in, bytes out. Whoever speaks IPMI on this BMC only forwards them. Pure: the acts are handed in.
 */
#ifndef BMCLINK_ENDPOINT_IPMI_H
#define BMCLINK_ENDPOINT_IPMI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ipmi.h"

#define IPMI_MAX_REQUEST 64
#define IPMI_MAX_DATA	 (2 + 32)

struct ipmi_answer {
	unsigned char completion;
	unsigned char data[IPMI_MAX_DATA]; /* behind the completion code; begins with 52h */
	size_t length;
};

struct ipmi_acts {
	bool (*is_offered)(void *arg); /* false: as a firmware that never heard of it */
	bool (*is_enabled)(void *arg);
	/* SHA-256 of the certificate with this number, from 1; -ENOENT: there is none. */
	int (*get_fingerprint)(unsigned int number, unsigned char fingerprint[32], void *arg);
	/* user and password: up to IPMI_FIELD characters. */
	int (*make_account)(bool keep_enabled, char user[IPMI_FIELD + 1],
		char password[IPMI_FIELD + 1], void *arg);
	void *arg;
};

/* request: network function, command, data, as with `ipmitool raw`. What is not one of the two
 * commands is answered with C1h. The caller wipes the answer: it may hold a password. */
void ipmi_answer(const unsigned char *request, size_t length, const struct ipmi_acts *acts,
	struct ipmi_answer *answer);

#endif
