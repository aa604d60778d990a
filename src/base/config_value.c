/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of values that a configuration may have. */
#include "base/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

/* What was expected is said at once, before another value is parsed: one buffer will do. */
static char expected_text[256];

int config_parse_onoff(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	static const struct {
		const char *name;
		bool on;
	} words[] = {
		{"on",    true },
		      {"off",   false},
		      {"yes",   true },
		     {"no",    false},
		    {"true",  true },
		{"false", false},
		  {"1",	true },
		       {"0",     false}
	   };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i].name) == 0) {
			*(bool *)target = words[i].on;
			return 0;
		}
	}
	*expected = "on or off";
	return -EINVAL;
}

int config_parse_enum(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	size_t used = 0;

	for (int i = 0; key->names[i]; i++) {
		if (key->names[i][0] && strcmp(value, key->names[i]) == 0) {
			*(int *)target = i;
			return 0;
		}
	}
	expected_text[0] = '\0';
	for (int i = 0; key->names[i]; i++) {
		const char *glue = used == 0 ? "" : key->names[i + 1] ? ", " : " or ";

		if (!key->names[i][0])
			continue;
		used += (size_t)snprintf(expected_text + used, sizeof(expected_text) - used, "%s%s",
			glue, key->names[i]);
		if (used >= sizeof(expected_text))
			break;
	}
	*expected = expected_text;
	return -EINVAL;
}

int config_parse_number(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	size_t digits = strspn(value, "0123456789");
	long number;

	errno = 0;
	number = strtol(value, NULL, 10);
	if (digits == 0 || value[digits] || errno || number < key->minimum ||
		number > key->maximum) {
		snprintf(expected_text, sizeof(expected_text), "a number from %ld to %ld",
			key->minimum, key->maximum);
		*expected = expected_text;
		return -EINVAL;
	}
	*(long *)target = number;
	return 0;
}

int config_parse_string(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	if (!text_is_printable(value, key->size - 1)) {
		snprintf(expected_text, sizeof(expected_text),
			"at most %zu bytes of printable UTF-8 text", key->size - 1);
		*expected = expected_text;
		return -EINVAL;
	}
	memset(target, 0, key->size);
	memcpy(target, value, strlen(value));
	return 0;
}

/* RFC 2578, clause 3.5: sub-identifiers of 32 bits, the first one 0 to 2 */
static bool is_oid(const char *value)
{
	unsigned int parts = 0;
	char *end;

	do {
		errno = 0;
		if (*value < '0' || *value > '9' || strtoull(value, &end, 10) > UINT32_MAX ||
			errno || (parts == 0 && strtoul(value, NULL, 10) > 2))
			return false;
		parts++;
		value = end + 1;
	} while (*end == '.');
	return *end == '\0' && parts >= 6 && parts <= 32;
}

int config_parse_oid(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	if (*value && (strlen(value) >= key->size || !is_oid(value))) {
		*expected = "an object identifier of 6 to 32 numbers, such as "
			    "1.3.6.1.4.1.674.10892.5";
		return -EINVAL;
	}
	return config_parse_string(key, value, target, expected);
}

int config_parse_ipv4(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	struct in_addr address = {0};
	uint32_t first;

	*expected = "an IPv4 unicast address such as 169.254.1.1";
	if (*value && inet_pton(AF_INET, value, &address) != 1)
		return -EINVAL;
	first = ntohl(address.s_addr) >> 24;
	if (*value && (first == 0 || first >= 224))
		return -EINVAL;
	*(struct in_addr *)target = address;
	return 0;
}

int config_parse_ipv6(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	struct in6_addr address = IN6ADDR_ANY_INIT;

	*expected = "an IPv6 unicast address such as fe80::1, without a scope";
	if (*value && inet_pton(AF_INET6, value, &address) != 1)
		return -EINVAL;
	if (*value && (IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_MULTICAST(&address) ||
			      IN6_IS_ADDR_V4MAPPED(&address)))
		return -EINVAL;
	*(struct in6_addr *)target = address;
	return 0;
}
