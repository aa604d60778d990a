/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The features' switches at the BMC: read when a connection stands and when the BMC says that they
 * have changed. The manager's resource leads to them (Oem.Bmclink.ServiceModule); a BMC without
 * that has no switches, and the host's count. Beside them: whether the BMC lets in without a
 * credential who comes from the host (DSP0270: AuthNone of its host interface).
 *
 * What the BMC answers can only switch off. While the answer is not there, or is not understood, a
 * feature stays off.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/agent_private.h"

#define MODULE	     "feature"
#define RETRY_MS     1000
#define MAX_RETRY_MS 60000
/* Steps of one reading: each is one request */
enum step { STEP_MANAGER, STEP_SWITCHES, STEP_INTERFACES, STEP_INTERFACE };

static void ask(struct agent *agent, enum step step, const char *path);

static void set_all(struct agent_switches *switches, enum feature_switch to)
{
	for (size_t i = 0; i < FEATURES; i++)
		switches->is[i] = to;
}

/* What is known stays until something else is: a push may be followed by a failure. */
static void try_again(struct agent *agent)
{
	struct agent_reading *reading = &agent->features.reading;

	reading->wait_ms = reading->wait_ms == 0 ? RETRY_MS : reading->wait_ms * 2;
	if (reading->wait_ms > MAX_RETRY_MS)
		reading->wait_ms = MAX_RETRY_MS;
	reading->active = false;
	clock_set_timer(reading->timer, reading->wait_ms);
}

static void fail(struct agent *agent, const char *what)
{
	try_again(agent);
	log_warning(MODULE, "the BMC's switches of the features cannot be read: %s; again in %u ms",
		what, agent->features.reading.wait_ms);
}

static void finish(struct agent *agent)
{
	struct agent_reading *reading = &agent->features.reading;

	reading->active = false;
	reading->wait_ms = 0;
	agent_features_take_switches(agent, &reading->found);
	if (reading->again) {
		reading->again = false;
		clock_set_timer(reading->timer, 0);
	}
}

static const char *get_link(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(json_object_get(object, name), "@odata.id"));
}

/* A switch that is not there, or is no boolean, is one that this BMC does not have. */
static void read_switches(const json_t *body, struct agent_switches *found)
{
	for (size_t i = 0; i < FEATURES; i++) {
		const json_t *enabled =
			json_object_get(json_object_get(body, features[i].bmc_name), "Enabled");

		found->is[i] = json_is_false(enabled) ? FEATURE_SWITCH_OFF : FEATURE_SWITCH_ON;
	}
}

static void read_auth_none(const json_t *body, struct agent_switches *found)
{
	const json_t *modes = json_object_get(body, "AuthenticationModes");

	if (!json_is_array(modes))
		return;
	found->auth_none = FEATURE_AUTH_NONE_NO;
	for (size_t i = 0; i < json_array_size(modes); i++) {
		const char *mode = json_string_value(json_array_get(modes, i));

		if (mode != NULL && strcmp(mode, "AuthNone") == 0)
			found->auth_none = FEATURE_AUTH_NONE_GRANTED;
	}
}

/* --- one reading, step by step --- */

static void next_is_interfaces(struct agent *agent)
{
	struct agent_reading *reading = &agent->features.reading;

	if (reading->interfaces[0] == '\0')
		finish(agent);
	else
		ask(agent, STEP_INTERFACES, reading->interfaces);
}

static void take_manager(struct agent *agent, int status, const json_t *body)
{
	struct agent_reading *reading = &agent->features.reading;
	const json_t *oem = json_object_get(json_object_get(body, "Oem"), "Bmclink");
	const char *switches = get_link(oem, "ServiceModule");
	const char *interfaces = get_link(body, "HostInterfaces");

	if (status != 200 || !json_is_object(body)) {
		fail(agent, "its manager does not answer as it should");
		return;
	}
	if (interfaces != NULL && strlen(interfaces) < sizeof(reading->interfaces))
		memcpy(reading->interfaces, interfaces, strlen(interfaces) + 1);
	if (switches != NULL) {
		ask(agent, STEP_SWITCHES, switches);
		return;
	}
	set_all(&reading->found, FEATURE_SWITCH_ON);
	next_is_interfaces(agent);
}

