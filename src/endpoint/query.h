/* SPDX-License-Identifier: Apache-2.0 */
/* Query parameters (DSP0266, clause "Query parameters"): $top and $skip of collections. */
#ifndef BMCLINK_ENDPOINT_QUERY_H
#define BMCLINK_ENDPOINT_QUERY_H

#include "endpoint/resource.h"

/* Fills request->top and skip. False: the request was answered with an error. */
bool query_parse(struct request *request);

#endif
