/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as minisign(1) makes them: Ed25519 over the BLAKE2b-512 of a file ("ED"), and a second
 * one over the first and the trusted comment. The older form without the hash ("Ed") is refused.
 * https://jedisct1.github.io/minisign/, "Signature format". Pure but for minisign_hash_file().
 */
#ifndef BMCLINK_BASE_MINISIGN_H
#define BMCLINK_BASE_MINISIGN_H

#include <stddef.h>
#include <stdint.h>

#define MINISIGN_ID_SIZE     8
#define MINISIGN_KEY_SIZE    32
#define MINISIGN_SIG_SIZE    64
#define MINISIGN_DIGEST_SIZE 64
#define MINISIGN_MAX_COMMENT 512  /* bytes; a file name, a date and some words */
#define MINISIGN_MAX_FILE    2048 /* of a signature or a public key */
#define MINISIGN_ID_TEXT     17	  /* "E7620F1842B4E81F" */

struct minisign_key {
	unsigned char id[MINISIGN_ID_SIZE], key[MINISIGN_KEY_SIZE];
};

struct minisign_signature {
	unsigned char id[MINISIGN_ID_SIZE]; /* of the key that made it, as it says */
	unsigned char signature[MINISIGN_SIG_SIZE], global[MINISIGN_SIG_SIZE];
	char comment[MINISIGN_MAX_COMMENT +
		     1]; /* trusted only after minisign_verify(); printable */
};

/* A .pub file, or its second line alone. 0 or -EINVAL. */
int minisign_parse_key(const char *text, size_t length, struct minisign_key *key);
/* A .minisig file: four lines. 0; -EINVAL; -EOPNOTSUPP: the form without a hash. */
int minisign_parse_signature(const char *text, size_t length, struct minisign_signature *signature);

/* 0; -EKEYREJECTED: another key made it; -EBADMSG: not of these bytes, or of this comment;
 * -ENOTRECOVERABLE: OpenSSL cannot verify anything in this process, for want of memory. */
int minisign_verify(const struct minisign_key *key, const struct minisign_signature *signature,
	const unsigned char digest[MINISIGN_DIGEST_SIZE]);

/* BLAKE2b-512 of a whole file, from its beginning. -EFBIG: longer than max bytes. */
int minisign_hash_file(int fd, uint64_t max, unsigned char digest[MINISIGN_DIGEST_SIZE]);

/* The key's id as minisign prints it. */
void minisign_format_id(const unsigned char id[MINISIGN_ID_SIZE], char text[MINISIGN_ID_TEXT]);

#endif
