/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "endpoint/inventory.h"

#define MAX_TYPES 16
#define MAX_STATE 16
#define MAX_WHO	  96

/* ResetType of the standard (Resource_v1.xml), and what a manager's may be. */
static const char *const host_types[] = {"On", "ForceOff", "GracefulShutdown", "GracefulRestart",
	"ForceRestart", "Nmi", "ForceOn", "PushPowerButton", "PowerCycle", "Suspend", "Pause",
	"Resume", "FullPowerCycle", NULL};
static const char *const manager_types[] = {"GracefulRestart", "ForceRestart", NULL};
static const char *const power_states[] = {
	"On", "Off", "PoweringOn", "PoweringOff", "Paused", NULL};

struct target {
	const char *hook, *action;
	const char *const *known;
};

static const struct target targets[PLATFORM_TARGETS] = {
	[PLATFORM_HOST] = {"power",	    "ComputerSystem.Reset", host_types   },
	[PLATFORM_MANAGER] = {"manager-reset", "Manager.Reset",	manager_types},
};

struct platform {
	struct hooks *hooks;
	struct lclog *log;
	json_t *inventory; /* NULL: none */
	const char *types[PLATFORM_TARGETS][MAX_TYPES];
	unsigned int n_types[PLATFORM_TARGETS];
	char power[MAX_STATE];
	bool power_known; /* somebody has said something about it */
	bool asking_inventory, asking_power;
};

static const char *find_word(const char *const *list, const char *word, size_t length)
{
	for (size_t i = 0; list[i]; i++) {
		if (strlen(list[i]) == length && strncmp(list[i], word, length) == 0)
			return list[i];
	}
	return NULL;
}

/* A hook that is there and may not be used is told in the Lifecycle log, one that is not is not. */
static bool ask(struct platform *platform, const struct hook_call *call)
{
	const char *why;
	int r = hooks_check(platform->hooks, call->name, &why);

	if (r == -EPERM)
		lclog_emit(platform->log, MSG_ISM1071, call->name, why);
	return r == 0 && hooks_run(platform->hooks, call) == 0;
}

/* Power */

int platform_set_power(struct platform *platform, const char *state, const char *by)
{
	const char *known = find_word(power_states, state, strlen(state));
	bool changed = strcmp(platform->power, state) != 0;

	if (!known)
		return -EINVAL;
	platform->power_known = true;
	if (!changed)
		return 0;
	snprintf(platform->power, sizeof(platform->power), "%s", known);
	lclog_emit(platform->log, MSG_ISM1072, known, by);
	return 0;
}

static void on_power(const struct hook_result *result, void *arg)
{
	struct platform *platform = arg;
	size_t length = strcspn(result->output, " \t\r\n");
	char state[MAX_STATE];

	platform->asking_power = false;
	if (result->cancelled)
		return;
	snprintf(state, sizeof(state), "%.*s", (int)(length < MAX_STATE ? length : 0),
		result->output);
	if (result->ok && platform_set_power(platform, state, "the hook power") == 0)
		return;
	platform->power[0] = '\0';
	lclog_emit(platform->log, MSG_ISM1071, "power",
		result->ok ? "what it prints for \"state\" is no power state" : result->reason);
}

static void ask_power(struct platform *platform)
{
	struct hook_call call = {"power", {"state"}, on_power, platform};

	if (platform->asking_power)
		return;
	platform->asking_power = ask(platform, &call);
	if (platform->asking_power)
		platform->power_known = true;
}

const char *platform_get_power(const struct platform *platform)
{
	return platform->power_known ? platform->power : NULL;
}

/* What can be reset */

static void take_types(struct platform *platform, enum platform_target target, const char *text)
{
	const struct target *t = &targets[target];

	while (*text) {
		size_t length = strcspn(text, " \t\r\n");
		const char *known = find_word(t->known, text, length);

		if (known && platform->n_types[target] < MAX_TYPES)
			platform->types[target][platform->n_types[target]++] = known;
		else if (length)
			log_warning("platform", "%s: not a ResetType: %.*s", t->hook,
				(int)(length < 32 ? length : 32), text);
		text += length + (text[length] != '\0');
	}
}

static void on_types(
	struct platform *platform, enum platform_target target, const struct hook_result *result)
{
	if (result->cancelled)
		return;
	platform->n_types[target] = 0;
	if (result->ok)
		take_types(platform, target, result->output);
	if (!platform->n_types[target])
		lclog_emit(platform->log, MSG_ISM1071, targets[target].hook,
			result->ok ? "it names no ResetType" : result->reason);
}

static void on_host_types(const struct hook_result *result, void *arg)
{
	on_types(arg, PLATFORM_HOST, result);
}

