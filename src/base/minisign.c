/* SPDX-License-Identifier: Apache-2.0 */
#include "base/minisign.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/hash.h"
#include "base/util.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED	  "trusted comment: "

struct line {
	const char *text;
	size_t length;
};

/* The next line without its end; false: there is none. */
static bool take_line(const char **text, size_t *left, struct line *line)
{
	const char *end = memchr(*text, '\n', *left);
	size_t length = end ? (size_t)(end - *text) : *left;

	if (!*left)
		return false;
	*line = (struct line){*text, length};
	if (length && line->text[length - 1] == '\r')
		line->length--;
	*left -= end ? length + 1 : length;
	*text += end ? length + 1 : length;
	return true;
}

static bool starts_with(const struct line *line, const char *prefix)
{
	size_t length = strlen(prefix);

	return line->length >= length && memcmp(line->text, prefix, length) == 0;
}

static int base64_value(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Exactly size bytes, padded as RFC 4648 has it; no blanks, no other length. */
static int decode_base64(const struct line *line, unsigned char *out, size_t size)
{
	size_t digits = (size * 8 + 5) / 6, padded = (size + 2) / 3 * 4, used = 0;
	unsigned int bits = 0;
	uint32_t value = 0;

	if (line->length != padded)
		return -EINVAL;
	for (size_t i = 0; i < padded; i++) {
		int digit = base64_value(line->text[i]);

		if (i >= digits ? line->text[i] != '=' : digit < 0)
			return -EINVAL;
		if (i >= digits)
			continue;
		value = value << 6 | (uint32_t)digit;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[used++] = (unsigned char)(value >> bits);
			value &= (1U << bits) - 1;
		}
	}
	return used == size && value == 0 ? 0 : -EINVAL;
}

/* Nothing but ends of lines is left. */
static bool is_at_end(const char *text, size_t left)
{
	while (left && (*text == '\n' || *text == '\r')) {
		text++;
		left--;
	}
	return !left;
}

int minisign_parse_key(const char *text, size_t length, struct minisign_key *key)
{
	unsigned char bytes[2 + MINISIGN_ID_SIZE + MINISIGN_KEY_SIZE];
	struct line line;

	if (length > MINISIGN_MAX_FILE || !take_line(&text, &length, &line))
		return -EINVAL;
	if (starts_with(&line, UNTRUSTED) && !take_line(&text, &length, &line))
		return -EINVAL;
	if (decode_base64(&line, bytes, sizeof(bytes)) < 0 || memcmp(bytes, "Ed", 2) != 0 ||
		!is_at_end(text, length))
		return -EINVAL;
	memcpy(key->id, bytes + 2, MINISIGN_ID_SIZE);
	memcpy(key->key, bytes + 2 + MINISIGN_ID_SIZE, MINISIGN_KEY_SIZE);
	return 0;
}

static int parse_lines(const struct line lines[4], struct minisign_signature *signature)
{
	unsigned char bytes[2 + MINISIGN_ID_SIZE + MINISIGN_SIG_SIZE];
	const char *comment;
	size_t length;

	if (!starts_with(&lines[0], UNTRUSTED) || !starts_with(&lines[2], TRUSTED) ||
		decode_base64(&lines[1], bytes, sizeof(bytes)) < 0)
		return -EINVAL;
	if (memcmp(bytes, "Ed", 2) == 0)
		return -EOPNOTSUPP;
	comment = lines[2].text + strlen(TRUSTED);
	length = lines[2].length - strlen(TRUSTED);
	if (memcmp(bytes, "ED", 2) != 0 || length > MINISIGN_MAX_COMMENT ||
		memchr(comment, '\0', length) ||
		decode_base64(&lines[3], signature->global, MINISIGN_SIG_SIZE) < 0)
		return -EINVAL;
	memcpy(signature->id, bytes + 2, MINISIGN_ID_SIZE);
	memcpy(signature->signature, bytes + 2 + MINISIGN_ID_SIZE, MINISIGN_SIG_SIZE);
	memcpy(signature->comment, comment, length);
	signature->comment[length] = '\0';
	return 0;
}

