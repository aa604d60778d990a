/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/push_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "https://"

static bool is_bad_ipv4(uint32_t address) /* host order */
{
	return address >> 24 == 0 || address >> 24 == 127 || address >> 28 >= 14 ||
	       address >> 8 == 0xa9fea9; /* 169.254.169.0/24: metadata services */
}

static bool is_bad_ipv6(const struct in6_addr *address)
{
	return IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_LOOPBACK(address) ||
	       IN6_IS_ADDR_MULTICAST(address) || IN6_IS_ADDR_V4MAPPED(address) ||
	       IN6_IS_ADDR_V4COMPAT(address);
}

/* 1 to 65535 in decimal without anything else; 0: it is not one. */
static unsigned int read_port(const char *text, size_t length)
{
	unsigned int port = 0;

	if (length == 0 || length > 5)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	return port > 65535 ? 0 : port;
}

static int set_address(
	struct push_url *url, const char *host, bool bracketed, unsigned int port, const char **why)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&url->address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&url->address;

	*why = "an IP address is expected, no name";
	if (bracketed) {
		if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
			return -EINVAL;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		url->length = sizeof(*in6);
	} else {
		if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
			return -EINVAL;
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		url->length = sizeof(*in);
	}
	*why = "this address cannot be a destination";
	if (bracketed ? is_bad_ipv6(&in6->sin6_addr) : is_bad_ipv4(ntohl(in->sin_addr.s_addr)))
		return -EINVAL;
	return 0;
}

static int parse_authority(struct push_url *url, const char **why)
{
	bool bracketed = url->authority[0] == '[';
	const char *begin = url->authority + bracketed;
	size_t length = strcspn(begin, bracketed ? "]" : ":");
	const char *rest = begin + length + (bracketed && begin[length] == ']');
	unsigned int port = 443;
	char host[INET6_ADDRSTRLEN];

	*why = "an authority like 169.254.1.2:8443 or [fe80::1]:8443 is expected";
	if (length >= sizeof(host) || (bracketed && begin[length] != ']'))
		return -EINVAL;
	if (*rest == ':')
		port = read_port(rest + 1, strlen(rest + 1));
	else if (*rest)
		return -EINVAL;
	if (!port)
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)length, begin);
	return set_address(url, host, bracketed, port, why);
}

/* Goes into a request line as it is. */
static bool is_path(const char *path)
{
	for (const char *c = path; *c; c++) {
		if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}#", *c))
			return false;
	}
	return true;
}

int push_url_parse(const char *text, struct push_url *url, const char **why)
{
	struct push_url parsed = {0};
	const char *authority;
	size_t length;
	int r;

	*why = "https:// is expected";
	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return -EINVAL;
	*why = "it is too long";
	if (strlen(text) > PUSH_URL_MAX)
		return -EINVAL;
	authority = text + strlen(SCHEME);
	length = strcspn(authority, "/?#");
	if (length >= sizeof(parsed.authority))
		return -EINVAL;
	snprintf(parsed.authority, sizeof(parsed.authority), "%.*s", (int)length, authority);
	snprintf(parsed.path, sizeof(parsed.path), "%s%s", authority[length] == '/' ? "" : "/",
		authority + length);
	*why = "its path has characters that must be escaped";
	if (!is_path(parsed.path))
		return -EINVAL;
	r = parse_authority(&parsed, why);
	if (r == 0)
		*url = parsed;
	return r;
}

bool push_url_is_address(const struct push_url *url, const struct sockaddr *other)
{
	if (url->address.ss_family != other->sa_family)
		return false;
	if (other->sa_family == AF_INET)
		return ((const struct sockaddr_in *)&url->address)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)other)->sin_addr.s_addr;
	return other->sa_family == AF_INET6 &&
	       IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)&url->address)->sin6_addr,
		       &((const struct sockaddr_in6 *)other)->sin6_addr);
}
