/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The features' one place: what they stand on is collected here, their rule (feature.h) is asked,
 * and their work is told when something of it has changed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/agent_private.h"

#define MODULE "feature"

static struct feature_state get_state(const struct agent *agent, size_t i)
{
	struct feature_state state;

	feature_get_state(&features[i], &agent->settings, &agent->ladder,
		agent->features.switches.is[i], &state);
	return state;
}

/* --- what they stand on --- */

static void fill_ipv4(const struct agent *agent, struct feature_link *link)
{
	struct readiness_input input;

	agent_nic_get_input(agent, &input);
	if (input.nic == NULL)
		return;
	link->ifindex = agent->nic.claimed;
	link->port = agent->nic.plan.port;
	memcpy(link->interface, agent->nic.plan.nic.name, sizeof(link->interface));
	readiness_get_used_ipv4(&input, &link->host_ipv4, &link->bmc_ipv4);
}

/* True: it differs from what the features were told last. */
static bool look_at_link(struct agent *agent)
{
	struct feature_link link;

	memset(&link, 0, sizeof(link)); /* also what lies between the members: it is compared */
	fill_ipv4(agent, &link);
	link.protocol = ladder_get_protocol(&agent->ladder);
	if (agent->current.channel != NULL) {
		const struct channel_info *info = channel_get_info(agent->current.channel);

		link.channel = agent->current.channel;
		link.encrypted = info->encrypted;
		link.ours = info->ours;
		link.auth_none = agent->features.switches.auth_none;
	}
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): made from zeros */
	if (memcmp(&link, &agent->features.link, sizeof(link)) == 0)
		return false;
	memcpy(&agent->features.link, &link, sizeof(link));
	return true;
}

/* --- what people are told --- */

static void report(struct agent *agent, size_t i, const struct feature_state *state)
{
	struct agent_feature *feature = &agent->features.all[i];
	bool unavailable_before = !feature->available;

	feature->available = state->available;
	if (unavailable_before != state->available || !state->by_host)
		return; /* nobody waits for it; `status` says it all the same */
	if (state->available)
		event_emit_flapping(agent->events, MSG_ISM1013, features[i].name);
	else
		event_emit_flapping(agent->events, MSG_ISM1012, features[i].name, state->reason);
}

static void report_switch(struct agent *agent, size_t i, enum feature_switch was)
{
	enum feature_switch is = agent->features.switches.is[i];
	struct agent_feature *feature = &agent->features.all[i];

	if (is == FEATURE_SWITCH_UNREAD || (is == FEATURE_SWITCH_OFF) == feature->said_off)
		return;
	feature->said_off = is == FEATURE_SWITCH_OFF;
	log_info(MODULE, "%s: %s at the BMC", features[i].name,
		feature->said_off ? "switched off" : "switched on");
	if (features[i].is_enabled(&agent->settings))
		event_emit(agent->events, feature->said_off ? MSG_ISM1200 : MSG_ISM1201,
			features[i].name);
}

/* --- their work --- */

static void run_one(struct agent *agent, size_t i, bool changed)
{
	struct agent_feature *feature = &agent->features.all[i];
	const struct feature_work *work = feature_works[i];
	struct feature_state state = get_state(agent, i);
	bool same = feature->told && state.on == feature->on && state.stop == feature->stop;

	report(agent, i, &state);
	if (same && !(state.on && changed))
		return;
	log_debug(MODULE, "%s: %s", features[i].name, state.on ? "on" : state.reason);
	feature->told = true;
	feature->on = state.on;
	feature->stop = state.stop;
	if (state.on) {
		work->apply(&feature->context);
		return;
	}
	feature->context.active = false;
	feature->context.trouble[0] = '\0';
	work->stop(&feature->context, state.stop);
}

void agent_features_run(struct agent *agent)
{
	struct agent_features *all = &agent->features;
	bool changed;

	if (agent->stopping)
		return;
	changed = look_at_link(agent);
	changed |= all->new_settings;
	all->new_settings = false;
	for (size_t i = 0; i < FEATURES; i++)
		run_one(agent, i, changed);
}

void agent_features_reloaded(struct agent *agent)
{
	agent->features.new_settings = true;
	agent_features_run(agent);
}

void agent_features_take_switches(struct agent *agent, const struct agent_switches *switches)
{
	struct agent_switches was = agent->features.switches;

	agent->features.switches = *switches;
	for (size_t i = 0; i < FEATURES; i++)
		report_switch(agent, i, was.is[i]);
	agent_features_run(agent);
	control_publish_status(agent->control);
}

void agent_features_pushed(struct agent *agent, const json_t *payload)
{
	agent_switches_pushed(agent, payload);
	for (size_t i = 0; i < FEATURES; i++) {
		struct agent_feature *feature = &agent->features.all[i];

		if (feature->on && feature_works[i]->pushed != NULL)
			feature_works[i]->pushed(&feature->context, payload);
	}
}

