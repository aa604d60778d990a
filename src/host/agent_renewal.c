/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewal over the channel that is still trusted. Ours: a new pair is staged on disk, offered to
 * the BMC, and takes the old one's place when the BMC has it; the BMC lets the old one go when the
 * new one is used. The BMC's: it announces its next certificate, which is a second pin from the
 * moment that we have it on disk and say so. A kill at any point leaves what the next start goes on
 * from.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "bmclink-build.h"
#include "host/agent_private.h"

#define MODULE	 "renewal"
#define DAILY_MS (24 * 3600 * 1000)
#define AGAIN_MS 15000 /* until it is offered, or asked for, again: the answer broke off */

static struct trust_clock get_clock(void)
{
	return (struct trust_clock){.now = time(NULL), .build = BMCLINK_BUILD_EPOCH};
}

static uint32_t get_seed(const struct agent *agent)
{
	return renewal_get_seed(agent->identity.pair.certificate);
}

static void format_date(time_t when, char out[40])
{
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL || strftime(out, 40, "%Y-%m-%d", &tm) == 0)
		snprintf(out, 40, "an unknown date");
}

/* --- ours --- */

static void note_failure(struct agent *agent, const char *why)
{
	struct agent_renewal *renewal = &agent->renewal;
	char date[40];

	format_date(agent->identity.not_after, date);
	snprintf(renewal->trouble, sizeof(renewal->trouble), "%s", why);
	renewal_fail(&renewal->backoff, agent_now(), get_seed(agent));
	renewal->asked = false;
	event_emit(agent->events, MSG_ISM1111, date, why);
	agent_renewal_run(agent);
}

/* The pair on disk is the new one: connect with it. */
static void put_in_place(struct agent *agent)
{
	char fingerprint[CERT_FINGERPRINT_SIZE * 3] = "", why[160], date[40];
	unsigned char digest[CERT_FINGERPRINT_SIZE];
	int r = identity_confirm(agent->environment->state_fd, &agent->identity);

	if (r < 0) {
		snprintf(why, sizeof(why), "it could not be put in place: %s", strerror(-r));
		note_failure(agent, why);
		return;
	}
	if (cert_get_fingerprint(agent->identity.pair.certificate, digest) == 0)
		text_make_hex(digest, sizeof(digest), ':', fingerprint);
	format_date(agent->identity.not_after, date);
	agent->renewal.backoff = (struct renewal_backoff){0};
	agent->renewal.asked = false;
	agent->renewal.proving = true;
	agent->renewal.trouble[0] = '\0';
	event_emit(agent->events, MSG_ISM1110, fingerprint, date);
	agent_try_restart(agent);
}

/*
 * DSP0266 clause 8.6 and the Base registry: the BMC has this very certificate. It took it before,
 * and the answer, or what we wrote of it, was lost.
 */
static bool has_it_already(int status, const json_t *body)
{
	const json_t *info =
		json_object_get(json_object_get(body, "error"), "@Message.ExtendedInfo");
	const char *id = json_string_value(json_object_get(json_array_get(info, 0), "MessageId"));
	const char *key = id != NULL ? strrchr(id, '.') : NULL;

	return status == 409 && key != NULL && strcmp(key, ".ResourceAlreadyExists") == 0;
}

static void on_answer(int status, const json_t *body, void *arg)
{
	struct agent *agent = arg;
	char why[64];

	agent->renewal.offered = false;
	if (status == 0) {
		/* The connection ended first: it is offered over the next one. Or it lives, and
		 * only this answer broke off: then nothing else would offer it again. */
		clock_set_timer(agent->renewal.timer, AGAIN_MS);
		return;
	}
	if (status == 200 || status == 201 || has_it_already(status, body)) {
		put_in_place(agent);
		return;
	}
	snprintf(why, sizeof(why), "the BMC did not take it (HTTP %d)", status);
	note_failure(agent, why);
}

/* Why this channel cannot carry it; NULL: it can. Static text. */
static const char *find_obstacle(const struct agent *agent)
{
	const struct channel_info *info = channel_get_info(agent->current.channel);

	if (!info->encrypted)
		return "the channel is not encrypted: no certificate is in use on it";
	if (info->login != CHANNEL_LOGIN_SESSION &&
		channel_get_certificates_path(agent->current.channel) == NULL)
		return "this BMC takes no certificate over the link: make the new one known to it "
		       "by its own tools, then uninstall and install the service module again";
	return NULL;
}

