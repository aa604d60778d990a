/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves the host in a bundle for support is made harmless here, text by text.
 *
 * Secrets go, always: private keys in PEM form, what stands behind a key that names a secret
 * (password, token, cookie, community ...) in INI, JSON, header and option syntax, names and
 * passwords in URLs, and every known secret of this host wherever it stands.
 *
 * Identifiers get a pseudonym, unless they are to be kept: MAC addresses, UUIDs, fingerprints, 32
 * digit ids, addresses beyond the link, serial numbers and names. The same value has the same
 * pseudonym in every bundle of one host (the seed is its machine-id), another one elsewhere, and it
 * cannot be computed back without the seed.
 *
 * No I/O, no clock.
 */
#ifndef BMCLINK_CTL_REDACT_H
#define BMCLINK_CTL_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#define REDACT_REMOVED	     "[removed]"
#define REDACT_MAX_PSEUDONYM 32 /* bytes, with NUL */
#define REDACT_MIN_SECRET    4	/* shorter ones cannot be told from other text */
#define REDACT_MIN_NAME	     4
#define REDACT_MAX_LITERALS  256

struct redact;

struct redact_counts {
	unsigned long secrets, identifiers; /* places that were changed */
};

/* NULL: out of memory. keep: identifiers stay as they are. */
struct redact *redact_new(const void *seed, size_t length, bool keep);
void redact_free(struct redact *redact);

/* Texts of this host, wherever they stand. Too short ones are not taken, nor doubled ones. */
int redact_add_secret(struct redact *redact, const char *text, size_t length);
int redact_add_identifier(struct redact *redact, const char *kind, const char *text);

/* *out: a new string (caller frees) of *out_length bytes with a NUL behind. 0 or -ENOMEM. */
int redact_text(
	struct redact *redact, const char *in, size_t length, char **out, size_t *out_length);

/* "kind-xxxxxxxx" */
void redact_make_pseudonym(const struct redact *redact, const char *kind, const void *value,
	size_t length, char out[REDACT_MAX_PSEUDONYM]);
/* As many other bytes (at most 32 differ from a repeated pattern), for binary structures. */
void redact_make_bytes(
	const struct redact *redact, const void *value, size_t length, unsigned char *out);

struct redact_counts redact_get_counts(const struct redact *redact);
bool redact_keeps_identifiers(const struct redact *redact);

#endif
