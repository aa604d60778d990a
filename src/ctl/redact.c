/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/redact.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/text.h"
#include "base/util.h"
#include "ctl/redact_match.h"

#define KIND_SIZE 16

struct literal {
	char *text;
	size_t length;
	char kind[KIND_SIZE]; /* "": a secret */
};

struct redact {
	unsigned char key[SHA256_DIGEST_LENGTH];
	bool keep;
	struct literal literals[REDACT_MAX_LITERALS];
	size_t n_literals;
	struct redact_counts counts;
};

struct scan {
	struct redact *redact;
	const char *in;
	size_t length, at;
	FILE *out;
};

struct redact *redact_new(const void *seed, size_t length, bool keep)
{
	static const char purpose[] = "bmclink report";
	struct redact *redact = calloc(1, sizeof(*redact));

	if (!redact)
		return NULL;
	redact->keep = keep;
	/* not the id itself: it is used for other things as well (machine-id(5)) */
	HMAC(EVP_sha256(), seed, (int)length, (const unsigned char *)purpose, strlen(purpose),
		redact->key, NULL);
	return redact;
}

void redact_free(struct redact *redact)
{
	if (!redact)
		return;
	for (size_t i = 0; i < redact->n_literals; i++) {
		OPENSSL_cleanse(redact->literals[i].text, redact->literals[i].length);
		free(redact->literals[i].text);
	}
	OPENSSL_cleanse(redact->key, sizeof(redact->key));
	free(redact);
}

static int add_literal(struct redact *redact, const char *kind, const char *text, size_t length)
{
	struct literal *literal = &redact->literals[redact->n_literals];

	for (size_t i = 0; i < redact->n_literals; i++)
		if (redact->literals[i].length == length &&
			memcmp(redact->literals[i].text, text, length) == 0)
			return 0;
	if (redact->n_literals == REDACT_MAX_LITERALS)
		return -ENOSPC;
	literal->text = strndup(text, length);
	if (!literal->text)
		return -ENOMEM;
	literal->length = length;
	snprintf(literal->kind, sizeof(literal->kind), "%s", kind);
	redact->n_literals++;
	return 0;
}

int redact_add_secret(struct redact *redact, const char *text, size_t length)
{
	return length < REDACT_MIN_SECRET ? 0 : add_literal(redact, "", text, length);
}

int redact_add_identifier(struct redact *redact, const char *kind, const char *text)
{
	return strlen(text) < REDACT_MIN_NAME ? 0 : add_literal(redact, kind, text, strlen(text));
}

static void digest(const struct redact *redact, const char *kind, const void *value, size_t length,
	unsigned char out[SHA256_DIGEST_LENGTH])
{
	_cleanup_free_ unsigned char *message = malloc(KIND_SIZE + length);

	memset(out, 0, SHA256_DIGEST_LENGTH);
	if (!message)
		return;
	memset(message, 0, KIND_SIZE);
	snprintf((char *)message, KIND_SIZE, "%s", kind);
	memcpy(message + KIND_SIZE, value, length);
	HMAC(EVP_sha256(), redact->key, sizeof(redact->key), message, KIND_SIZE + length, out,
		NULL);
}

void redact_make_pseudonym(const struct redact *redact, const char *kind, const void *value,
	size_t length, char out[REDACT_MAX_PSEUDONYM])
{
	unsigned char bytes[SHA256_DIGEST_LENGTH];
	char hex[3 * 4];

	digest(redact, kind, value, length, bytes);
	text_make_hex(bytes, 4, '\0', hex);
	snprintf(out, REDACT_MAX_PSEUDONYM, "%.*s-%s", KIND_SIZE - 1, kind, hex);
}

void redact_make_bytes(
	const struct redact *redact, const void *value, size_t length, unsigned char *out)
{
	unsigned char bytes[SHA256_DIGEST_LENGTH];

	digest(redact, "bytes", value, length, bytes);
	for (size_t i = 0; i < length; i++)
		out[i] = bytes[i % sizeof(bytes)];
}

static void put_removed(struct scan *scan, const struct redact_value *value)
{
	fwrite(scan->in + scan->at, 1, value->before, scan->out);
	if (value->secret > 0) {
		fputs(value->quote ? "\"" REDACT_REMOVED "\"" : REDACT_REMOVED, scan->out);
		scan->redact->counts.secrets++;
	}
	scan->at += value->before + value->secret;
}

static void put_pseudonym(struct scan *scan, const char *kind, const char *normal, size_t length)
{
	char pseudonym[REDACT_MAX_PSEUDONYM];

	redact_make_pseudonym(scan->redact, kind, normal, strlen(normal), pseudonym);
	fputs(pseudonym, scan->out);
	scan->redact->counts.identifiers++;
	scan->at += length;
}

