/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/snmp_user.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool snmp_name_is_good(const char *name)
{
	size_t length = strlen(name);

	/* no '-' at the beginning: it would be an option */
	return length > 0 && length <= SNMP_MAX_NAME && strspn(name, LETTERS) > 0 &&
	       strspn(name, LETTERS "-_") == length;
}

bool snmp_key_is_good(const char *key)
{
	size_t length = strlen(key);

	return length >= SNMP_MIN_KEY && length <= SNMP_MAX_KEY && strspn(key, LETTERS) == length;
}

const char *snmp_auth_name(enum snmp_auth auth)
{
	return auth == SNMP_AUTH_SHA1 ? "SHA" : "SHA-256";
}
