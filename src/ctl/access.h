/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclinkctl access`: what it has beside the other features. */
#ifndef BMCLINK_CTL_ACCESS_H
#define BMCLINK_CTL_ACCESS_H

#include <jansson.h>

#include "ctl/ctl.h"

/* "firewall": {"port": "open", "closed" or "unknown", "text"} is added to the feature's status. */
void ctl_access_add(const struct ctl *ctl, json_t *feature);
void ctl_access_print(const json_t *feature);

#endif
