/* SPDX-License-Identifier: Apache-2.0 */
/* From a parsed HTTP request to the resource that answers it. */
#ifndef BMCLINK_ENDPOINT_REQUEST_H
#define BMCLINK_ENDPOINT_REQUEST_H

#include "endpoint/resource.h"

/* service, connection, http and body are filled in; answers it. */
void request_handle(struct request *request);
/* Bytes that the body of this request may have. */
size_t request_body_limit(
	struct service *service, struct connection *connection, const struct http_request *http);

#endif