int minisign_parse_signature(const char *text, size_t length, struct minisign_signature *signature)
{
	struct minisign_signature parsed;
	struct line lines[4] = {0};
	int r;

	if (length > MINISIGN_MAX_FILE)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (!take_line(&text, &length, &lines[i]))
			return -EINVAL;
	}
	if (!is_at_end(text, length))
		return -EINVAL;
	r = parse_lines(lines, &parsed);
	if (r == 0)
		*signature = parsed;
	return r;
}

static bool verify_once(const unsigned char key[MINISIGN_KEY_SIZE],
	const unsigned char signature[MINISIGN_SIG_SIZE], const unsigned char *data, size_t length)
{
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, MINISIGN_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = pkey && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestVerify(context, signature, MINISIGN_SIG_SIZE, data, length) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	return ok;
}

/* RFC 8032, clause 7.1, TEST 1: the signature of nothing. */
static bool is_able_to_verify(void)
{
	static const unsigned char key[MINISIGN_KEY_SIZE] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1,
		0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3,
		0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
	static const unsigned char signature[MINISIGN_SIG_SIZE] = {0xe5, 0x56, 0x43, 0x00, 0xc3,
		0x60, 0xac, 0x72, 0x90, 0x86, 0xe2, 0xcc, 0x80, 0x6e, 0x82, 0x8a, 0x84, 0x87, 0x7f,
		0x1e, 0xb8, 0xe5, 0xd9, 0x74, 0xd8, 0x73, 0xe0, 0x65, 0x22, 0x49, 0x01, 0x55, 0x5f,
		0xb8, 0x82, 0x15, 0x90, 0xa3, 0x3b, 0xac, 0xc6, 0x1e, 0x39, 0x70, 0x1c, 0xf9, 0xb4,
		0x6b, 0xd2, 0x5b, 0xf5, 0xf0, 0x59, 0x5b, 0xbe, 0x24, 0x65, 0x51, 0x41, 0x43, 0x8e,
		0x7a, 0x10, 0x0b};

	return verify_once(key, signature, (const unsigned char *)"", 0);
}

/* OpenSSL 3.0 says the same of a wrong signature and of want of memory, after which it may never
 * work again in this process. */
static int verify(const unsigned char key[MINISIGN_KEY_SIZE],
	const unsigned char signature[MINISIGN_SIG_SIZE], const unsigned char *data, size_t length)
{
	if (verify_once(key, signature, data, length))
		return 0;
	if (!is_able_to_verify())
		return -ENOTRECOVERABLE;
	/* Able now: was it the want of something that has passed? */
	return verify_once(key, signature, data, length) ? 0 : -EBADMSG;
}

int minisign_verify(const struct minisign_key *key, const struct minisign_signature *signature,
	const unsigned char digest[MINISIGN_DIGEST_SIZE])
{
	unsigned char global[MINISIGN_SIG_SIZE + MINISIGN_MAX_COMMENT];
	size_t length = strlen(signature->comment);
	int r;

	if (memcmp(key->id, signature->id, MINISIGN_ID_SIZE) != 0)
		return -EKEYREJECTED;
	r = verify(key->key, signature->signature, digest, MINISIGN_DIGEST_SIZE);
	if (r < 0)
		return r;
	memcpy(global, signature->signature, MINISIGN_SIG_SIZE);
	memcpy(global + MINISIGN_SIG_SIZE, signature->comment, length);
	return verify(key->key, signature->global, global, MINISIGN_SIG_SIZE + length);
}

int minisign_hash_file(int fd, uint64_t max, unsigned char digest[MINISIGN_DIGEST_SIZE])
{
	return hash_file(fd, EVP_blake2b512(), max, digest);
}

/* A 64-bit number whose first byte is the lowest. */
void minisign_format_id(const unsigned char id[MINISIGN_ID_SIZE], char text[MINISIGN_ID_TEXT])
{
	for (size_t i = 0; i < MINISIGN_ID_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02X", id[MINISIGN_ID_SIZE - 1 - i]);
}
