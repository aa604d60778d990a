/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/password.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/text.h"

#define ITERATIONS_MAX                                                                             \
	10000000 /* of a file: a wrong number must not stop the service for hours                  \
		  */

static int derive(const struct password *password, const char *text, unsigned char *hash)
{
	if (PKCS5_PBKDF2_HMAC(text, (int)strlen(text), password->salt, PASSWORD_SALT_SIZE,
		    (int)password->iterations, EVP_sha256(), PASSWORD_HASH_SIZE, hash) != 1)
		return -EIO;
	return 0;
}

int password_make(const char *text, struct password *password)
{
	struct password made = {.iterations = PASSWORD_ITERATIONS};
	size_t length = strlen(text);
	int r;

	if (length < PASSWORD_MIN || length > PASSWORD_MAX)
		return -EINVAL;
	if (RAND_bytes(made.salt, sizeof(made.salt)) != 1)
		return -EIO;
	r = derive(&made, text, made.hash);
	if (r == 0)
		*password = made;
	return r;
}

bool password_check(const struct password *password, const char *text)
{
	unsigned char hash[PASSWORD_HASH_SIZE];
	bool right;

	if (!password->iterations || strlen(text) > PASSWORD_MAX)
		return false;
	if (derive(password, text, hash) < 0)
		return false;
	right = CRYPTO_memcmp(hash, password->hash, sizeof(hash)) == 0;
	OPENSSL_cleanse(hash, sizeof(hash));
	return right;
}

json_t *password_to_json(const struct password *password)
{
	char salt[3 * PASSWORD_SALT_SIZE], hash[3 * PASSWORD_HASH_SIZE];

	text_make_hex(password->salt, PASSWORD_SALT_SIZE, 0, salt);
	text_make_hex(password->hash, PASSWORD_HASH_SIZE, 0, hash);
	return json_pack("{s:s, s:I, s:s, s:s}", "Algorithm", "PBKDF2-HMAC-SHA256", "Iterations",
		(json_int_t)password->iterations, "Salt", salt, "Hash", hash);
}

int password_from_json(const json_t *json, struct password *password)
{
	const char *salt = json_string_value(json_object_get(json, "Salt"));
	const char *hash = json_string_value(json_object_get(json, "Hash"));
	json_int_t iterations = json_integer_value(json_object_get(json, "Iterations"));
	struct password read = {0};

	if (!salt || !hash || iterations < 1000 || iterations > ITERATIONS_MAX ||
		text_parse_hex(salt, read.salt, sizeof(read.salt)) < 0 ||
		text_parse_hex(hash, read.hash, sizeof(read.hash)) < 0)
		return -EBADMSG;
	read.iterations = (unsigned int)iterations;
	*password = read;
	return 0;
}
