/* SPDX-License-Identifier: Apache-2.0 */
/* auto-update's own fields of `bmclinkctl status`: what the BMC has, what is on its way, and how
 * the last update ended. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "host/feature/auto_update.h"

static const char *const phase_names[AUTO_UPDATE_N_PHASES] = {
	"idle", "looking", "looking", "fetching", "verifying", "installing"};

const char *update_phase_name(enum auto_update_phase phase)
{
	return phase_names[phase];
}

static json_t *make_text(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *make_time(int64_t when)
{
	char text[CLOCK_TEXT] = "";

	if (when > 0)
		clock_format((time_t)when, text);
	return make_text(text);
}

static json_t *make_last(const struct priv_update_info *info)
{
	if (info->step == UPDATE_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "step", update_step_name(info->step),
		"version", make_text(info->version), "from", make_text(info->from), "why",
		make_text(info->why), "at", make_time(info->at));
}

void update_status_add(const struct feature_context *context, json_t *status)
{
	static const char *const modes[] = {"off", "notify", "install"};
	const struct auto_update *au = context->data;
	const struct priv_update_info *info = &au->info;

	json_object_set_new(status, "mode", json_string(modes[context->settings->auto_update]));
	json_object_set_new(status, "phase", json_string(update_phase_name(au->phase)));
	json_object_set_new(status, "installed", make_text(info->installed));
	json_object_set_new(status, "newer", make_text(au->has_new ? au->new.name.version : ""));
	json_object_set_new(status, "looked_at", make_time(au->looked_at));
	json_object_set_new(status, "problem", make_text(au->problem));
	json_object_set_new(status, "keys", json_integer(info->keys));
	json_object_set_new(status, "way_back",
		json_boolean(info->installed[0] &&
			     (au->has_back || strcmp(info->back, info->installed) == 0)));
	json_object_set_new(status, "fetched",
		au->fetched ? json_pack("{s:s, s:I, s:I}", "id", au->fetched->id, "bytes",
				      (json_int_t)au->offset, "of", (json_int_t)au->fetched->size)
			    : json_null());
	json_object_set_new(status, "last", make_last(info));
}
