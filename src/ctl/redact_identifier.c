/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "ctl/redact_match.h"

#define MAX_RUN 128

/* The link's own addresses are what a bundle is about; the others here mean no host. */
static bool keep_ipv4(const struct in_addr *address)
{
	uint32_t a = ntohl(address->s_addr);

	return a >> 16 == 0xa9fe || a >> 24 == 127 || a >> 28 >= 14 || a >> 24 == 0 ||
	       a >> 2 == 0x10010f00 >> 2; /* iLO's 16.1.15.0/30 */
}

/* Interface parts of IPv6 addresses are often MAC addresses. */
static bool keep_ipv6(const struct in6_addr *address)
{
	static const uint8_t none[8];
	struct in6_addr idrac;

	inet_pton(AF_INET6, "fde1:53ba:e9a0:de11::1", &idrac);
	return memcmp(address->s6_addr + 8, none, 8) == 0 || IN6_IS_ADDR_LOOPBACK(address) ||
	       IN6_IS_ADDR_MULTICAST(address) || memcmp(address, &idrac, sizeof(idrac)) == 0;
}

/* Hex digits without the separators; false when they stand otherwise than in groups of that size.
 */
static bool take_groups(const char *at, size_t n, size_t group, char separator, char *normal)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		if (i % (group + 1) == group) {
			if (at[i] != separator)
				return false;
		} else if (!isxdigit((unsigned char)at[i])) {
			return false;
		} else {
			normal[digits++] = (char)tolower((unsigned char)at[i]);
		}
	}
	normal[digits] = '\0';
	return true;
}

static bool is_uuid(const char *at, size_t n, char *normal)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (at[i] != '-')
				return false;
		} else if (!isxdigit((unsigned char)at[i])) {
			return false;
		} else {
			normal[digits++] = (char)tolower((unsigned char)at[i]);
		}
	}
	normal[digits] = '\0';
	return n == 36;
}

/* All zero, all one: unset, broadcast. */
static bool means_nobody(const char *normal)
{
	size_t n = strlen(normal);

	return strspn(normal, "0") == n || strspn(normal, "f") == n;
}

static const char *classify_digits(const char *at, size_t n, char *normal)
{
	if (n == 17 && (take_groups(at, n, 2, ':', normal) || take_groups(at, n, 2, '-', normal)))
		return "mac";
	if ((n == 95 && take_groups(at, n, 2, ':', normal)) ||
		(n == 64 && take_groups(at, n, n, ':', normal)))
		return "fingerprint";
	if (n == 36 && is_uuid(at, n, normal))
		return "uuid";
	/* machine-id, boot id: a UUID without its hyphens */
	return n == 32 && take_groups(at, n, n, ':', normal) ? "uuid" : NULL;
}

static const char *classify_address(const char *at, size_t n, char *normal, bool *keep)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ipv6;
	struct in_addr ipv4;

	if (n >= sizeof(text))
		return NULL;
	memcpy(text, at, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		inet_ntop(AF_INET, &ipv4, normal, REDACT_MATCH_MAX);
		*keep = keep_ipv4(&ipv4);
		return "ip4";
	}
	if (inet_pton(AF_INET6, text, &ipv6) != 1)
		return NULL;
	inet_ntop(AF_INET6, &ipv6, normal, REDACT_MATCH_MAX);
	*keep = keep_ipv6(&ipv6);
	return "ip6";
}

/* "firmware_version": "3.30.30.30" is no address. */
static bool follows_version(const char *text, size_t offset)
{
	static const char *const words[] = {"version", "firmware", "release"};

	while (offset > 0 && strchr(" \t\"'\\:=", text[offset - 1]) && text[offset - 1])
		offset--;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (offset >= n && strncasecmp(text + offset - n, words[i], n) == 0)
			return true;
	}
	return false;
}

static size_t run_length(const char *at, size_t length)
{
	size_t n = 0;

	while (n < length && n < MAX_RUN &&
		(isxdigit((unsigned char)at[n]) || strchr(":.-", at[n])) && at[n])
		n++;
	return n;
}

static size_t match_interface(const char *at, size_t left, const char **kind, char *normal)
{
	/* predictable names of USB NICs: enx and the MAC address */
	if (left < 15 || memcmp(at, "enx", 3) != 0 || !take_groups(at + 3, 12, 12, ':', normal) ||
		(left > 15 && isalnum((unsigned char)at[15])))
		return 0;
	*kind = "mac";
	return 15;
}

size_t redact_match_identifier(const char *text, size_t offset, size_t length, const char **kind,
	char normal[REDACT_MATCH_MAX + 8])
{
	const char *at = text + offset;
	size_t left = length - offset, run = run_length(at, left), n;
	bool keep = false;

	n = match_interface(at, left, kind, normal);
	if (n > 0)
		return n;
	/* the longest part that ends where something of it ends: "10.0.0.1:443" */
	for (n = run; n >= 2; n--) {
		char next = n < left ? at[n] : '\0';

		if (isalnum((unsigned char)next))
			continue;
		*kind = classify_digits(at, n, normal);
		if (*kind && means_nobody(normal))
			*kind = NULL, keep = true;
		if (*kind || keep)
			return n;
		*kind = classify_address(at, n, normal, &keep);
		if (!*kind)
			continue;
		if (keep || follows_version(text, offset))
			*kind = NULL;
		return n;
	}
	return 0;
}
