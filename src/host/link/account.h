/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts on the BMC that this agent got or made by itself, in files of the worker's state
 * directory (0600): the one from IPMI, kept until it is deleted on the BMC; and the lasting one on
 * a BMC that knows no certificate of ours.
 */
#ifndef BMCLINK_HOST_ACCOUNT_H
#define BMCLINK_HOST_ACCOUNT_H

#include <stdbool.h>

#define ACCOUNT_BOOTSTRAP_FILE "bootstrap.json"
#define ACCOUNT_FILE	       "account.json"
#define ACCOUNT_MAX	       17 /* bytes of name or password, with NUL: what IPMI can carry */

struct account {
	char user[ACCOUNT_MAX], password[ACCOUNT_MAX]; /* user "": there is none */
};

/* No file, or one that cannot be understood: there is none. 0 or negative errno. */
int account_load(int dir_fd, const char *name, struct account *account);
/* Durable before it is used. */
int account_save(int dir_fd, const char *name, const struct account *account);
/* Of the file and of the structure; 0 also when there was none. */
int account_remove(int dir_fd, const char *name, struct account *account);
/* A name of our own and a strong password that the rules of BMCs allow: letters of both cases,
 * digits, '-' and '_', 16 characters. -EIO: no random bytes. */
int account_make(struct account *account);

#endif
