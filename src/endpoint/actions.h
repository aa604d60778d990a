/* SPDX-License-Identifier: Apache-2.0 */
/* What all actions have in common. */
#ifndef BMCLINK_ENDPOINT_ACTIONS_H
#define BMCLINK_ENDPOINT_ACTIONS_H

#include "endpoint/platform.h"
#include "endpoint/resource.h"

/* False, and answered with 400, when the body has a parameter that is not known (NULL ends). */
bool actions_check_parameters(
	struct request *request, const json_t *body, const char *action, const char *const *known);

/* Actions with one reset, {name: {"target", "ResetType@Redfish.AllowableValues"}}, or {}. New
 * reference. */
json_t *actions_make_reset(
	const struct request *request, enum platform_target target, const char *name);

#endif
