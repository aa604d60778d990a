/* SPDX-License-Identifier: Apache-2.0 */
/* What Redfish resources say (DSP0266). Pure; everything here was written by the other end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

/* What stands behind "scheme://authority"; a path as it is. NULL: neither. */
static const char *skip_authority(const char *location)
{
	const char *at;

	if (location[0] == '/' && location[1] != '/')
		return location;
	at = strstr(location, "://");
	return at ? strchr(at + 3, '/') : NULL;
}

int resource_get_location(const char *location, char *path, size_t size)
{
	const char *at = skip_authority(location);

	if (!at)
		return -ENOENT;
	if (!resource_path_is_safe(at) || strlen(at) >= size)
		return -EINVAL;
	snprintf(path, size, "%s", at);
	return 0;
}

/* "https://HOST:PORT", where the scheme's own port need not be said. */
static bool is_here(const char *location, const char *scheme, const char *authority)
{
	size_t n = strlen(scheme), host = strlen(authority);
	const char *port = strrchr(authority, ':');

	if (location[0] == '/')
		return true;
	if (strncasecmp(location, scheme, n) != 0 || strncmp(location + n, "://", 3) != 0)
		return false;
	location += n + 3;
	if (strncasecmp(location, authority, host) == 0 && location[host] == '/')
		return true;
	if (!port || strcmp(port, strcmp(scheme, "https") == 0 ? ":443" : ":80") != 0)
		return false;
	host = (size_t)(port - authority);
	return strncasecmp(location, authority, host) == 0 && location[host] == '/';
}

static size_t length_without_slash(const char *path)
{
	size_t length = strlen(path);

	return length > 1 && path[length - 1] == '/' ? length - 1 : length;
}

int resource_get_redirect(const char *location, const char *scheme, const char *authority,
	const char *path, char *out, size_t size)
{
	const char *at = skip_authority(location);
	size_t length = length_without_slash(path);

	if (!at || !is_here(location, scheme, authority))
		return -EPERM;
	if (length_without_slash(at) != length || strncmp(at, path, length) != 0 ||
		strcmp(at, path) == 0)
		return -EPERM;
	return resource_get_location(at, out, size);
}

void channel_read_announcement(const json_t *manager, struct channel_announcement *announcement)
{
	const json_t *oem = json_object_get(json_object_get(manager, "Oem"), "Bmclink");
	const json_t *actions = json_object_get(json_object_get(manager, "Actions"), "Oem");
	const char *hex = json_string_value(json_object_get(oem, "NextCertificateFingerprint"));

	*announcement = (struct channel_announcement){0};
	if (!hex || text_parse_hex(hex, announcement->fingerprint, CERT_FINGERPRINT_SIZE) < 0)
		return;
	announcement->announced = true;
	copy_path(
		json_object_get(json_object_get(actions, "#BmclinkManager.AcknowledgeCertificate"),
			"target"),
		announcement->acknowledge, sizeof(announcement->acknowledge));
}

void resource_copy_text(const json_t *object, const char *member, char *out, size_t size)
{
	const json_t *value = json_object_get(object, member);

	if (json_is_string(value))
		text_make_printable(json_string_value(value), json_string_length(value), out, size);
}
