/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/bootstrap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/state.h"

#define FILE_VERSION 1

void bootstrap_init(struct bootstrap *bootstrap)
{
	*bootstrap = (struct bootstrap){
		.enabled = true,
		.enable_after_reset = true,
		.role = ROLE_BOOTSTRAP,
	};
}

bool bootstrap_role_is_allowed(enum role role)
{
	return role == ROLE_BOOTSTRAP || role == ROLE_ADMINISTRATOR || role == ROLE_OPERATOR ||
	       role == ROLE_READ_ONLY;
}

static int read_object(const json_t *object, struct bootstrap *bootstrap)
{
	const json_t *enabled = json_object_get(object, "Enabled");
	const json_t *after = json_object_get(object, "EnableAfterReset");
	const json_t *seen = json_object_get(object, "IpmiSeen");
	enum role role =
		privilege_find_role(json_string_value(json_object_get(object, "RoleId")) ?: "");

	if (json_integer_value(json_object_get(object, "Version")) != FILE_VERSION ||
		!json_is_boolean(enabled) || !json_is_boolean(after) || !json_is_boolean(seen) ||
		!bootstrap_role_is_allowed(role))
		return -EBADMSG;
	bootstrap->enabled = json_is_true(enabled);
	bootstrap->enable_after_reset = json_is_true(after);
	bootstrap->ipmi_seen = json_is_true(seen);
	bootstrap->role = role;
	return 0;
}

int bootstrap_load(struct bootstrap *bootstrap, int dir_fd)
{
	json_t *object = NULL;
	int r;

	bootstrap_init(bootstrap);
	r = state_read_json(dir_fd, BOOTSTRAP_FILE, &object);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = read_object(object, bootstrap);
	json_decref(object);
	/* A switch that somebody had turned off must not be on again for a torn file. */
	if (r < 0)
		bootstrap->enabled = bootstrap->enable_after_reset = false;
	return r;
}

int bootstrap_save(const struct bootstrap *bootstrap, int dir_fd)
{
	json_t *object = json_pack("{s:i, s:b, s:b, s:s, s:b}", "Version", FILE_VERSION, "Enabled",
		bootstrap->enabled, "EnableAfterReset", bootstrap->enable_after_reset, "RoleId",
		privilege_get_role(bootstrap->role)->id, "IpmiSeen", bootstrap->ipmi_seen);
	int r = object ? state_write_json(dir_fd, BOOTSTRAP_FILE, object, 0600) : -ENOMEM;

	json_decref(object);
	return r;
}

static void remove_at(struct bootstrap *bootstrap, unsigned int i)
{
	bootstrap->n--;
	memmove(&bootstrap->accounts[i], &bootstrap->accounts[i + 1],
		(bootstrap->n - i) * sizeof(bootstrap->accounts[0]));
	OPENSSL_cleanse(&bootstrap->accounts[bootstrap->n], sizeof(bootstrap->accounts[0]));
}

static int hash_secret(const char *secret, unsigned char out[32])
{
	return EVP_Digest(secret, strlen(secret), out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

/* 64 characters, so that six random bits are one of them: letters, digits, and no quote, blank or
 * backslash, which DSP0270 forbids. */
static int make_secret(char secret[BOOTSTRAP_SECRET_SIZE])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[BOOTSTRAP_SECRET_CHARS];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		secret[i] = alphabet[bytes[i] & 63];
	secret[sizeof(bytes)] = '\0';
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int bootstrap_make(struct bootstrap *bootstrap, char user[BOOTSTRAP_USER_SIZE],
	char secret[BOOTSTRAP_SECRET_SIZE], unsigned int *id)
{
	struct bootstrap_account made = {.id = bootstrap->last_id + 1};
	unsigned char name[4];

	if (RAND_bytes(name, sizeof(name)) != 1 || make_secret(secret) < 0 ||
		hash_secret(secret, made.hash) < 0)
		return -EIO;
	snprintf(made.user, sizeof(made.user), "boot-%02x%02x%02x%02x", name[0], name[1], name[2],
		name[3]);
	if (bootstrap->n == BOOTSTRAP_MAX)
		remove_at(bootstrap, 0);
	bootstrap->last_id = made.id;
	bootstrap->accounts[bootstrap->n++] = made;
	memcpy(user, made.user, BOOTSTRAP_USER_SIZE);
	*id = made.id;
	return 0;
}

const struct bootstrap_account *bootstrap_find(const struct bootstrap *bootstrap, unsigned int id)
{
	for (unsigned int i = 0; i < bootstrap->n; i++) {
		if (bootstrap->accounts[i].id == id)
			return &bootstrap->accounts[i];
	}
	return NULL;
}

const struct bootstrap_account *bootstrap_find_user(
	const struct bootstrap *bootstrap, const char *user)
{
	for (unsigned int i = 0; i < bootstrap->n; i++) {
		if (strcmp(bootstrap->accounts[i].user, user) == 0)
			return &bootstrap->accounts[i];
	}
	return NULL;
}

const struct bootstrap_account *bootstrap_check(
	const struct bootstrap *bootstrap, const char *user, const char *secret)
{
	const struct bootstrap_account *account = bootstrap_find_user(bootstrap, user);
	unsigned char hash[32];

	if (!account || hash_secret(secret, hash) < 0)
		return NULL;
	return CRYPTO_memcmp(hash, account->hash, sizeof(hash)) == 0 ? account : NULL;
}

int bootstrap_remove(struct bootstrap *bootstrap, unsigned int id)
{
	const struct bootstrap_account *account = bootstrap_find(bootstrap, id);

	if (!account)
		return -ENOENT;
	remove_at(bootstrap, (unsigned int)(account - bootstrap->accounts));
	return 0;
}

bool bootstrap_reset(struct bootstrap *bootstrap)
{
	bool changed = bootstrap->enable_after_reset && !bootstrap->enabled;

	while (bootstrap->n)
		remove_at(bootstrap, bootstrap->n - 1);
	bootstrap->enabled = bootstrap->enabled || changed;
	return changed;
}

bool bootstrap_replaces_window(const struct bootstrap *bootstrap, enum enrolment_mode mode)
{
	switch (mode) {
	case ENROLMENT_KCS:
		return true;
	case ENROLMENT_FIRST_USE:
		return false;
	case ENROLMENT_AUTO:
		break;
	}
	/* Switched off (by the firmware that used it first, say) it is no way in. */
	return bootstrap->ipmi_seen && bootstrap->enabled;
}
