/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auto-update (S16, S20): packages of the agent that the BMC keeps. It looks when it connects, each
 * day, and when the BMC says that it got one; whether what is there is fetched is the mode's word
 * or an administrator's. What is fetched is judged by the monitor and the installer, not here.
 * docs/updates.md has the picture.
 */
#include "host/feature/auto_update.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "host/feature/works.h"

#define MODULE "update"

void auto_update_set_phase(struct auto_update *au, enum auto_update_phase phase)
{
	if (phase == au->phase)
		return;
	log_debug(MODULE, "%s -> %s", update_phase_name(au->phase), update_phase_name(phase));
	au->phase = phase;
	feature_publish(au->context);
}

void auto_update_set_timer(struct auto_update *au, unsigned int seconds)
{
	const struct timeval wait = {.tv_sec = (time_t)seconds};

	evtimer_add(au->timer, &wait);
}

/* Not all hosts of a data centre at the same minute. */
static void set_daily_timer(struct auto_update *au)
{
	unsigned int early = 0;

	RAND_bytes((unsigned char *)&early, sizeof(early));
	auto_update_set_timer(au, AUTO_UPDATE_DAY_SECONDS - early % AUTO_UPDATE_JITTER);
}

/* --- clients that wait --- */

static void answer_one(struct auto_update *au, uint64_t *client, const char *why)
{
	json_t *result = NULL;

	if (*client == 0)
		return;
	if (!why)
		result = json_object();
	if (result)
		update_status_add(au->context, result);
	control_answer(au->context->control, *client, why ? CONTROL_FAILED : CONTROL_DONE, NULL,
		NULL, result, why);
	*client = 0;
}

void auto_update_answer_waiting(struct auto_update *au, const char *why)
{
	for (size_t i = 0; i < AUTO_UPDATE_MAX_WAITING; i++)
		answer_one(au, &au->waiting[i], why);
}

/* --- what is done about it --- */

void auto_update_read_info(struct auto_update *au)
{
	struct priv_update_info info;

	if (priv_update_info(au->context->priv, &info) == 0)
		au->info = info;
}

void auto_update_put_off(struct auto_update *au, const char *why)
{
	snprintf(au->problem, sizeof(au->problem), "%s", why);
	auto_update_set_phase(au, AUTO_UPDATE_IDLE);
	auto_update_set_timer(au, au->look_again ? 0 : AUTO_UPDATE_AGAIN_SECONDS);
	answer_one(au, &au->installing, why);
}

void auto_update_ended(struct auto_update *au, const char *why)
{
	snprintf(au->problem, sizeof(au->problem), "%s", why ? why : "");
	au->wanted[0] = '\0';
	au->no_way_back = false;
	update_notes_save(au);
	auto_update_read_info(au);
	answer_one(au, &au->installing, why);
	if (why) {
		event_emit(au->context->events, MSG_ISM1267, au->new.name.version, why);
		auto_update_set_phase(au, AUTO_UPDATE_IDLE);
		set_daily_timer(au);
	} else {
		auto_update_set_phase(au, AUTO_UPDATE_INSTALLING);
		auto_update_set_timer(au, AUTO_UPDATE_POLL_SECONDS);
	}
}

static bool is_bad(const struct auto_update *au)
{
	char hex[3 * 32];

	text_make_hex(au->new.sha256, 32, 0, hex);
	return strcmp(hex, au->bad) == 0;
}

/* What the installer refused it would refuse again: not at each new connection. */
static bool failed_lately(const struct auto_update *au)
{
	int64_t age = (int64_t)time(NULL) - au->info.at;

	return au->info.step == UPDATE_FAILED &&
	       strcmp(au->info.version, au->new.name.version) == 0 && age >= 0 &&
	       age < AUTO_UPDATE_DAY_SECONDS - AUTO_UPDATE_JITTER;
}

/* Each version, and each reason, once in a life of the agent. */
static void tell(struct auto_update *au, const char *obstacle)
{
	bool install = au->context->settings->auto_update == AUTO_UPDATE_INSTALL;
	const char *version = au->new.name.version, *why = obstacle ? obstacle : "";

	if (strcmp(au->told, version) == 0 && strcmp(au->told_why, why) == 0)
		return;
	snprintf(au->told, sizeof(au->told), "%s", version);
	snprintf(au->told_why, sizeof(au->told_why), "%s", why);
	if (install && obstacle)
		event_emit(au->context->events, MSG_ISM1267, version, obstacle);
	else
		event_emit(au->context->events, MSG_ISM1260, version, au->info.installed,
			install ? "It is being fetched." : "Nothing is done by itself.");
}

