/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: by the connection, by a session's token, or by password. */
#ifndef BMCLINK_ENDPOINT_AUTHENTICATE_H
#define BMCLINK_ENDPOINT_AUTHENTICATE_H

#include "endpoint/resource.h"

/*
 * Sets request->role. Returns 0 or the status to refuse with: wrong credentials are an error also
 * where none would be needed, and over a plain connection none is looked at.
 */
int authenticate_request(struct request *request);
/* Is this somebody who may send long bodies? Before the body is here. */
bool authenticate_head(struct service *service, struct connection *connection,
	const struct http_request *http, bool is_long);
/* Does this request carry the administrator's credentials? Not a certificate, and not an account
 * that a host got over IPMI, whatever its role. */
bool authenticate_is_administrator(
	struct service *service, struct connection *connection, const struct http_request *http);

#endif
