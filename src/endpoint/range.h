/* SPDX-License-Identifier: Apache-2.0 */
/* A Range field (RFC 9110, clause 14): one range of bytes. Pure. */
#ifndef BMCLINK_ENDPOINT_RANGE_H
#define BMCLINK_ENDPOINT_RANGE_H

#include <stdint.h>

struct range {
	uint64_t first, length;
};

/*
 * Of a field (NULL: none was sent) about size bytes: 206 with the range that is wanted, 416 when
 * none of it is there, or 200: all of it, as for a field that is not understood or has several
 * ranges (the RFC lets a server ignore it).
 */
int range_parse(const char *field, uint64_t size, struct range *range);

#endif
