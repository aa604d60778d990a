/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The push of a package (DSP0266, "Multipart HTTP push updates"): the parts UpdateParameters,
 * UpdateFile and OemBmclinkSignature, in any order. The file goes to the disk as it comes.
 */
#ifndef BMCLINK_ENDPOINT_UPDATE_PUSH_H
#define BMCLINK_ENDPOINT_UPDATE_PUSH_H

#include "endpoint/service.h"

#define UPDATE_PUSH_URI	      "/redfish/v1/UpdateService/update-multipart"
#define UPDATE_PUSH_MAX_JSON  4096
#define UPDATE_PUSH_PARTS_MAX (16 * 1024) /* what surrounds the file, with the other parts */

bool update_push_is_wanted(const struct http_request *http);
/* What the head handler is to return: a sink, when an administrator asks. */
size_t update_push_begin(
	struct service *service, struct connection *connection, const struct http_request *http);
/* The request is whole, or was broken off: answers it. */
void update_push_finish(struct request *request);

#endif
