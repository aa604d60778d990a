/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session log-in (DSP0266 1.20 clause 13.3.4 "Redfish session login authentication"): what is said,
 * what is taken from the answer, and when not to ask again. Pure; channel_login.c does it.
 */
#ifndef BMCLINK_HOST_LOGIN_H
#define BMCLINK_HOST_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGIN_MAX_TOKEN	  2048 /* bytes with NUL; stock BMCs have 20 to some hundred */
#define LOGIN_MAX_BODY	  2560 /* user and password, every byte of both escaped */
#define LOGIN_HOLD_MIN_MS 60000
#define LOGIN_HOLD_MAX_MS 3600000

/*
 * A BMC locks an account, or an address, after a few wrong passwords (three for some): after one
 * that it refused there is none for a minute, doubling to an hour. Milliseconds of one clock.
 */
struct login_hold {
	unsigned int refused; /* in a row */
	uint64_t until;
};

bool login_is_held(const struct login_hold *hold, uint64_t now);
void login_hold_refused(struct login_hold *hold, uint64_t now);

/* {"UserName": ..., "Password": ...}. -EMSGSIZE: does not fit, out is wiped then. */
int login_make_body(const char *user, const char *password, char *out, size_t size);
/* The value of X-Auth-Token: printable, without blanks, bounded. */
bool login_token_is_safe(const char *token);
/* Why the monitor does not give the password (priv_get_password()); static text. */
const char *login_explain_password(int error);

#endif
