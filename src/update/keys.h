/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose packages are installed: the public keys of minisign(1) that came with the installed package
 * (UPDATE_KEYS_SHIPPED) and those of the administrator (etc/bmclink/update-keys). A file
 * "revoked" beside them lists ids of keys that count no more, one a line, '#' begins a comment.
 */
#ifndef BMCLINK_UPDATE_KEYS_H
#define BMCLINK_UPDATE_KEYS_H

#include "base/minisign.h"

#define UPDATE_KEYS_MAX	    16
#define UPDATE_KEYS_REVOKED 64
#define UPDATE_KEYS_FILE    "revoked"
#define UPDATE_KEYS_FOLDER  "update-keys"

struct update_keys {
	struct minisign_key keys[UPDATE_KEYS_MAX];
	unsigned char revoked[UPDATE_KEYS_REVOKED][MINISIGN_ID_SIZE];
	unsigned int n, n_revoked;
};

/*
 * Adds what is in a folder, which may be missing. A file that is no key, or that others than root
 * may write, is passed over with a warning. A list of revoked keys that cannot be understood is an
 * error: who cannot know which keys count may trust none.
 */
int update_keys_load(struct update_keys *keys, const char *folder);
/* Both folders; etc is /etc, or what stands for it. */
int update_keys_load_all(struct update_keys *keys, const char *etc);
/* The list's text: 0, -EINVAL, or -E2BIG. Pure. */
int update_keys_parse_revoked(struct update_keys *keys, const char *text, size_t length);

unsigned int update_keys_count(const struct update_keys *keys); /* that are not revoked */

/*
 * 0: one of the keys made this signature over these bytes and its comment. -ENOKEY: there is no key
 * at all, or none with this id; -EKEYREVOKED; -EBADMSG: the bytes are others;
 * -ENOTRECOVERABLE as minisign_verify(). *why: static text.
 */
int update_keys_verify(const struct update_keys *keys, const struct minisign_signature *signature,
	const unsigned char digest[MINISIGN_DIGEST_SIZE], const char **why);

#endif
