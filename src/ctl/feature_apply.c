/* SPDX-License-Identifier: Apache-2.0 */
/* After the host's switch was written: bmclinkd reads it, and what became of it is said. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "ctl/feature.h"
#include "ctl/print.h"

#define LOOK_MS	  100
#define LOOKS_MAX 150 /* a feature takes its time to come up: a process, a service that reloads */

enum outcome { OUTCOME_AGAIN, OUTCOME_REACHED, OUTCOME_NOT };

static bool is_true(const json_t *feature, const char *name)
{
	return json_is_true(json_object_get(feature, name));
}

static enum outcome look_on(const json_t *feature)
{
	if (is_true(feature, "active"))
		return OUTCOME_REACHED;
	/* null: the BMC is being asked at this moment */
	if (is_true(feature, "available") &&
		json_is_null(json_object_get(feature, "enabled_by_bmc")))
		return OUTCOME_AGAIN;
	return print_string(feature, "reason", NULL) != NULL ? OUTCOME_NOT : OUTCOME_AGAIN;
}

static enum outcome look_off(const json_t *feature)
{
	if (is_true(feature, "active"))
		return OUTCOME_AGAIN;
	return print_string(feature, "trouble", NULL) != NULL ? OUTCOME_NOT : OUTCOME_REACHED;
}

static enum ctl_exit say(const char *name, const json_t *feature, bool on, enum outcome outcome)
{
	const char *reason = print_string(feature, "reason", "no reason given");

	if (outcome == OUTCOME_REACHED) {
		print_field(0, name, PRINT_PLAIN, "%s", on ? "on" : "off");
		return CTL_DONE;
	}
	if (outcome == OUTCOME_AGAIN)
		ctl_complain(
			"%s is switched %s on this host, but bmclinkd is not done with it; see "
			"'bmclinkctl status'",
			name, on ? "on" : "off");
	else if (on)
		ctl_complain("%s is switched on on this host, but not at work: %s", name, reason);
	else
		ctl_complain("%s is switched off on this host, but something of it is left: %s",
			name, reason);
	return outcome == OUTCOME_NOT && on ? CTL_UNAVAILABLE : CTL_FAILED;
}

static enum ctl_exit wait_for_status(const struct ctl *ctl, const char *name, bool on)
{
	const struct timespec pause = {0, LOOK_MS * 1000000L};
	enum outcome outcome = OUTCOME_AGAIN;
	json_t *status = NULL;
	enum ctl_exit code;

	for (unsigned int i = 0; i < LOOKS_MAX && outcome == OUTCOME_AGAIN; i++) {
		const json_t *feature;

		if (i > 0)
			nanosleep(&pause, NULL);
		json_decref(status);
		status = NULL;
		code = ctl_ask(ctl, json_pack("{s:s}", "command", "status"), &status);
		if (code != CTL_DONE)
			return code;
		feature = json_object_get(json_object_get(status, "features"), name);
		outcome = on ? look_on(feature) : look_off(feature);
	}
	code = say(name, json_object_get(json_object_get(status, "features"), name), on, outcome);
	json_decref(status);
	return code;
}

enum ctl_exit ctl_feature_apply(
	const struct ctl *ctl, const struct ctl_feature_change *change, bool on)
{
	enum ctl_exit code = ctl_feature_write(ctl, change);
	json_t *result = NULL;

	if (code != CTL_DONE)
		return code;
	if (!ctl_daemon_runs(ctl)) {
		ctl_complain("%s is switched %s on this host; bmclinkd is not running and takes it "
			     "over when it starts",
			change->feature, on ? "on" : "off");
		return CTL_NO_DAEMON;
	}
	code = ctl_ask(ctl, json_pack("{s:s}", "command", "reload"), &result);
	json_decref(result);
	if (code == CTL_DONE)
		return wait_for_status(ctl, change->feature, on);
	ctl_complain("%s is switched %s in the configuration, which bmclinkd has not taken over",
		change->feature, on ? "on" : "off");
	return code;
}
