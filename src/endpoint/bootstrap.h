/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credential bootstrapping (DSP0270 1.3): accounts that the host gets over IPMI, good for making
 * itself known and no longer. No sockets, no clock. The switches are durable (BOOTSTRAP_FILE), the
 * accounts are not: a restart of the service ends them, as the standard wants.
 */
#ifndef BMCLINK_ENDPOINT_BOOTSTRAP_H
#define BMCLINK_ENDPOINT_BOOTSTRAP_H

#include <stdbool.h>

#include "endpoint/privilege.h"

#define BOOTSTRAP_FILE	       "bootstrap.json"
#define BOOTSTRAP_MAX	       4  /* accounts; the oldest makes room: one whose host was killed */
#define BOOTSTRAP_USER_SIZE    17 /* "boot-" and eight digits; 16 characters are the most */
#define BOOTSTRAP_SECRET_SIZE  17
#define BOOTSTRAP_SECRET_CHARS 15 /* 90 bits; a NUL behind it is kind to sloppy clients */

struct bootstrap_account {
	unsigned int id; /* never used again */
	char user[BOOTSTRAP_USER_SIZE];
	unsigned char hash[32]; /* of the password: random enough to need no salt and no work */
	bool told; /* its making is in the Lifecycle log, so must its end be, whoever wishes it */
};

struct bootstrap {
	bool enabled, enable_after_reset;
	enum role role; /* of the accounts */
	bool ipmi_seen; /* the BMC's IPMI firmware does forward the commands */
	struct bootstrap_account accounts[BOOTSTRAP_MAX]; /* oldest first */
	unsigned int n, last_id;
};

/* What endpoint.conf says of how hosts become known. */
enum enrolment_mode {
	ENROLMENT_AUTO,	     /* over IPMI where that is known to work, else on first use */
	ENROLMENT_FIRST_USE, /* the window opens on its occasions */
	ENROLMENT_KCS,	     /* it is opened by the administrator alone */
};

/* The defaults of a BMC that was never told anything else. */
void bootstrap_init(struct bootstrap *bootstrap);
/* No file: the defaults. -EBADMSG: a broken one; then nothing is enabled. */
int bootstrap_load(struct bootstrap *bootstrap, int dir_fd);
int bootstrap_save(const struct bootstrap *bootstrap, int dir_fd);

/* Makes an account; user and secret are what the host gets, and nobody else. -EIO: no random. */
int bootstrap_make(struct bootstrap *bootstrap, char user[BOOTSTRAP_USER_SIZE],
	char secret[BOOTSTRAP_SECRET_SIZE], unsigned int *id);
/* The account that these open; NULL: none. Costs nothing, so it needs no lockout. */
const struct bootstrap_account *bootstrap_check(
	const struct bootstrap *bootstrap, const char *user, const char *secret);
const struct bootstrap_account *bootstrap_find(const struct bootstrap *bootstrap, unsigned int id);
const struct bootstrap_account *bootstrap_find_user(
	const struct bootstrap *bootstrap, const char *user);
int bootstrap_remove(struct bootstrap *bootstrap, unsigned int id); /* -ENOENT */
/* The service or the host was reset: true when a switch changed. */
bool bootstrap_reset(struct bootstrap *bootstrap);
/* A role that such accounts may be given. */
bool bootstrap_role_is_allowed(enum role role);

/* Does the enrolment window stay closed on its occasions, since hosts come over IPMI? */
bool bootstrap_replaces_window(const struct bootstrap *bootstrap, enum enrolment_mode mode);

#endif