static void offer(struct agent *agent)
{
	const struct channel_info *info = channel_get_info(agent->current.channel);
	_cleanup_free_ char *pem = NULL;
	json_t *body;
	int r;

	/* By a session the BMC knows an account, and no certificate of ours: nobody to be asked. */
	if (info->login == CHANNEL_LOGIN_SESSION) {
		put_in_place(agent);
		return;
	}
	r = cert_to_pem(agent->identity.next.certificate, &pem);
	if (r == 0) {
		body = json_pack("{s:s, s:s}", "CertificateString", pem, "CertificateType", "PEM");
		r = channel_request(agent->current.channel, "POST",
			channel_get_certificates_path(agent->current.channel), body, on_answer,
			agent);
		json_decref(body);
	}
	if (r < 0)
		note_failure(agent, "it could not be offered to the BMC");
	else
		agent->renewal.offered = true;
}

static bool is_due(const struct agent *agent, uint64_t *wait_ms)
{
	struct trust_clock clock = get_clock();
	time_t not_before, not_after, due;

	*wait_ms = RENEWAL_LOOK_MS;
	if (!agent->settings.renewal || trust_clock_unset(&clock) ||
		cert_get_dates(agent->identity.pair.certificate, &not_before, &not_after) < 0)
		return false;
	due = renewal_get_due(not_before, not_after, get_seed(agent));
	if (clock.now >= due)
		return true;
	if ((uint64_t)(due - clock.now) * 1000 < *wait_ms)
		*wait_ms = (uint64_t)(due - clock.now) * 1000;
	return false;
}

static bool stage(struct agent *agent)
{
	struct trust_clock clock = get_clock();
	char why[160];
	int r = identity_stage(agent->environment->state_fd, &clock, &agent->identity);

	if (r == 0)
		return true;
	snprintf(why, sizeof(why), "a new pair could not be saved: %s", strerror(-r));
	note_failure(agent, why);
	return false;
}

void agent_renewal_run(struct agent *agent)
{
	struct agent_renewal *renewal = &agent->renewal;
	bool staged = agent->identity.next.certificate != NULL;
	uint64_t wait_ms;
	const char *obstacle;

	evtimer_del(renewal->timer);
	if (agent->current.channel == NULL || agent->stopping || renewal->offered ||
		agent->identity.pair.certificate == NULL)
		return;
	if (!staged && !renewal->asked && !is_due(agent, &wait_ms)) {
		clock_set_timer(renewal->timer, wait_ms);
		return;
	}
	wait_ms = renewal_get_wait(&renewal->backoff, agent_now());
	if (wait_ms > 0) {
		clock_set_timer(renewal->timer, wait_ms);
		return;
	}
	obstacle = find_obstacle(agent);
	/* What cannot be given away is not made either: the old one stays the only one. */
	if (obstacle != NULL && !staged)
		note_failure(agent, obstacle);
	else if (obstacle == NULL && (staged || stage(agent)))
		offer(agent);
}

int agent_renewal_ask(struct agent *agent, const char **why)
{
	if (agent->current.channel == NULL) {
		*why = "not connected: a certificate is renewed over the trusted channel";
		return -ENOTCONN;
	}
	*why = find_obstacle(agent);
	if (*why != NULL)
		return -EOPNOTSUPP;
	if (agent->renewal.offered)
		return 0; /* it is under way */
	agent->renewal.asked = true;
	agent->renewal.backoff = (struct renewal_backoff){0};
	agent->renewal.trouble[0] = '\0';
	if (agent->identity.next.certificate == NULL && !stage(agent)) {
		*why = agent->renewal.trouble;
		return -EIO;
	}
	/* From the loop: the asker gets its answer first. */
	clock_set_timer(agent->renewal.timer, 0);
	return 0;
}

/* --- the BMC's --- */

/* Not tomorrow: the BMC may be waiting for our word. Where the connection ended, the next one asks.
 */
static void look_again(struct agent *agent)
{
	clock_set_timer(agent->renewal.daily, AGAIN_MS);
}