void agent_features_noticed(struct agent *agent, enum feature_number number)
{
	struct agent_feature *feature = &agent->features.all[number];
	const struct feature_work *work = feature_works[number];

	if (feature->on && work != NULL && work->noticed != NULL)
		work->noticed(&feature->context);
}

/* --- what their work says --- */

static struct agent *get_agent(struct feature_context *context)
{
	return context->owner;
}

void feature_set_active(struct feature_context *context)
{
	if (context->active && context->trouble[0] == '\0')
		return;
	context->active = true;
	context->trouble[0] = '\0';
	feature_publish(context);
}

void feature_set_trouble(struct feature_context *context, const char *format, ...)
{
	va_list args;

	context->active = false;
	va_start(args, format);
	vsnprintf(context->trouble, sizeof(context->trouble), format, args);
	va_end(args);
	feature_publish(context);
}

void feature_publish(struct feature_context *context)
{
	control_publish_status(get_agent(context)->control);
}

/* --- status and commands --- */

static json_t *make_status(const struct agent *agent, size_t i)
{
	const struct agent_feature *feature = &agent->features.all[i];
	const struct feature_context *context = &feature->context;
	struct feature_state state = get_state(agent, i);
	const char *trouble = context->trouble[0] != '\0' ? context->trouble : NULL;
	const char *reason = trouble != NULL ? trouble : state.reason;
	bool unread = agent->features.switches.is[i] == FEATURE_SWITCH_UNREAD;
	json_t *status = json_pack("{s:b, s:b, s:o, s:b, s:b, s:s?, s:s?}", "enabled",
		state.by_host && state.by_bmc, "enabled_by_host", state.by_host, "enabled_by_bmc",
		unread ? json_null() : json_boolean(state.by_bmc), "available", state.available,
		"active", context->active, "reason", reason, "trouble", trouble);

	if (feature_works[i]->add_status != NULL)
		feature_works[i]->add_status(context, status);
	return status;
}

json_t *agent_features_get_status(const struct agent *agent)
{
	json_t *object = json_object();

	for (size_t i = 0; i < FEATURES; i++)
		json_object_set_new(object, features[i].name, make_status(agent, i));
	return object;
}

static enum control_exit refuse(const struct feature *feature, const char *reason, char *error)
{
	snprintf(error, CONTROL_MAX_ERROR, "%s is unavailable: %s", feature->name, reason);
	return CONTROL_UNAVAILABLE;
}

enum control_exit agent_features_command(
	const json_t *request, json_t **result, char *error, void *arg)
{
	struct agent *agent = arg;
	const char *name = json_string_value(json_object_get(request, "name"));
	const char *action = json_string_value(json_object_get(request, "action"));
	const struct feature *feature = name != NULL ? feature_find(name) : NULL;
	const struct feature_work *work;
	struct feature_state state;
	size_t i;

	if (feature == NULL || action == NULL) {
		snprintf(error, CONTROL_MAX_ERROR, "there is no such feature, or no action");
		return CONTROL_USAGE;
	}
	i = (size_t)(feature - features);
	work = feature_works[i];
	if (strcmp(action, "status") == 0) {
		*result = make_status(agent, i);
		json_object_set_new(*result, "name", json_string(name));
		return CONTROL_DONE;
	}
	state = get_state(agent, i);
	if (!state.on && !work->run_always)
		return refuse(feature, state.reason, error);
	if (work->run != NULL)
		return work->run(&agent->features.all[i].context, action, request, result, error);
	snprintf(error, CONTROL_MAX_ERROR, "%s cannot do that: nothing was done", name);
	return CONTROL_USAGE;
}

/* --- life --- */

int agent_features_start(struct agent *agent)
{
	int r = agent_switches_start(agent);

	for (size_t i = 0; i < FEATURES && r == 0; i++) {
		struct feature_context *context = &agent->features.all[i].context;

		*context = (struct feature_context){.feature = &features[i],
			.base = agent->base,
			.events = agent->events,
			.priv = agent->priv,
			.control = agent->control,
			.settings = &agent->settings,
			.link = &agent->features.link,
			.state_fd = agent->environment->state_fd,
			.version = agent->environment->version,
			.owner = agent};
		if (feature_works[i]->start != NULL)
			r = feature_works[i]->start(context);
	}
	return r;
}

void agent_features_end(struct agent *agent)
{
	for (size_t i = 0; i < FEATURES; i++) {
		struct agent_feature *feature = &agent->features.all[i];

		if (feature->told)
			feature_works[i]->stop(&feature->context, FEATURE_STOP_END);
		feature->told = feature->on = false;
	}
}

void agent_features_free(struct agent *agent)
{
	for (size_t i = 0; i < FEATURES; i++) {
		struct feature_context *context = &agent->features.all[i].context;

		/* owner: start() was not reached where it is NULL */
		if (context->owner != NULL && feature_works[i]->free != NULL)
			feature_works[i]->free(context);
	}
	agent_switches_free(agent);
}
