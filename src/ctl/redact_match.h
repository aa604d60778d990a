/* SPDX-License-Identifier: Apache-2.0 */
/* What redact.c looks for at one place of a text. Pure; at is where it begins, length what is left.
 */
#ifndef BMCLINK_CTL_REDACT_MATCH_H
#define BMCLINK_CTL_REDACT_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#define REDACT_MATCH_MAX 64 /* bytes of the normal form of an identifier, with NUL */

struct redact_value {  /* behind "password = " */
	size_t before; /* bytes that stay: the key, the separator, an opening quote */
	size_t secret; /* bytes that go; 0: nothing stands there */
	bool quote;    /* what takes its place must be a string of JSON */
};

/* "-----BEGIN ... PRIVATE KEY-----" to its end, or to the end of the text: its bytes, or 0. */
size_t redact_match_pem(const char *at, size_t length);
/* A word that names a secret, with a value behind it. */
bool redact_match_key(const char *at, size_t length, struct redact_value *value);
/* A word that names a serial number or a host, with a value behind it that is to be replaced. */
bool redact_match_name(const char *at, size_t length, struct redact_value *value);
/* "Basic XXXX", "Bearer XXXX": bytes of the scheme and its blank, and of what follows. */
bool redact_match_scheme(const char *at, size_t length, struct redact_value *value);
/* "://user:password@": from the slashes to the '@'. */
bool redact_match_url(const char *at, size_t length, struct redact_value *value);

/*
 * An identifier by its form: its bytes (0: none), *kind a static text, normal its one form for
 * all spellings. text is the whole text: a version number is told from an address by what stands
 * before it. *kind NULL: these bytes stay as they are, all of them (addresses of the link, and such
 * as mean no host).
 */
size_t redact_match_identifier(const char *text, size_t offset, size_t length, const char **kind,
	char normal[REDACT_MATCH_MAX + 8]);

#endif
