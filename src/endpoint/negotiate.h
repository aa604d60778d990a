/* SPDX-License-Identifier: Apache-2.0 */
/* What a client's fields want: media types (RFC 9110, 12.5.1) and preconditions (13.1). Pure. */
#ifndef BMCLINK_ENDPOINT_NEGOTIATE_H
#define BMCLINK_ENDPOINT_NEGOTIATE_H

#include <stdbool.h>

#define NEGOTIATE_ETAG_SIZE 24

/* Does an Accept field (NULL: none) take this type, "application/json"? */
bool negotiate_accepts(const char *accept, const char *type);
/* Is a Content-Type field this type, whatever its parameters? */
bool negotiate_is_type(const char *content_type, const char *type);
/*
 * Is the tag in an If-Match or If-None-Match field? Weak tags match strong ones: what is weak about
 * ours is the time of day in a resource, which nobody means to protect.
 */
bool negotiate_matches_etag(const char *field, const char *etag);

#endif
