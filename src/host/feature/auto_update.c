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
#include "host/link/channel_resource.h"

#define MODULE	  "update"
#define INVENTORY "/redfish/v1/UpdateService/SoftwareInventory"

static const char *const phase_names[AUTO_UPDATE_N_PHASES] = {
	"idle", "looking", "looking", "fetching", "verifying", "installing"};

static void look(struct auto_update *au);

void auto_update_set_phase(struct auto_update *au, enum auto_update_phase phase)
{
	if (phase == au->phase)
		return;
	log_debug(MODULE, "%s -> %s", phase_names[au->phase], phase_names[phase]);
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

/* --- notes that outlive the worker --- */

void auto_update_save_notes(struct auto_update *au)
{
	json_t *notes = json_pack("{s:s, s:s, s:b, s:s}", "partial", au->partial, "wanted",
		au->wanted, "no_way_back", au->no_way_back, "bad", au->bad);
	int r = notes ? state_write_json(au->context->state_fd, AUTO_UPDATE_NOTES, notes, 0600)
		      : -ENOMEM;

	json_decref(notes);
	if (r < 0)
		log_warning(MODULE, "%s cannot be written: %s", AUTO_UPDATE_NOTES, strerror(-r));
}

static void take_note(const json_t *notes, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(notes, name));

	if (text && strlen(text) < size && text_is_printable(text, size))
		strcpy(out, text);
}

static void load_notes(struct auto_update *au)
{
	json_t *notes = NULL;

	if (state_read_json(au->context->state_fd, AUTO_UPDATE_NOTES, &notes) < 0)
		return;
	take_note(notes, "partial", au->partial, sizeof(au->partial));
	take_note(notes, "wanted", au->wanted, sizeof(au->wanted));
	take_note(notes, "bad", au->bad, sizeof(au->bad));
	au->no_way_back = json_is_true(json_object_get(notes, "no_way_back"));
	json_decref(notes);
}

/* --- status, and clients that wait for it --- */