static void on_acknowledged(int status, const json_t *body, void *arg)
{
	if (status == 0)
		look_again(arg);
	else if (status < 200 || status > 299)
		log_warning(MODULE,
			"the BMC did not hear that its next certificate is trusted "
			"here (HTTP %d)",
			status);
}

static void hear(struct agent *agent, const struct channel_announcement *next)
{
	char fingerprint[CERT_FINGERPRINT_SIZE * 3];
	json_t *body;
	int r;

	if (!agent_trust_learn_next(agent, next) || next->acknowledge[0] == '\0')
		return;
	text_make_hex(next->fingerprint, CERT_FINGERPRINT_SIZE, ':', fingerprint);
	body = json_pack("{s:s}", "Fingerprint", fingerprint);
	r = channel_request(
		agent->current.channel, "POST", next->acknowledge, body, on_acknowledged, agent);
	json_decref(body);
	if (r < 0)
		log_warning(MODULE, "the BMC's next certificate could not be acknowledged: %s",
			strerror(-r));
}

static void on_manager(int status, const json_t *body, void *arg)
{
	struct agent *agent = arg;
	struct channel_announcement next;

	if (status == 0)
		look_again(agent);
	if (status != 200 || agent->current.channel == NULL)
		return;
	channel_read_announcement(body, &next);
	hear(agent, &next);
}

/* --- timers --- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	agent_renewal_run(arg);
}

static void ask_manager(struct agent *agent)
{
	struct channel *channel = agent->current.channel;

	if (channel == NULL || !channel_get_info(channel)->ours)
		return;
	channel_request(channel, "GET", channel_get_manager_path(channel), NULL, on_manager, agent);
}

/* A connection may stand for months, and an event may be missed: asked for once a day. */
static void on_daily(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	ask_manager(agent);
	if (agent->current.channel != NULL)
		clock_set_timer(agent->renewal.daily, DAILY_MS);
}

static bool is_announcement(const json_t *event)
{
	const char *id = json_string_value(json_object_get(event, "MessageId"));
	const char *key = id != NULL ? strrchr(id, '.') : NULL;

	return key != NULL && strcmp(key + 1, message_get(MSG_ISM1115)->id) == 0;
}

/* The event only says that there is something to read: the resource has it. */
void agent_renewal_pushed(struct agent *agent, const json_t *payload)
{
	const json_t *events = json_object_get(payload, "Events");

	for (size_t i = 0; i < json_array_size(events); i++) {
		if (!is_announcement(json_array_get(events, i)))
			continue;
		ask_manager(agent);
		return;
	}
}

void agent_renewal_connected(struct agent *agent)
{
	const struct channel_info *info = channel_get_info(agent->current.channel);

	agent->renewal.proving = false;
	agent->renewal.offered = false;
	if (info->ours)
		hear(agent, &info->next);
	clock_set_timer(agent->renewal.daily, DAILY_MS - get_seed(agent) % (DAILY_MS / 10));
	/* From the loop: it may begin the connection anew. */
	clock_set_timer(agent->renewal.timer, 0);
}

/* A date may have passed in that moment, or not be due any more. */
static void on_clock_set(void *arg)
{
	struct agent *agent = arg;

	channel_recheck_dates(agent->current.channel);
	agent_renewal_run(agent);
}

int agent_renewal_start(struct agent *agent)
{
	int r = clock_watch_new(agent->base, on_clock_set, agent, &agent->renewal.clock);

	if (r < 0)
		log_warning(MODULE, "the setting of the clock is not noticed: %s", strerror(-r));
	agent->renewal.timer = evtimer_new(agent->base, on_timer, agent);
	agent->renewal.daily = evtimer_new(agent->base, on_daily, agent);
	return agent->renewal.timer != NULL && agent->renewal.daily != NULL ? 0 : -ENOMEM;
}

void agent_renewal_stop(struct agent *agent)
{
	if (agent->renewal.timer != NULL)
		event_free(agent->renewal.timer);
	if (agent->renewal.daily != NULL)
		event_free(agent->renewal.daily);
	agent->renewal.timer = agent->renewal.daily = NULL;
	clock_watch_free(agent->renewal.clock);
	agent->renewal.clock = NULL;
}
