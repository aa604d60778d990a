/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an answer that tell about the resource: ETag, Allow, Link (DSP0266, "Response
 * headers"). */
#ifndef BMCLINK_ENDPOINT_FIELDS_H
#define BMCLINK_ENDPOINT_FIELDS_H

#include "endpoint/negotiate.h"
#include "endpoint/resource.h"

#define FIELDS_SIZE 1024

/* The tag of a resource's JSON; a weak one where the time of day was left out of it. */
void fields_make_etag(const json_t *json, char etag[NEGOTIATE_ETAG_SIZE]);
/* "Allow: GET, HEAD\r\n"; returns the length. */
size_t fields_add_allow(const struct resource *resource, char *out, size_t size);
/* All of them and extra (may be NULL). */
void fields_make(const struct request *request, const json_t *json, const char *etag,
	const char *extra, char *out, size_t size);

#endif
