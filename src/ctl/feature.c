/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of the four features. None of them says "done" when nothing was done: what is
 * unavailable ends with 5 and the reason, what this version has not got with 1.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ctl/ctl.h"
#include "ctl/print.h"

static const char *feature_name(const char *verb)
{
	static const struct {
		const char *verb, *feature;
	} names[] = {
		{"access", "inband-access"},
		     {"snmp",   "snmp-get"	},
		   {"names",  "local-names"  },
		{"update", "auto-update"	}
	 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].verb, verb) == 0)
			return names[i].feature;
	return verb;
}

static enum ctl_exit show(const struct ctl *ctl, const char *name, const json_t *feature)
{
	if (!json_is_object(feature)) {
		ctl_complain("this bmclinkd does not know the feature %s", name);
		return CTL_FAILED;
	}
	if (ctl->json) {
		print_json(feature, false);
	} else {
		print_field(0, "Feature", PRINT_PLAIN, "%s", name);
		print_field(0, "Enabled", PRINT_PLAIN, "%s",
			json_is_true(json_object_get(feature, "enabled")) ? "yes" : "no");
	}
	if (!json_is_true(json_object_get(feature, "available"))) {
		ctl_complain("%s is unavailable: %s", name,
			print_string(feature, "reason", "no reason given"));
		return CTL_UNAVAILABLE;
	}
	if (json_is_false(json_object_get(feature, "built"))) {
		ctl_complain(
			"%s could be used on this link, but is not part of this version", name);
		return CTL_FAILED;
	}
	return CTL_DONE;
}

/* Reading is for everybody: the status has it all. */
enum ctl_exit ctl_run_feature_show(const struct ctl *ctl, const struct ctl_command *self)
{
	const char *name = feature_name(self->verb);
	json_t *status = NULL;
	enum ctl_exit code = ctl_ask(ctl, json_pack("{s:s}", "command", "status"), &status);

	if (code != CTL_DONE)
		return code;
	code = show(ctl, name, json_object_get(json_object_get(status, "features"), name));
	json_decref(status);
	return code;
}

enum ctl_exit ctl_run_feature(const struct ctl *ctl, const struct ctl_command *self)
{
	json_t *result = NULL;
	enum ctl_exit code = ctl_ask(ctl,
		json_pack("{s:s, s:s, s:s}", "command", "feature", "name", feature_name(self->verb),
			"action", self->action),
		&result);

	if (code != CTL_DONE)
		return code;
	print_field(0, feature_name(self->verb), PRINT_PLAIN, "%s",
		print_string(result, "text", "done"));
	json_decref(result);
	return CTL_DONE;
}