/* For an administrator: he may try again what was put back, and do without the way back. */
static const char *find_obstacle_for_root(struct auto_update *au, bool no_way_back)
{
	au->info.refused[0] = '\0';
	return update_offer_find_obstacle(
		&au->new, au->has_back || no_way_back, &au->info, au->context->link->encrypted);
}

/* What he wanted before the connection was lost, with what the BMC has now. */
static void go_on(struct auto_update *au)
{
	const char *obstacle = find_obstacle_for_root(au, au->no_way_back);

	if (obstacle)
		auto_update_ended(au, obstacle);
	else
		update_fetch_start(au);
}

static void decide(struct auto_update *au)
{
	const struct feature_context *context = au->context;
	const char *obstacle;

	if (!au->has_new) {
		set_daily_timer(au);
		return;
	}
	if (strcmp(au->wanted, au->new.name.version) == 0 && context->link->encrypted) {
		go_on(au);
		return;
	}
	obstacle = update_offer_find_obstacle(
		&au->new, au->has_back, &au->info, context->link->encrypted);
	if (!obstacle && is_bad(au))
		obstacle = "this package was refused before";
	if (!obstacle && failed_lately(au))
		obstacle = "the last try failed; it is tried again in a day, or by 'bmclinkctl "
			   "update install'";
	tell(au, obstacle);
	if (!obstacle && context->settings->auto_update == AUTO_UPDATE_INSTALL)
		update_fetch_start(au);
	else
		set_daily_timer(au);
}

void auto_update_looked(struct auto_update *au, const char *why)
{
	snprintf(au->problem, sizeof(au->problem), "%s", why ? why : "");
	auto_update_set_phase(au, AUTO_UPDATE_IDLE);
	if (!why) {
		au->looked_at = time(NULL);
		decide(au);
		if (au->look_again && au->phase == AUTO_UPDATE_IDLE)
			auto_update_set_timer(au, 0);
	} else {
		set_daily_timer(au);
	}
	auto_update_answer_waiting(au, why);
}

/* --- the work's functions --- */

static void ask_installer(struct auto_update *au)
{
	auto_update_read_info(au);
	feature_publish(au->context);
	if (update_is_under_way(au->info.step))
		auto_update_set_timer(au, AUTO_UPDATE_POLL_SECONDS);
	else
		auto_update_set_phase(au, AUTO_UPDATE_IDLE);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct auto_update *au = arg;

	if (au->phase == AUTO_UPDATE_HANDING) {
		update_fetch_hand(au);
		return;
	}
	if (au->phase == AUTO_UPDATE_INSTALLING)
		ask_installer(au);
	if (au->phase == AUTO_UPDATE_IDLE && au->context->link->channel)
		update_look_start(au);
}

static int start(struct feature_context *context)
{
	struct auto_update *au = calloc(1, sizeof(*au));

	context->data = au;
	if (!au)
		return -ENOMEM;
	au->context = context;
	au->fd = -1;
	au->timer = evtimer_new(context->base, on_timer, au);
	return au->timer ? 0 : -ENOMEM;
}

static void free_update(struct feature_context *context)
{
	struct auto_update *au = context->data;

	if (!au)
		return;
	update_fetch_close(au);
	if (au->timer)
		event_free(au->timer);
	free(au);
	context->data = NULL;
}

static void apply(struct feature_context *context)
{
	struct auto_update *au = context->data;

	auto_update_read_info(au);
	if (!context->link->ours) {
		feature_set_trouble(context, "a BMC of this make keeps no packages of the agent");
		return;
	}
	if (au->info.family == PACKAGE_NONE) {
		feature_set_trouble(context, "the agent was not installed by a package");
		return;
	}
	if (!au->looked_at)
		update_notes_load(au);
	feature_set_active(context);
	if (update_is_under_way(au->info.step)) {
		auto_update_set_phase(au, AUTO_UPDATE_INSTALLING);
		auto_update_set_timer(au, AUTO_UPDATE_POLL_SECONDS);
	} else if (au->phase == AUTO_UPDATE_IDLE) {
		update_look_start(au);
	}
}

