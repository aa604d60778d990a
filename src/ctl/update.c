/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclinkctl update ...`. The administrator's consent to a version is a file of root's, which the
 * monitor reads: the worker, which talks to the BMC, cannot give it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/feature.h"
#include "ctl/print.h"
#include "update/consent.h"

#define FEATURE	    "auto-update"
#define NO_WAY_BACK "no-way-back"

static void print_last(const json_t *last)
{
	char time[32];

	print_field(0, "Last update", PRINT_PLAIN, "%s -> %s: %s", print_string(last, "from", "?"),
		print_string(last, "version", "?"), print_string(last, "step", "?"));
	print_field(1, "at", PRINT_PLAIN, "%s",
		print_time(print_string(last, "at", "?"), time, sizeof(time)));
	if (print_string(last, "why", NULL))
		print_field(1, "why", PRINT_YELLOW, "%s", print_string(last, "why", ""));
}

static void print_state(const json_t *state)
{
	const json_t *fetched = json_object_get(state, "fetched");
	const json_t *last = json_object_get(state, "last");

	print_field(0, "Installed", PRINT_PLAIN, "%s", print_string(state, "installed", "?"));
	print_field(0, "Newer", PRINT_PLAIN, "%s", print_string(state, "newer", "none"));
	if (print_string(state, "problem", NULL))
		print_field(0, "Problem", PRINT_YELLOW, "%s", print_string(state, "problem", ""));
	if (json_is_object(fetched))
		print_field(0, "Fetching", PRINT_PLAIN, "%s, %lld of %lld bytes",
			print_string(fetched, "id", "?"),
			(long long)json_integer_value(json_object_get(fetched, "bytes")),
			(long long)json_integer_value(json_object_get(fetched, "of")));
	if (json_is_object(last))
		print_last(last);
}

void ctl_update_print(const json_t *feature)
{
	char time[32];

	print_field(0, "Mode", PRINT_PLAIN, "%s", print_string(feature, "mode", "?"));
	print_field(0, "Phase", PRINT_PLAIN, "%s", print_string(feature, "phase", "?"));
	print_state(feature);
	print_field(0, "Looked at", PRINT_PLAIN, "%s",
		print_time(print_string(feature, "looked_at", "never"), time, sizeof(time)));
	if (json_integer_value(json_object_get(feature, "keys")) == 0)
		print_field(0, "Keys", PRINT_YELLOW, "there is no key: nothing can be installed");
	else
		print_field(0, "Keys", PRINT_PLAIN, "%lld",
			(long long)json_integer_value(json_object_get(feature, "keys")));
	print_field(0, "Way back", PRINT_PLAIN, "%s",
		json_is_true(json_object_get(feature, "way_back"))
			? "the package of the version that runs is at hand, or the BMC has it"
			: "none: nobody has the package of the version that runs");
}

static enum ctl_exit ask(const struct ctl *ctl, json_t *request, json_t **result)
{
	struct ctl slow = *ctl;

	slow.asks_bmc = true;
	return ctl_ask(&slow, request, result);
}

static enum ctl_exit check(const struct ctl *ctl, json_t **result)
{
	return ask(ctl,
		json_pack("{s:s, s:s, s:s}", "command", "feature", "name", FEATURE, "action",
			"check"),
		result);
}

enum ctl_exit ctl_run_update_check(const struct ctl *ctl, const struct ctl_command *self)
{
	json_t *result = NULL;
	enum ctl_exit code = check(ctl, &result);

	if (code == CTL_DONE)
		print_state(result);
	json_decref(result);
	return code;
}

static enum ctl_exit consent(const struct ctl *ctl, const char *version, bool no_way_back)
{
	_cleanup_close_ int dir_fd = open(ctl->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir_fd < 0 ? -errno : update_consent_give(dir_fd, version, no_way_back);

	if (r == 0)
		return CTL_DONE;
	if (r == -EINVAL)
		ctl_complain("bmclinkd calls '%s' the newer version, which is none", version);
	else
		ctl_complain("%s/" UPDATE_CONSENT ": %s", ctl->runtime_dir, strerror(-r));
	return CTL_FAILED;
}

static enum ctl_exit install(const struct ctl *ctl, const char *version, bool no_way_back)
{
	json_t *result = NULL;
	enum ctl_exit code = consent(ctl, version, no_way_back);

	if (code != CTL_DONE)
		return code;
	code = ask(ctl,
		json_pack("{s:s, s:s, s:s, s:s, s:b}", "command", "feature", "name", FEATURE,
			"action", "install", "version", version, "no_way_back", no_way_back),
		&result);
	json_decref(result);
	if (code != CTL_DONE) {
		char path[512];

		/* A connection that was lost goes on by itself; then the consent is still wanted.
		 */
		if (code == CTL_USAGE || code == CTL_UNAVAILABLE) {
			snprintf(path, sizeof(path), "%s/" UPDATE_CONSENT, ctl->runtime_dir);
			unlink(path);
		}
		return code;
	}
	print_field(0, FEATURE, PRINT_PLAIN,
		"version %s is verified and being installed; 'bmclinkctl update' tells how it ends",
		version);
	return CTL_DONE;
}

enum ctl_exit ctl_run_update_install(const struct ctl *ctl, const struct ctl_command *self)
{
	bool no_way_back = ctl->argument && strcmp(ctl->argument, NO_WAY_BACK) == 0;
	const char *version;
	json_t *result = NULL;
	enum ctl_exit code;

	if (ctl->argument && !no_way_back) {
		ctl_complain("expected '" NO_WAY_BACK "' or nothing behind 'update install'");
		return CTL_USAGE;
	}
	code = check(ctl, &result);
	if (code != CTL_DONE)
		return code;
	version = json_string_value(json_object_get(result, "newer"));
	if (!version) {
		ctl_complain("the BMC has no newer version than %s",
			print_string(result, "installed", "?"));
		code = CTL_FAILED;
	} else {
		code = install(ctl, version, no_way_back);
	}
	json_decref(result);
	return code;
}

enum ctl_exit ctl_run_update_mode(const struct ctl *ctl, const struct ctl_command *self)
{
	const struct ctl_feature_key key = {"mode", ctl->argument};
	const struct ctl_feature_change change = {
		.feature = FEATURE, .section = "AutoUpdate", .keys = &key, .n_keys = 1};

	return ctl_feature_apply(ctl, &change, strcmp(ctl->argument, "off") != 0);
}
