/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/feature_switches.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/state.h"

#define FEATURES_FILE "features.json"

const struct features_name features_names[FEATURES_COUNT] = {
	[FEATURES_INBAND_ACCESS] = {"InbandAccess", "inband-access"},
	[FEATURES_SNMP_GET] = {"SnmpGet",	  "snmp-get"	    },
	[FEATURES_LOCAL_NAMES] = {"LocalNames",	"local-names"  },
	[FEATURES_AUTO_UPDATE] = {"AutoUpdate",	"auto-update"  },
};

int features_find(const char *name)
{
	for (int i = 0; i < FEATURES_COUNT; i++) {
		if (strcmp(features_names[i].name, name) == 0 ||
			strcmp(features_names[i].property, name) == 0)
			return i;
	}
	return -ENOENT;
}

int features_load(struct features *features, int state_fd)
{
	struct features loaded = {.off = {false}};
	json_t *object = NULL;
	int r = state_read_json(state_fd, FEATURES_FILE, &object);

	*features = loaded;
	if (r == -ENOENT)
		return 0;
	for (int i = 0; r == 0 && i < FEATURES_COUNT; i++) {
		const json_t *on = json_object_get(object, features_names[i].property);

		if (on && !json_is_boolean(on))
			r = -EBADMSG;
		loaded.off[i] = json_is_false(on);
	}
	json_decref(object);
	if (r < 0)
		memset(loaded.off, 1, sizeof(loaded.off));
	*features = loaded;
	return r;
}

int features_save(const struct features *features, int state_fd)
{
	json_t *object = json_pack("{s:i}", "Version", 1);
	int r = object ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < FEATURES_COUNT; i++) {
		if (json_object_set_new(object, features_names[i].property,
			    json_boolean(!features->off[i])) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		r = state_write_json(state_fd, FEATURES_FILE, object, 0600);
	json_decref(object);
	return r;
}
