/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guessing of passwords: after some failures a source is locked out for a while, and all sources
 * together have a budget a minute (a host can take as many IPv6 addresses as it likes). Pure.
 */
#ifndef BMCLINK_ENDPOINT_LOCKOUT_H
#define BMCLINK_ENDPOINT_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#define LOCKOUT_THRESHOLD 5
#define LOCKOUT_SECONDS	  60
#define LOCKOUT_BUDGET	  30 /* failures a minute of all sources */
#define LOCKOUT_SOURCES	  16

struct lockout_source {
	unsigned char source[16];
	unsigned int failures;
	int64_t last_ms;
};

struct lockout {
	struct lockout_source sources[LOCKOUT_SOURCES];
	unsigned int spent;
	int64_t minute_ms;
};

bool lockout_is_locked(
	const struct lockout *lockout, const unsigned char source[16], int64_t now_ms);
/* May this source try? Not when it is locked, or the budget is spent. */
bool lockout_allows(const struct lockout *lockout, const unsigned char source[16], int64_t now_ms);
void lockout_add_failure(struct lockout *lockout, const unsigned char source[16], int64_t now_ms);
void lockout_add_success(struct lockout *lockout, const unsigned char source[16]);

#endif
