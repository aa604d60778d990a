/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discovery without the daemon: what `bmclinkctl discover` does by itself when bmclinkd does not
 * run. Reads SMBIOS (root only), sysfs and udev's marks, and makes the plan that the agent would
 * make. Changes nothing.
 */
#ifndef BMCLINK_HOST_DISCOVER_H
#define BMCLINK_HOST_DISCOVER_H

#include <jansson.h>

#include "host/monitor/facts.h"
#include "host/settings.h"

/*
 * plan_to_json()'s object, and "smbios": {"read" (bool), "source" ("entries", "table" or null),
 * "error" (a sentence, or null), "malformed" (count)}. New reference; NULL only without memory.
 */
json_t *discover_run(const struct facts_roots *roots, const struct settings *settings);

#endif