/* A name is a word by itself: a host called "test" is not in "latest". */
static bool stands_alone(const struct scan *scan, size_t length)
{
	size_t end = scan->at + length;

	return (scan->at == 0 || !isalnum((unsigned char)scan->in[scan->at - 1])) &&
	       (end == scan->length || !isalnum((unsigned char)scan->in[end]));
}

/* Is this known secret, or name, here? The longest of them counts. */
static const struct literal *find_literal(const struct scan *scan)
{
	const char *at = scan->in + scan->at;
	const struct literal *best = NULL;
	size_t left = scan->length - scan->at;

	for (size_t i = 0; i < scan->redact->n_literals; i++) {
		const struct literal *l = &scan->redact->literals[i];
		bool is_name = l->kind[0] != '\0';

		if (l->length > left || (best && best->length >= l->length) ||
			(is_name && scan->redact->keep))
			continue;
		/* names are written in whatever case, secrets are not */
		if (is_name ? strncasecmp(at, l->text, l->length) == 0 &&
					stands_alone(scan, l->length)
			    : memcmp(at, l->text, l->length) == 0)
			best = l;
	}
	return best;
}

static bool take_literal(struct scan *scan)
{
	const struct literal *literal = find_literal(scan);
	char lower[256];
	size_t n;

	if (!literal)
		return false;
	if (literal->kind[0] == '\0') {
		put_removed(scan, &(struct redact_value){.secret = literal->length});
		return true;
	}
	for (n = 0; n < literal->length && n < sizeof(lower) - 1; n++)
		lower[n] = (char)tolower((unsigned char)literal->text[n]);
	lower[n] = '\0';
	put_pseudonym(scan, literal->kind, lower, literal->length);
	return true;
}

static bool take_secret(struct scan *scan, bool word_starts)
{
	const char *at = scan->in + scan->at;
	size_t left = scan->length - scan->at;
	struct redact_value value = {.secret = redact_match_pem(at, left)};

	if (value.secret == 0 && !redact_match_url(at, left, &value) &&
		(!word_starts || (!redact_match_key(at, left, &value) &&
					 !redact_match_scheme(at, left, &value))))
		return false;
	put_removed(scan, &value);
	return true;
}

/* "serial": "X": the value, whatever it looks like. */
static bool take_name(struct scan *scan)
{
	struct redact_value value;
	char name[256];
	size_t n;

	if (scan->redact->keep ||
		!redact_match_name(scan->in + scan->at, scan->length - scan->at, &value))
		return false;
	fwrite(scan->in + scan->at, 1, value.before, scan->out);
	scan->at += value.before;
	for (n = 0; n < value.secret && n < sizeof(name) - 1; n++)
		name[n] = (char)tolower((unsigned char)scan->in[scan->at + n]);
	name[n] = '\0';
	put_pseudonym(scan, "name", name, value.secret);
	return true;
}

static bool take_identifier(struct scan *scan)
{
	char normal[REDACT_MATCH_MAX + 8];
	const char *kind;
	size_t n;

	if (scan->redact->keep)
		return false;
	n = redact_match_identifier(scan->in, scan->at, scan->length, &kind, normal);
	if (n == 0)
		return false;
	if (kind) {
		put_pseudonym(scan, kind, normal, n);
	} else {
		fwrite(scan->in + scan->at, 1, n, scan->out);
		scan->at += n;
	}
	return true;
}

static void run_scan(struct scan *scan)
{
	while (scan->at < scan->length) {
		char before = scan->at > 0 ? scan->in[scan->at - 1] : ' ';
		bool inside = isalnum((unsigned char)before);
		bool word_starts = !inside && before != '_' && before != '-' && before != '.';

		if (take_literal(scan) || take_secret(scan, word_starts) ||
			(word_starts && take_name(scan)) || (!inside && take_identifier(scan)))
			continue;
		fputc(scan->in[scan->at++], scan->out);
	}
}

int redact_text(
	struct redact *redact, const char *in, size_t length, char **out, size_t *out_length)
{
	char *text = NULL;
	size_t size = 0;
	struct scan scan = {.redact = redact, .in = in, .length = length};
	int failed;

	scan.out = open_memstream(&text, &size);
	if (!scan.out)
		return -ENOMEM;
	run_scan(&scan);
	failed = ferror(scan.out);
	if (fclose(scan.out) != 0 || failed || !text) {
		free(text);
		return -ENOMEM;
	}
	*out = text;
	*out_length = size;
	return 0;
}

struct redact_counts redact_get_counts(const struct redact *redact)
{
	return redact->counts;
}

bool redact_keeps_identifiers(const struct redact *redact)
{
	return redact->keep;
}
