/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of the four features. None of them says "done" when nothing was done: what is
 * unavailable ends with 5 and the reason.
 */
#include "ctl/feature.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ctl/access.h"
#include "ctl/print.h"

/* Its own fields of local-names. */
static void print_names(const json_t *feature)
{
	const char *names = print_string(feature, "names", NULL);
	const char *taken = print_string(feature, "taken", NULL);

	if (names)
		print_field(0, "In /etc/hosts", PRINT_PLAIN, "%s for %s", names,
			print_string(feature, "address", "?"));
	if (taken)
		print_field(0, "Left to others", PRINT_YELLOW, "%s", taken);
}

struct verb {
	const char *verb, *feature, *section;
	void (*print)(const json_t *feature);		     /* its own fields; NULL: none */
	void (*add)(const struct ctl *ctl, json_t *feature); /* what only we can tell; or NULL */
};

/* clang-format off */
static const struct verb verbs[] = {
	{"access", "inband-access", "InbandAccess", ctl_access_print, ctl_access_add},
	{"snmp", "snmp-get", "SnmpGet", ctl_print_snmp, NULL},
	{"names", "local-names", "LocalNames", print_names, NULL},
	{"update", "auto-update", "AutoUpdate", ctl_update_print, NULL},
};
/* clang-format on */

static const struct verb *find_verb(const char *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return &verbs[i];
	return NULL;
}

const char *ctl_feature_name(const char *verb)
{
	const struct verb *found = find_verb(verb);

	return found ? found->feature : verb;
}

const char *ctl_feature_section(const char *verb)
{
	const struct verb *found = find_verb(verb);

	return found ? found->section : "";
}

static const char *name_switch(const json_t *feature, const char *which)
{
	const json_t *value = json_object_get(feature, which);

	if (json_is_null(value))
		return "not known yet";
	return json_is_true(value) ? "yes" : "no";
}

static void print_feature(const struct verb *verb, const json_t *feature)
{
	print_field(0, "Feature", PRINT_PLAIN, "%s", verb->feature);
	print_field(0, "Enabled", PRINT_PLAIN, "%s",
		json_is_true(json_object_get(feature, "enabled")) ? "yes" : "no");
	if (json_object_get(feature, "enabled_by_host")) {
		print_field(1, "by the host", PRINT_PLAIN, "%s",
			name_switch(feature, "enabled_by_host"));
		print_field(
			1, "by the BMC", PRINT_PLAIN, "%s", name_switch(feature, "enabled_by_bmc"));
		print_field(0, "At work", PRINT_PLAIN, "%s",
			json_is_true(json_object_get(feature, "active")) ? "yes" : "no");
	}
	if (verb->print)
		verb->print(feature);
}

static enum ctl_exit show(const struct ctl *ctl, const struct verb *verb, const json_t *feature)
{
	const char *name = verb->feature, *trouble = print_string(feature, "trouble", NULL);

	if (!json_is_object(feature)) {
		ctl_complain("this bmclinkd does not know the feature %s", name);
		return CTL_FAILED;
	}
	if (ctl->json)
		print_json(feature, false);
	else
		print_feature(verb, feature);
	if (!json_is_true(json_object_get(feature, "available"))) {
		ctl_complain("%s is unavailable: %s", name,
			print_string(feature, "reason", "no reason given"));
		return CTL_UNAVAILABLE;
	}
	if (trouble) {
		ctl_complain("%s is not at work: %s", name, trouble);
		return CTL_UNAVAILABLE;
	}
	if (json_is_false(json_object_get(feature, "enabled_by_bmc")) &&
		json_is_true(json_object_get(feature, "enabled_by_host"))) {
		ctl_complain("%s is switched off at the BMC", name);
		return CTL_UNAVAILABLE;
	}
	return CTL_DONE;
}

/* Reading is for everybody: the status has it all. */
enum ctl_exit ctl_run_feature_show(const struct ctl *ctl, const struct ctl_command *self)
{
	const struct verb *verb = find_verb(self->verb);
	json_t *status = NULL, *feature;
	enum ctl_exit code;

	if (!verb)
		return CTL_USAGE;
	code = ctl_ask(ctl, json_pack("{s:s}", "command", "status"), &status);
	if (code != CTL_DONE)
		return code;
	feature = json_object_get(json_object_get(status, "features"), verb->feature);
	if (feature != NULL && verb->add != NULL)
		verb->add(ctl, feature);
	code = show(ctl, verb, feature);
	json_decref(status);
	return code;
}

/* enable and disable of a feature that has nothing to say beside */
enum ctl_exit ctl_run_feature_switch(const struct ctl *ctl, const struct ctl_command *self)
{
	bool on = strcmp(self->action, "enable") == 0;
	const struct ctl_feature_key key = {"enabled", on ? "on" : "off"};
	const struct ctl_feature_change change = {.feature = ctl_feature_name(self->verb),
		.section = ctl_feature_section(self->verb),
		.keys = &key,
		.n_keys = 1};

	return ctl_feature_apply(ctl, &change, on);
}
