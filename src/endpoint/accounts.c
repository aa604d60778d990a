/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/accounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/state.h"

#define MAX_BASIC ACCOUNTS_CREDENTIAL /* characters of base64 */

int accounts_load(struct accounts *accounts, int dir_fd)
{
	json_t *object = NULL;
	int r;

	*accounts = (struct accounts){0};
	if (RAND_bytes(accounts->secret, sizeof(accounts->secret)) != 1)
		return -EIO;
	r = state_read_json(dir_fd, ACCOUNTS_FILE, &object);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = password_from_json(json_object_get(object, ACCOUNTS_ADMIN), &accounts->admin);
	json_decref(object);
	return r;
}

int accounts_set_password(struct accounts *accounts, const struct password *password, int dir_fd)
{
	json_t *object =
		json_pack("{s:i, s:o}", "Version", 1, ACCOUNTS_ADMIN, password_to_json(password));
	int r;

	if (!object)
		return -ENOMEM;
	r = state_write_json(dir_fd, ACCOUNTS_FILE, object, 0600);
	json_decref(object);
	if (r < 0)
		return r;
	accounts->admin = *password;
	accounts->has_last = false;
	return 0;
}

bool accounts_decode_basic(const char *authorization, char out[ACCOUNTS_CREDENTIAL])
{
	const char *text = authorization + 5;
	size_t length, padding = 0;
	int n;

	if (strncasecmp(authorization, "Basic", 5) != 0 || *text != ' ')
		return false;
	text += strspn(text, " ");
	length = strlen(text);
	if (length == 0 || length % 4 || length > MAX_BASIC ||
		length / 4 * 3 >= ACCOUNTS_CREDENTIAL)
		return false;
	while (padding < 2 && text[length - 1 - padding] == '=')
		padding++;
	n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)length);
	if (n < 0 || (size_t)n < padding)
		return false;
	out[(size_t)n - padding] = '\0';
	return strlen(out) == (size_t)n - padding;
}

static void make_key(const struct accounts *accounts, const char *credential, unsigned char *key)
{
	unsigned int length = 32;

	HMAC(EVP_sha256(), accounts->secret, sizeof(accounts->secret),
		(const unsigned char *)credential, strlen(credential), key, &length);
}

/* The credential that was right last time is right again without the work. */
static bool is_last(const struct accounts *accounts, const char *credential)
{
	unsigned char key[32];

	make_key(accounts, credential, key);
	return accounts->has_last && CRYPTO_memcmp(key, accounts->last_right, sizeof(key)) == 0;
}

static bool check(struct accounts *accounts, const char *credential)
{
	const char *colon = strchr(credential, ':');

	if (!colon || (size_t)(colon - credential) != strlen(ACCOUNTS_ADMIN) ||
		memcmp(credential, ACCOUNTS_ADMIN, strlen(ACCOUNTS_ADMIN)) != 0 ||
		!password_check(&accounts->admin, colon + 1))
		return false;
	make_key(accounts, credential, accounts->last_right);
	accounts->has_last = true;
	return true;
}

/*
 * The budget of all was spent by others, maybe: the address where the password was right last may
 * go on with it. A wrong one counts for that address, so that this is no way to guess either.
 */
static enum accounts_result check_beyond_budget(struct accounts *accounts, const char *credential,
	const unsigned char source[16], int64_t now_ms)
{
	if (!accounts->has_last || memcmp(source, accounts->last_source, 16) != 0 ||
		lockout_is_locked(&accounts->lockout, source, now_ms))
		return ACCOUNTS_LOCKED;
	if (credential && is_last(accounts, credential))
		return ACCOUNTS_OK;
	lockout_add_failure(&accounts->lockout, source, now_ms);
	return ACCOUNTS_LOCKED;
}

static enum accounts_result check_limited(struct accounts *accounts, const char *credential,
	const unsigned char source[16], int64_t now_ms)
{
	if (!lockout_allows(&accounts->lockout, source, now_ms))
		return check_beyond_budget(accounts, credential, source, now_ms);
	if (credential && is_last(accounts, credential)) {
		memcpy(accounts->last_source, source, sizeof(accounts->last_source));
		return ACCOUNTS_OK;
	}
	if (credential && check(accounts, credential)) {
		memcpy(accounts->last_source, source, sizeof(accounts->last_source));
		lockout_add_success(&accounts->lockout, source);
		return ACCOUNTS_OK;
	}
	lockout_add_failure(&accounts->lockout, source, now_ms);
	return ACCOUNTS_WRONG;
}

enum accounts_result accounts_check_login(struct accounts *accounts, const char *user,
	const char *password, const unsigned char source[16], int64_t now_ms)
{
	char credential[MAX_BASIC];
	int n = snprintf(credential, sizeof(credential), "%s:%s", user, password);
	bool fits = n > 0 && (size_t)n < sizeof(credential) && !strchr(user, ':');
	enum accounts_result result =
		check_limited(accounts, fits ? credential : NULL, source, now_ms);

	OPENSSL_cleanse(credential, sizeof(credential));
	return result;
}

enum accounts_result accounts_check_basic(struct accounts *accounts, const char *authorization,
	const unsigned char source[16], bool at_work, int64_t now_ms)
{
	char credential[ACCOUNTS_CREDENTIAL];
	const char *given = accounts_decode_basic(authorization, credential) ? credential : NULL;
	enum accounts_result result = ACCOUNTS_OK;

	if (!at_work || !given || !is_last(accounts, given))
		result = check_limited(accounts, given, source, now_ms);

	OPENSSL_cleanse(credential, sizeof(credential));
	return result;
}
