/* SPDX-License-Identifier: Apache-2.0 */
/* What Redfish resources say (DSP0266); pure. Outputs are untouched where they do not say it. */
#ifndef BMCLINK_HOST_CHANNEL_RESOURCE_H
#define BMCLINK_HOST_CHANNEL_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

bool resource_is_service_root(const json_t *root);
/* A path of this service: absolute, printable, bounded; -ENOENT or -EINVAL. */
int resource_get_link(const json_t *object, const char *member, char *path, size_t size);
/*
 * Where a redirect leads, when we follow it: to the same resource with or without the slash at its
 * end, by a path or at the same authority ("host:port") over the same scheme. -EPERM: elsewhere.
 */
int resource_get_redirect(const char *location, const char *scheme, const char *authority,
	const char *path, char *out, size_t size);
/* A Location header's path; what stands before it (scheme and authority) is not used. */
int resource_get_location(const char *location, char *path, size_t size);
int resource_get_first_member(const json_t *collection, char *path, size_t size);
bool resource_path_is_safe(const char *path);
void resource_copy_text(const json_t *object, const char *member, char *out, size_t size);

#endif