static void take_switches(struct agent *agent, int status, const json_t *body)
{
	if (status != 200 || !json_is_object(body)) {
		fail(agent, "the resource does not answer as it should");
		return;
	}
	read_switches(body, &agent->features.reading.found);
	next_is_interfaces(agent);
}

/* This part is only asked for what the BMC itself says: where it says nothing, nothing is known. */
static void take_interfaces(struct agent *agent, int status, const json_t *body)
{
	const json_t *first = json_array_get(json_object_get(body, "Members"), 0);
	const char *path = json_string_value(json_object_get(first, "@odata.id"));

	if (status == 200 && path != NULL)
		ask(agent, STEP_INTERFACE, path);
	else
		finish(agent);
}

static void on_answer(int status, const json_t *body, void *arg)
{
	struct agent *agent = arg;
	struct agent_reading *reading = &agent->features.reading;

	if (!reading->active)
		return;
	/* The connection ended, and the next one asks anew; or the answer had no end, or too long a
	 * one. */
	if (status == 0 || agent->current.channel == NULL) {
		try_again(agent);
		return;
	}
	switch ((enum step)reading->step) {
	case STEP_MANAGER:
		take_manager(agent, status, body);
		break;
	case STEP_SWITCHES:
		take_switches(agent, status, body);
		break;
	case STEP_INTERFACES:
		take_interfaces(agent, status, body);
		break;
	case STEP_INTERFACE:
		if (status == 200)
			read_auth_none(body, &reading->found);
		finish(agent);
		break;
	}
}

static void ask(struct agent *agent, enum step step, const char *path)
{
	struct agent_reading *reading = &agent->features.reading;
	int r;

	reading->step = (int)step;
	r = channel_request(agent->current.channel, "GET", path, NULL, on_answer, agent);
	if (r == 0)
		return;
	if (step == STEP_INTERFACES || step == STEP_INTERFACE)
		finish(agent);
	else
		fail(agent, strerror(-r));
}

static void start_reading(struct agent *agent)
{
	struct agent_reading *reading = &agent->features.reading;

	if (agent->current.channel == NULL || agent->stopping)
		return;
	if (reading->active) {
		reading->again = true;
		return;
	}
	evtimer_del(reading->timer);
	reading->active = true;
	reading->again = false;
	reading->interfaces[0] = '\0';
	reading->found = (struct agent_switches){.auth_none = FEATURE_AUTH_NONE_UNREAD};
	ask(agent, STEP_MANAGER, channel_get_manager_path(agent->current.channel));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	start_reading(arg);
}

/* --- when --- */

void agent_switches_connected(struct agent *agent)
{
	struct agent_features *all = &agent->features;
	bool ours = channel_get_info(agent->current.channel)->ours;

	all->switches.auth_none = FEATURE_AUTH_NONE_UNREAD;
	/* Of a foreign make nothing is waited for: there is no switch that could be off. */
	set_all(&all->switches, ours ? FEATURE_SWITCH_UNREAD : FEATURE_SWITCH_ON);
	all->reading.wait_ms = 0;
	all->reading.active = false; /* of the connection before, which is gone */
	clock_set_timer(all->reading.timer, 0);
}

static bool is_about_switches(const json_t *event)
{
	const char *id = json_string_value(json_object_get(event, "MessageId"));
	const char *key = id != NULL ? strrchr(id, '.') : NULL;

	return key != NULL && strcmp(key + 1, message_get(MSG_ISM1202)->id) == 0;
}

/* The event only says that there is something to read. */
void agent_switches_pushed(struct agent *agent, const json_t *payload)
{
	const json_t *events = json_object_get(payload, "Events");

	for (size_t i = 0; i < json_array_size(events); i++) {
		if (!is_about_switches(json_array_get(events, i)))
			continue;
		start_reading(agent);
		return;
	}
}

int agent_switches_start(struct agent *agent)
{
	agent->features.reading.timer = evtimer_new(agent->base, on_timer, agent);
	return agent->features.reading.timer != NULL ? 0 : -ENOMEM;
}

void agent_switches_free(struct agent *agent)
{
	if (agent->features.reading.timer != NULL)
		event_free(agent->features.reading.timer);
	agent->features.reading.timer = NULL;
}
