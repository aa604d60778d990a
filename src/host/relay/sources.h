/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses a client of in-band access may come from: a list of networks. Pure. Addresses are
 * 16 bytes, IPv4 in its mapped form (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that a client is the
 * same one whichever kind of socket it came through.
 */
#ifndef BMCLINK_HOST_RELAY_SOURCES_H
#define BMCLINK_HOST_RELAY_SOURCES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RELAY_ADDRESS	  16 /* bytes */
#define RELAY_MAX_SOURCES 32
#define RELAY_MAX_TEXT	  1000 /* of a list: what fits into a line of the configuration */

struct relay_source {
	uint8_t address[RELAY_ADDRESS];
	uint8_t prefix; /* of the 128 bits; IPv4: 96 and more */
};

struct relay_sources {
	struct relay_source list[RELAY_MAX_SOURCES];
	size_t n;
};

/*
 * Networks ("192.0.2.0/24") and addresses, separated by blanks or commas; "" is an empty list.
 * -EINVAL with *expected a static text; sources is untouched then.
 */
int relay_sources_parse(const char *text, struct relay_sources *sources, const char **expected);
/* One network; the same errors. */
int relay_source_parse(const char *text, struct relay_source *source, const char **expected);
/* Every IPv4 address, or every IPv6 address. */
bool relay_source_is_anyone(const struct relay_source *source);
bool relay_sources_have_anyone(const struct relay_sources *sources);
/* ::/0 is every IPv6 address and no IPv4 address. */
bool relay_sources_contain(
	const struct relay_sources *sources, const uint8_t address[RELAY_ADDRESS]);

/* False: neither IPv4 nor IPv6. */
bool relay_address_from(const struct sockaddr_storage *from, uint8_t address[RELAY_ADDRESS]);
void relay_address_from_ipv4(struct in_addr from, uint8_t address[RELAY_ADDRESS]);
/* "192.0.2.1", "2001:db8::1" */
void relay_address_format(const uint8_t address[RELAY_ADDRESS], char out[INET6_ADDRSTRLEN]);
/* Whose connections are counted together: an IPv4 address, an IPv6 /64 (a host has all of its). */
void relay_address_make_key(const uint8_t address[RELAY_ADDRESS], uint8_t key[RELAY_ADDRESS]);

#endif
