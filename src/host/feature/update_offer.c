/* SPDX-License-Identifier: Apache-2.0 */
#include "host/feature/update_offer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "host/link/channel_resource.h"
#include "update/judge.h"

static int take_text(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text || strlen(text) >= size)
		return -EINVAL;
	strcpy(out, text);
	return 0;
}

int update_offer_parse(const json_t *member, struct update_offer *offer)
{
	const json_t *oem = json_object_get(json_object_get(member, "Oem"), "Bmclink");
	const json_t *signature = json_object_get(oem, "Signature");
	json_int_t size = json_integer_value(json_object_get(oem, "SizeBytes"));
	const char *sha256 = json_string_value(json_object_get(oem, "SHA256"));
	struct update_offer o = {.size = (uint64_t)size};

	if (take_text(member, "Id", o.id, sizeof(o.id)) < 0 ||
		package_name_parse(o.id, &o.name) < 0 || size <= 0 ||
		(uint64_t)size > UPDATE_MAX_SIZE || !sha256 ||
		text_parse_hex(sha256, o.sha256, sizeof(o.sha256)) < 0 ||
		take_text(oem, "PackageUri", o.path, sizeof(o.path)) < 0 ||
		!resource_path_is_safe(o.path))
		return -EINVAL;
	if (!json_is_null(signature) && signature &&
		take_text(oem, "Signature", o.signature, sizeof(o.signature)) < 0)
		return -EINVAL;
	*offer = o;
	return 0;
}

enum update_use update_offer_use(
	const struct update_offer *offer, const struct priv_update_info *info)
{
	if (info->family == PACKAGE_NONE || offer->name.family != info->family ||
		strcmp(offer->name.architecture, info->architecture) != 0)
		return UPDATE_USE_NONE;
	if (strcmp(offer->name.version, info->installed) == 0)
		return UPDATE_USE_BACK;
	return update_is_newer(info->family, offer->name.version, info->installed, info->floor)
		       ? UPDATE_USE_NEW
		       : UPDATE_USE_NONE;
}

const char *update_offer_find_obstacle(const struct update_offer *offer, bool has_back,
	const struct priv_update_info *info, bool encrypted)
{
	if (!encrypted)
		return "over a channel without TLS no package is fetched";
	if (!info->keys)
		return "there is no key: nothing can be installed";
	if (!offer->signature[0])
		return "the BMC has no signature of it";
	if (strcmp(info->refused, offer->name.version) == 0)
		return "it was put back once: 'bmclinkctl update install' tries it again";
	if (!has_back && strcmp(info->back, info->installed) != 0)
		return "the BMC has no package of the version that runs, hence there is no way "
		       "back: give it one, or 'bmclinkctl update install no-way-back'";
	return NULL;
}
