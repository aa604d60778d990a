/* SPDX-License-Identifier: Apache-2.0 */
/* PATCH (DSP0266, clause "PATCH (update)"): each property by itself, answered each by itself. */
#ifndef BMCLINK_ENDPOINT_PATCH_H
#define BMCLINK_ENDPOINT_PATCH_H

#include "endpoint/resource.h"

/* Apply a body to request->resource by its patchables, and answer. */
void patch_apply(struct request *request, const json_t *body);

#endif
