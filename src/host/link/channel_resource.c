/* SPDX-License-Identifier: Apache-2.0 */
/* What Redfish resources say (DSP0266). Pure; everything here was written by the other end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "host/link/channel_internal.h"

/* Stock services leave out one or the other; one of the two must be there. */
bool resource_is_service_root(const json_t *root)
{
	const char *type = json_string_value(json_object_get(root, "@odata.type"));

	if (json_is_string(json_object_get(root, "RedfishVersion")))
		return true;
	return type && strncmp(type, "#ServiceRoot.", strlen("#ServiceRoot.")) == 0;
}

/* A path goes into a request line: nothing may be in it that ends or splits one. */
bool resource_path_is_safe(const char *path)
{
	size_t length = strlen(path);

	if (length == 0 || length >= CHANNEL_MAX_PATH || path[0] != '/' || path[1] == '/')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (path[i] <= ' ' || path[i] > '~' || strchr("\\#\"<>", path[i]))
			return false;
	}
	return true;
}

static int copy_path(const json_t *value, char *path, size_t size)
{
	const char *text = json_string_value(value);

	if (!text)
		return -ENOENT;
	if (!resource_path_is_safe(text) || strlen(text) >= size)
		return -EINVAL;
	snprintf(path, size, "%s", text);
	return 0;
}

int resource_get_link(const json_t *object, const char *member, char *path, size_t size)
{
	const json_t *link = json_object_get(object, member);

	/* ServerSentEventUri is a bare string, references are objects. */
	if (json_is_string(link))
		return copy_path(link, path, size);
	return copy_path(json_object_get(link, "@odata.id"), path, size);
}

int resource_get_first_member(const json_t *collection, char *path, size_t size)
{
	const json_t *member = json_array_get(json_object_get(collection, "Members"), 0);

	return copy_path(json_object_get(member, "@odata.id"), path, size);
}

void resource_copy_text(const json_t *object, const char *member, char *out, size_t size)
{
	const json_t *value = json_object_get(object, member);

	if (json_is_string(value))
		text_make_printable(json_string_value(value), json_string_length(value), out, size);
}