static json_t *make_text(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *make_time(int64_t when)
{
	char text[32];
	time_t t = (time_t)when;
	struct tm tm;

	if (when <= 0 || !gmtime_r(&t, &tm))
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static json_t *make_last(const struct priv_update_info *info)
{
	if (info->step == UPDATE_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "step", update_step_name(info->step),
		"version", make_text(info->version), "from", make_text(info->from), "why",
		make_text(info->why), "at", make_time(info->at));
}

static void add_status(const struct feature_context *context, json_t *status)
{
	static const char *const modes[] = {"off", "notify", "install"};
	const struct auto_update *au = context->data;
	const struct priv_update_info *info = &au->info;

	json_object_set_new(status, "mode", json_string(modes[context->settings->auto_update]));
	json_object_set_new(status, "phase", json_string(phase_names[au->phase]));
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

static void answer_one(struct auto_update *au, uint64_t *client, const char *why)
{
	json_t *result = why ? NULL : json_object();

	if (*client == 0)
		return;
	if (result)
		add_status(au->context, result);
	control_answer(au->context->control, *client, why ? CONTROL_FAILED : CONTROL_DONE, NULL,
		NULL, result, why);
	*client = 0;
}

static void answer_waiting(struct auto_update *au, const char *why)
{
	for (size_t i = 0; i < AUTO_UPDATE_MAX_WAITING; i++)
		answer_one(au, &au->waiting[i], why);
}

/* --- what is done about it --- */

static void read_info(struct auto_update *au)
{
	struct priv_update_info info;

	if (priv_update_info(au->context->priv, &info) == 0)
		au->info = info;
}

void auto_update_ended(struct auto_update *au, const char *why)
{
	snprintf(au->problem, sizeof(au->problem), "%s", why ? why : "");
	au->wanted[0] = '\0';
	au->no_way_back = false;
	auto_update_save_notes(au);
	read_info(au);
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

static void decide(struct auto_update *au)
{
	const struct feature_context *context = au->context;
	const char *obstacle;
	bool wanted;

	if (!au->has_new) {
		set_daily_timer(au);
		return;
	}
	obstacle = update_offer_find_obstacle(
		&au->new, au->has_back, &au->info, context->link->encrypted);
	if (!obstacle && is_bad(au))
		obstacle = "this package was refused before";
	if (!obstacle && failed_lately(au))
		obstacle = "the last try failed; it is tried again in a day, or by 'bmclinkctl "
			   "update install'";
	wanted = strcmp(au->wanted, au->new.name.version) == 0 && context->link->encrypted;
	if (!wanted)
		tell(au, obstacle);
	if (wanted || (!obstacle && context->settings->auto_update == AUTO_UPDATE_INSTALL))
		update_fetch_start(au);
	else
		set_daily_timer(au);
}

/* --- looking --- */

static void look_ended(struct auto_update *au, const char *why)
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
	answer_waiting(au, why);
}

/* The channel went, or the feature: nothing of the answer counts. True: so it is. */
static bool was_dropped(struct auto_update *au, int status)
{
	au->in_flight = false;
	if (!au->drop && status != 0)
		return false;
	au->drop = false;
	auto_update_set_phase(au, AUTO_UPDATE_IDLE);
	if (au->look_again)
		auto_update_set_timer(au, 0);
	else
		answer_waiting(au, "the connection was lost");
	return true;
}

static void read_next(struct auto_update *au);

static void take_offer(struct auto_update *au, const struct update_offer *offer)
{
	switch (update_offer_use(offer, &au->info)) {
	case UPDATE_USE_NEW:
		if (!au->has_new || version_compare(au->info.family, offer->name.version,
					    au->new.name.version) > 0)
			au->new = *offer;
		au->has_new = true;
		break;
	case UPDATE_USE_BACK:
		if (offer->signature[0]) {
			au->back = *offer;
			au->has_back = true;
		}
		break;
	case UPDATE_USE_NONE:
		break;
	}
}

static void on_member(int status, const json_t *body, void *arg)
{
	struct auto_update *au = arg;
	struct update_offer offer;

	if (was_dropped(au, status))
		return;
	if (status == 200 && update_offer_parse(body, &offer) == 0)
		take_offer(au, &offer);
	au->at++;
	read_next(au);
}

static void ask(struct auto_update *au, const char *path, channel_answer_fn answer)
{
	int r = channel_request(au->context->link->channel, "GET", path, NULL, answer, au);

	if (r < 0)
		look_ended(au, strerror(-r));
	else
		au->in_flight = true;
}

static void read_next(struct auto_update *au)
{
	if (au->at == au->n_members) {
		look_ended(au, NULL);
		return;
	}
	auto_update_set_phase(au, AUTO_UPDATE_READING);
	ask(au, au->members[au->at], on_member);
}

static void on_list(int status, const json_t *body, void *arg)
{
	struct auto_update *au = arg;
	const json_t *members = json_object_get(body, "Members"), *one;
	char why[64];
	size_t i;

	if (was_dropped(au, status))
		return;
	if (status != 200 || !json_is_array(members)) {
		snprintf(why, sizeof(why), "the BMC answers %d instead of its packages", status);
		look_ended(au, why);
		return;
	}
	au->n_members = au->at = 0;
	json_array_foreach(members, i, one)
	{
		if (au->n_members < UPDATE_OFFER_MAX &&
			resource_get_link(one, "@odata.id", au->members[au->n_members],
				UPDATE_OFFER_MAX_PATH) == 0)
			au->n_members++;
	}
	read_next(au);
}

static void look(struct auto_update *au)
{
	if (au->in_flight) {
		au->look_again = true;
		return;
	}
	au->look_again = false;
	au->has_new = au->has_back = false;
	read_info(au);
	auto_update_set_phase(au, AUTO_UPDATE_LISTING);
	ask(au, INVENTORY, on_list);
}

/* --- the work's functions --- */

static void ask_installer(struct auto_update *au)
{
	read_info(au);
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
		look(au);
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

	read_info(au);
	if (!context->link->ours) {
		feature_set_trouble(context, "a BMC of this make keeps no packages of the agent");
		return;
	}
	if (au->info.family == PACKAGE_NONE) {
		feature_set_trouble(context, "the agent was not installed by a package");
		return;
	}
	if (!au->looked_at)
		load_notes(au);
	feature_set_active(context);
	if (update_is_under_way(au->info.step)) {
		auto_update_set_phase(au, AUTO_UPDATE_INSTALLING);
		auto_update_set_timer(au, AUTO_UPDATE_POLL_SECONDS);
	} else if (au->phase == AUTO_UPDATE_IDLE) {
		look(au);
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
	answer_waiting(au, "the connection was lost");
	answer_one(au, &au->installing,
		why == FEATURE_STOP_DISABLED
			? "it was switched off"
			: "the connection was lost: it goes on when it is back");
}

static enum control_exit run_check(struct auto_update *au, char *error)
{
	bool looking = au->phase == AUTO_UPDATE_LISTING || au->phase == AUTO_UPDATE_READING;

	for (size_t i = 0; i < AUTO_UPDATE_MAX_WAITING; i++) {
		if (au->waiting[i])
			continue;
		au->waiting[i] = control_get_client(au->context->control);
		if (!looking)
			look(au);
		return CONTROL_LATER;
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
	/* What was put back once, or refused, may be tried again by an administrator. */
	au->info.refused[0] = '\0';
	obstacle = update_offer_find_obstacle(
		&au->new, au->has_back || no_way_back, &au->info, au->context->link->encrypted);
	if (obstacle) {
		snprintf(error, CONTROL_MAX_ERROR, "%s", obstacle);
		return CONTROL_FAILED;
	}
	snprintf(au->wanted, sizeof(au->wanted), "%s", version);
	au->no_way_back = no_way_back;
	auto_update_save_notes(au);
	au->installing = control_get_client(au->context->control);
	update_fetch_start(au);
	return CONTROL_LATER;
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
			phase_names[au->phase]);
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
			look(au);
	}
}

const struct feature_work feature_auto_update = {
	.start = start,
	.free = free_update,
	.apply = apply,
	.stop = stop,
	.add_status = add_status,
	.run = run,
	.pushed = pushed,
};
