/* SPDX-License-Identifier: Apache-2.0 */
#include "host/relay/sources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define MAPPED_BITS 96

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_ipv4(const uint8_t address[RELAY_ADDRESS])
{
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

void relay_address_from_ipv4(struct in_addr from, uint8_t address[RELAY_ADDRESS])
{
	memcpy(address, mapped, sizeof(mapped));
	memcpy(address + sizeof(mapped), &from, sizeof(from));
}

bool relay_address_from(const struct sockaddr_storage *from, uint8_t address[RELAY_ADDRESS])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;

	if (from->ss_family == AF_INET)
		relay_address_from_ipv4(in->sin_addr, address);
	else if (from->ss_family == AF_INET6)
		memcpy(address, &in6->sin6_addr, RELAY_ADDRESS);
	return from->ss_family == AF_INET || from->ss_family == AF_INET6;
}

void relay_address_format(const uint8_t address[RELAY_ADDRESS], char out[INET6_ADDRSTRLEN])
{
	if (is_ipv4(address))
		inet_ntop(AF_INET, address + sizeof(mapped), out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN);
}

void relay_address_make_key(const uint8_t address[RELAY_ADDRESS], uint8_t key[RELAY_ADDRESS])
{
	memset(key, 0, RELAY_ADDRESS);
	memcpy(key, address, is_ipv4(address) ? RELAY_ADDRESS : RELAY_ADDRESS / 2);
}

/* Are all bits from the first one on zero? */
static bool is_zero_from(const uint8_t *bytes, unsigned int first)
{
	for (unsigned int bit = first; bit < 8 * RELAY_ADDRESS; bit++) {
		if (bytes[bit / 8] & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

static bool are_equal_until(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

static int parse_prefix(const char *text, unsigned int most, unsigned int *prefix)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9' || strlen(text) > 3)
		return -EINVAL;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || value > most)
		return -EINVAL;
	*prefix = (unsigned int)value;
	return 0;
}

int relay_source_parse(const char *text, struct relay_source *source, const char **expected)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct relay_source parsed;
	struct in_addr ipv4;
	unsigned int most, prefix;

	*expected = "networks such as 192.0.2.0/24 or 2001:db8::/32, separated by blanks";
	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(AF_INET, address, &ipv4) == 1) {
		relay_address_from_ipv4(ipv4, parsed.address);
		most = 32;
	} else if (inet_pton(AF_INET6, address, parsed.address) == 1) {
		most = 128;
	} else {
		return -EINVAL;
	}
	prefix = most;
	if (slash && parse_prefix(slash + 1, most, &prefix) < 0)
		return -EINVAL;
	parsed.prefix = (uint8_t)(most == 32 ? prefix + MAPPED_BITS : prefix);
	*expected = "a network whose address has no bits beyond its prefix (192.0.2.0/24, not "
		    "192.0.2.1/24)";
	if (!is_zero_from(parsed.address, parsed.prefix))
		return -EINVAL;
	*source = parsed;
	return 0;
}

int relay_sources_parse(const char *text, struct relay_sources *sources, const char **expected)
{
	static const char separators[] = " \t,";
	struct relay_sources parsed = {.n = 0};
	char word[INET6_ADDRSTRLEN + 8];

	while (*(text += strspn(text, separators)) != '\0') {
		size_t length = strcspn(text, separators);

		*expected = "at most 32 networks";
		if (parsed.n == RELAY_MAX_SOURCES)
			return -EINVAL;
		*expected = "networks such as 192.0.2.0/24 or 2001:db8::/32, separated by blanks";
		if (length >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, length);
		word[length] = '\0';
		if (relay_source_parse(word, &parsed.list[parsed.n], expected) < 0)
			return -EINVAL;
		parsed.n++;
		text += length;
	}
	*sources = parsed;
	return 0;
}

bool relay_source_is_anyone(const struct relay_source *source)
{
	return source->prefix == 0 || (source->prefix == MAPPED_BITS && is_ipv4(source->address));
}

bool relay_sources_have_anyone(const struct relay_sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		if (relay_source_is_anyone(&sources->list[i]))
			return true;
	}
	return false;
}

bool relay_sources_contain(
	const struct relay_sources *sources, const uint8_t address[RELAY_ADDRESS])
{
	for (size_t i = 0; i < sources->n; i++) {
		const struct relay_source *source = &sources->list[i];

		if (is_ipv4(address) && source->prefix < MAPPED_BITS)
			continue;
		if (are_equal_until(source->address, address, source->prefix))
			return true;
	}
	return false;
}
