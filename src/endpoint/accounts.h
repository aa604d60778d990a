/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's account: one password, kept in ACCOUNTS_FILE of the state directory, and HTTP
 * Basic authentication (RFC 7617) against it. The host's account has no password: its certificate
 * (trust.h) is all.
 */
#ifndef BMCLINK_ENDPOINT_ACCOUNTS_H
#define BMCLINK_ENDPOINT_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint/lockout.h"
#include "endpoint/password.h"

#define ACCOUNTS_FILE  "accounts.json"
#define ACCOUNTS_ADMIN "admin"

struct accounts {
	struct password admin;
	struct lockout lockout;
	/* The last right credential, keyed with a secret of this process: a client that sends it
	 * with each request need not cost tens of milliseconds each time. */
	unsigned char secret[32], last_right[32];
	unsigned char last_source[16]; /* where it came from */
	bool has_last;
};

enum accounts_result { ACCOUNTS_OK, ACCOUNTS_WRONG, ACCOUNTS_LOCKED };

/* No file: no password is set. -EBADMSG: broken file, no password is set either. */
int accounts_load(struct accounts *accounts, int dir_fd);
int accounts_set_password(struct accounts *accounts, const struct password *password, int dir_fd);

/* The longest "user:password" that is looked at, with its NUL. */
#define ACCOUNTS_CREDENTIAL 512
/* "Basic dXNlcjpwYXNz" into "user:password"; false when it is not that. The caller wipes it. */
bool accounts_decode_basic(const char *authorization, char credential[ACCOUNTS_CREDENTIAL]);

/*
 * authorization: the field's value, "Basic dXNlcjpwYXNz". at_work: the password was right on this
 * very connection before. Then it is right again while others from its address are locked out; on
 * another connection the answer would tell a guesser who is locked out what is right.
 */
enum accounts_result accounts_check_basic(struct accounts *accounts, const char *authorization,
	const unsigned char source[16], bool at_work, int64_t now_ms);
/* The same for a name and a password that came in a body. */
enum accounts_result accounts_check_login(struct accounts *accounts, const char *user,
	const char *password, const unsigned char source[16], int64_t now_ms);

#endif
