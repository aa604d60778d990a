/* SPDX-License-Identifier: Apache-2.0 */
/* A password as it is stored: PBKDF2-HMAC-SHA256 (RFC 8018) with a salt of its own. */
#ifndef BMCLINK_ENDPOINT_PASSWORD_H
#define BMCLINK_ENDPOINT_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define PASSWORD_MIN	    8
#define PASSWORD_MAX	    128
#define PASSWORD_SALT_SIZE  16
#define PASSWORD_HASH_SIZE  32
#define PASSWORD_ITERATIONS 100000

struct password {
	unsigned int iterations; /* 0: none is set */
	unsigned char salt[PASSWORD_SALT_SIZE];
	unsigned char hash[PASSWORD_HASH_SIZE];
};

/* -EINVAL: shorter or longer than allowed. */
int password_make(const char *text, struct password *password);
/* In constant time; false when none is set. Costs tens of milliseconds. */
bool password_check(const struct password *password, const char *text);

json_t *password_to_json(const struct password *password);	       /* new reference */
int password_from_json(const json_t *json, struct password *password); /* -EBADMSG */

#endif