static void on_manager_types(const struct hook_result *result, void *arg)
{
	on_types(arg, PLATFORM_MANAGER, result);
}

json_t *platform_get_reset_types(const struct platform *platform, enum platform_target target)
{
	json_t *array;
	const char *why;

	if (!platform->n_types[target] ||
		hooks_check(platform->hooks, targets[target].hook, &why) < 0)
		return NULL;
	array = json_array();
	for (unsigned int i = 0; i < platform->n_types[target]; i++)
		json_array_append_new(array, json_string(platform->types[target][i]));
	return array;
}

struct resetting {
	struct platform *platform;
	struct platform_reset reset; /* its texts are not looked at any more */
	char type[HOOKS_MAX_ARG], by[MAX_WHO];
};

static void on_reset(const struct hook_result *result, void *arg)
{
	struct resetting *resetting = arg;
	const struct target *t = &targets[resetting->reset.target];
	struct platform *platform = resetting->platform;

	if (result->ok)
		lclog_emit(platform->log, MSG_ISM1073, t->action, resetting->type, resetting->by);
	else
		lclog_emit(platform->log, MSG_ISM1074, t->action, resetting->type, resetting->by,
			result->reason);
	resetting->reset.done(result->reason, resetting->reset.arg);
	if (resetting->reset.target == PLATFORM_HOST)
		ask_power(platform);
	free(resetting);
}

static bool is_wanted(void *arg)
{
	struct resetting *resetting = arg;

	return resetting->reset.wanted(resetting->reset.arg);
}

int platform_reset(struct platform *platform, const struct platform_reset *reset)
{
	struct resetting *resetting = calloc(1, sizeof(*resetting));
	struct hook_call call = {targets[reset->target].hook, {"reset"}, on_reset, resetting,
		reset->wanted ? is_wanted : NULL};
	int r;

	if (!resetting)
		return -ENOMEM;
	*resetting = (struct resetting){.platform = platform, .reset = *reset};
	snprintf(resetting->type, sizeof(resetting->type), "%s", reset->type);
	snprintf(resetting->by, sizeof(resetting->by), "%s", reset->by);
	call.args[1] = resetting->type;
	r = hooks_run(platform->hooks, &call);
	if (r < 0)
		free(resetting);
	return r;
}

/* Inventory */

static void on_inventory(const struct hook_result *result, void *arg)
{
	struct platform *platform = arg;
	json_t *inventory = NULL;
	unsigned int ignored = 0;
	char why[160] = "";

	platform->asking_inventory = false;
	if (result->cancelled)
		return;
	if (!result->ok || inventory_read(result->output, result->length, &inventory, &ignored, why,
				   sizeof(why)) < 0) {
		/* The old one is better than none. */
		lclog_emit(
			platform->log, MSG_ISM1071, "inventory", result->ok ? why : result->reason);
		return;
	}
	if (ignored) {
		snprintf(why, sizeof(why), "%u of its values were ignored", ignored);
		lclog_emit(platform->log, MSG_ISM1071, "inventory", why);
	}
	json_decref(platform->inventory);
	platform->inventory = inventory;
}

void platform_ask_inventory(struct platform *platform)
{
	struct hook_call call = {"inventory", {NULL}, on_inventory, platform};

	if (!platform->asking_inventory)
		platform->asking_inventory = ask(platform, &call);
}

const json_t *platform_get(const struct platform *platform, const char *section, const char *name)
{
	return json_object_get(json_object_get(platform->inventory, section), name);
}

/* All of it */

void platform_load(struct platform *platform, const struct endpoint_settings *settings)
{
	struct hook_call host = {targets[PLATFORM_HOST].hook, {"types"}, on_host_types, platform};
	struct hook_call manager = {
		targets[PLATFORM_MANAGER].hook, {"types"}, on_manager_types, platform};

	hooks_set_folder(platform->hooks, settings->hooks, (unsigned int)settings->hook_seconds);
	platform->n_types[PLATFORM_HOST] = platform->n_types[PLATFORM_MANAGER] = 0;
	if (ask(platform, &host))
		ask_power(platform);
	ask(platform, &manager);
	platform_ask_inventory(platform);
}

int platform_new(struct event_base *base, struct lclog *log, struct platform **platform)
{
	struct platform *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	made->log = log;
	r = hooks_new(base, &made->hooks);
	if (r < 0) {
		free(made);
		return r;
	}
	*platform = made;
	return 0;
}

void platform_free(struct platform *platform)
{
	if (!platform)
		return;
	hooks_free(platform->hooks);
	json_decref(platform->inventory);
	free(platform);
}
