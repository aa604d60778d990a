/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destinations of push subscriptions: what a client may name at all. No names, so that nobody's
 * resolver decides; no address that is this machine's own by its form. Pure.
 */
#ifndef BMCLINK_ENDPOINT_PUSH_URL_H
#define BMCLINK_ENDPOINT_PUSH_URL_H

#include <stdbool.h>
#include <sys/socket.h>

#define PUSH_URL_MAX 255 /* bytes */

struct push_url {
	struct sockaddr_storage address; /* with its port; the zone of a link-local one is 0 */
	socklen_t length;
	char authority[64]; /* "[fe80::1]:8443", as it was given */
	char path[PUSH_URL_MAX + 1];
};

/* "https://169.254.1.2:8443/events". 0, or -EINVAL with *why (static text). */
int push_url_parse(const char *text, struct push_url *url, const char **why);
/* Is it the same IP address? */
bool push_url_is_address(const struct push_url *url, const struct sockaddr *other);

#endif