static void stop(struct feature_context *context, enum feature_stop why)
{
	struct auto_update *au = context->data;

	evtimer_del(au->timer);
	au->drop = au->in_flight;
	au->look_again = false;
	update_fetch_close(au);
	if (why == FEATURE_STOP_DISABLED) {
		update_fetch_remove(au);
		state_remove_file(context->state_fd, AUTO_UPDATE_NOTES);
		au->wanted[0] = '\0';
	}
	auto_update_set_phase(au, AUTO_UPDATE_IDLE);
	auto_update_answer_waiting(au, "the connection was lost");
	answer_one(au, &au->installing,
		why == FEATURE_STOP_DISABLED
			? "it was switched off"
			: "the connection was lost: it goes on when it is back");
}

/* What failed at once was answered before anybody waited for it. */
static enum control_exit later(const struct auto_update *au, uint64_t client, char *error)
{
	snprintf(error, CONTROL_MAX_ERROR, "%s", au->problem);
	return client ? CONTROL_LATER : CONTROL_FAILED;
}

static enum control_exit run_check(struct auto_update *au, char *error)
{
	bool looking = au->phase == AUTO_UPDATE_LISTING || au->phase == AUTO_UPDATE_READING;

	for (size_t i = 0; i < AUTO_UPDATE_MAX_WAITING; i++) {
		if (au->waiting[i])
			continue;
		au->waiting[i] = control_get_client(au->context->control);
		if (!looking)
			update_look_start(au);
		return later(au, au->waiting[i], error);
	}
	snprintf(error, CONTROL_MAX_ERROR, "too many ask at the same time");
	return CONTROL_FAILED;
}

static enum control_exit run_install(struct auto_update *au, const json_t *request, char *error)
{
	const char *version = json_string_value(json_object_get(request, "version"));
	bool no_way_back = json_is_true(json_object_get(request, "no_way_back"));
	const char *obstacle;

	if (!au->has_new || !version || strcmp(version, au->new.name.version) != 0) {
		snprintf(error, CONTROL_MAX_ERROR, "the BMC has no such newer version");
		return CONTROL_FAILED;
	}
	obstacle = find_obstacle_for_root(au, no_way_back);
	if (obstacle) {
		snprintf(error, CONTROL_MAX_ERROR, "%s", obstacle);
		return CONTROL_FAILED;
	}
	snprintf(au->wanted, sizeof(au->wanted), "%s", version);
	au->no_way_back = no_way_back;
	update_notes_save(au);
	au->installing = control_get_client(au->context->control);
	update_fetch_start(au);
	return later(au, au->installing, error);
}

static enum control_exit run(struct feature_context *context, const char *action,
	const json_t *request, json_t **result, char *error)
{
	struct auto_update *au = context->data;

	if (!context->active) {
		snprintf(error, CONTROL_MAX_ERROR, "%s", context->trouble);
		return CONTROL_UNAVAILABLE;
	}
	if (strcmp(action, "check") != 0 && strcmp(action, "install") != 0) {
		snprintf(error, CONTROL_MAX_ERROR, "there is no such action");
		return CONTROL_USAGE;
	}
	if (au->phase == AUTO_UPDATE_INSTALLING)
		ask_installer(au);
	if (au->phase >= AUTO_UPDATE_FETCHING || (au->in_flight && action[0] == 'i')) {
		snprintf(error, CONTROL_MAX_ERROR, "an update is under way: %s",
			update_phase_name(au->phase));
		return CONTROL_FAILED;
	}
	return strcmp(action, "check") == 0 ? run_check(au, error)
					    : run_install(au, request, error);
}

/* The BMC got a package: no need to wait for a day. */
static void pushed(struct feature_context *context, const json_t *payload)
{
	const json_t *events = json_object_get(payload, "Events"), *one;
	struct auto_update *au = context->data;
	size_t i;

	if (!context->active)
		return;
	json_array_foreach(events, i, one)
	{
		const char *id = json_string_value(json_object_get(one, "MessageId"));
		const char *last = id ? strrchr(id, '.') : NULL;

		if (last && strcmp(last + 1, message_get(MSG_ISM1250)->id) == 0 &&
			au->phase <= AUTO_UPDATE_READING)
			update_look_start(au);
	}
}

const struct feature_work feature_auto_update = {
	.start = start,
	.free = free_update,
	.apply = apply,
	.stop = stop,
	.add_status = update_status_add,
	.run = run,
	.pushed = pushed,
};
