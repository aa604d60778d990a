/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/account.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/rand.h>

#include "base/state.h"
#include "base/text.h"

#define FORMAT	  1
#define MAX_DRAWS 100

static bool is_word(const char *s)
{
	return s[0] != '\0' && strlen(s) < ACCOUNT_MAX && text_is_printable(s, ACCOUNT_MAX);
}

int account_load(int dir_fd, const char *name, struct account *account)
{
	const char *user, *password;
	json_t *object = NULL;
	int format, r;

	explicit_bzero(account, sizeof(*account));
	r = state_read_json(dir_fd, name, &object);
	if (r < 0)
		return r;
	if (json_unpack(object, "{s:i, s:s, s:s}", "format", &format, "user", &user, "password",
		    &password) == 0 &&
		format == FORMAT && is_word(user) && is_word(password)) {
		snprintf(account->user, sizeof(account->user), "%s", user);
		snprintf(account->password, sizeof(account->password), "%s", password);
	} else {
		r = -EBADMSG;
	}
	json_decref(object);
	return r;
}

int account_save(int dir_fd, const char *name, const struct account *account)
{
	json_t *object = json_pack("{s:i, s:s, s:s}", "format", FORMAT, "user", account->user,
		"password", account->password);
	int r = object ? state_write_json(dir_fd, name, object, 0600) : -ENOMEM;

	json_decref(object);
	return r;
}

int account_remove(int dir_fd, const char *name, struct account *account)
{
	int r = state_remove_file(dir_fd, name);

	if (r == 0)
		explicit_bzero(account, sizeof(*account));
	return r;
}

static bool is_strong(const char *password)
{
	bool lower = false, upper = false, digit = false, other = false;

	for (; *password; password++) {
		lower |= islower((unsigned char)*password) != 0;
		upper |= isupper((unsigned char)*password) != 0;
		digit |= isdigit((unsigned char)*password) != 0;
		other |= *password == '-' || *password == '_';
	}
	return lower && upper && digit && other;
}

/* Drawn until all classes are in it: BMCs have rules, and 90 bits stay. */
static int draw(char password[ACCOUNT_MAX])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[ACCOUNT_MAX - 1];

	for (int i = 0; i < MAX_DRAWS; i++) {
		if (RAND_bytes(bytes, sizeof(bytes)) != 1)
			return -EIO;
		for (size_t k = 0; k < sizeof(bytes); k++)
			password[k] = alphabet[bytes[k] & 63];
		password[sizeof(bytes)] = '\0';
		explicit_bzero(bytes, sizeof(bytes));
		if (is_strong(password) && isalpha((unsigned char)password[0]))
			return 0;
	}
	return -EIO;
}

int account_make(struct account *account)
{
	struct account made;
	unsigned char name[4];
	int r = draw(made.password);

	if (r == 0 && RAND_bytes(name, sizeof(name)) != 1)
		r = -EIO;
	if (r == 0) {
		snprintf(made.user, sizeof(made.user), "bmclink-%02x%02x%02x%02x", name[0], name[1],
			name[2], name[3]);
		*account = made;
	}
	explicit_bzero(&made, sizeof(made));
	return r;
}
