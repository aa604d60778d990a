/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are and whom we trust, across installations, upgrades, and an administrator's word. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "bmclink-build.h"
#include "host/agent_private.h"

#define MODULE "trust"

static void report_identity(struct agent *agent)
{
	const struct identity *identity = &agent->identity;
	const X509 *made = identity->next.certificate != NULL ? identity->next.certificate
							      : identity->pair.certificate;
	time_t not_before, not_after;
	char date[40] = "an unknown date";
	struct tm tm;

	log_info(MODULE, "identity: %s", identity_action_name(identity->action));
	if (identity->action == IDENTITY_OTHER_MACHINE)
		event_emit(agent->events, MSG_ISM1028, "new certificate, no trust");
	if (!identity->made_pair || made == NULL)
		return;
	if (cert_get_dates(made, &not_before, &not_after) == 0 && gmtime_r(&not_after, &tm) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	event_emit(agent->events, MSG_ISM1018, date, identity_action_name(identity->action));
}

/* "Repair": the same version was installed over itself. That mends no trust, and is said. */
static void note_installation(struct agent *agent, const char *version)
{
	const struct agent_environment *env = agent->environment;
	bool again = false;
	int r = identity_note_installation(env->state_fd, env->self.package_count, &again);

	if (r < 0)
		log_warning(MODULE, "cannot note the installation: %s", strerror(-r));
	if (again && agent->identity.action == IDENTITY_KEEP)
		event_emit(agent->events, MSG_ISM1090, version);
}

int agent_trust_start(struct agent *agent)
{
	const struct agent_environment *env = agent->environment;
	const struct trust_clock clock = {.now = time(NULL), .build = BMCLINK_BUILD_EPOCH};
	const char *user = agent->settings.login_user;
	const char *version =
		env->self.package_version[0] != '\0' ? env->self.package_version : env->version;
	int r = identity_open(env->state_fd, version, env->self.machine,
		user[0] != '\0' ? user : IDENTITY_NAME, &clock, &agent->trust, &agent->identity);

	if (r < 0) {
		log_error(MODULE, "the state directory cannot be used: %s", strerror(-r));
		return r;
	}
	report_identity(agent);
	note_installation(agent, version);
	return 0;
}

int agent_trust_reset(struct agent *agent)
{
	int r = trust_store_reset(agent->environment->state_fd, &agent->trust);

	if (r < 0)
		return r;
	agent_try_drop_leaving(agent);
	event_emit(agent->events, MSG_ISM1014,
		"bmclinkctl trust reset: the next BMC is pinned on first use");
	agent_log_forget(agent);
	agent_try_restart(agent);
	return 0;
}

int agent_trust_pin(struct agent *agent, const unsigned char *fingerprint)
{
	char text[CERT_FINGERPRINT_SIZE * 3], what[MESSAGE_MAX_ARG];
	int r = trust_store_pin_as(agent->environment->state_fd, &agent->trust, fingerprint,
		TRUST_HOW_ADMINISTRATOR, time(NULL));

	if (r < 0)
		return r;
	text_make_hex(fingerprint, CERT_FINGERPRINT_SIZE, ':', text);
	agent_try_drop_leaving(agent);
	snprintf(what, sizeof(what), "bmclinkctl trust pin: %s", text);
	event_emit(agent->events, MSG_ISM1014, what);
	agent_try_restart(agent);
	return 0;
}

int agent_trust_note_shown(struct agent *agent, const unsigned char *fingerprint)
{
	char text[CERT_FINGERPRINT_SIZE * 3];
	int r;

	if (!agent->trust.has_next || agent->settings.pin[0] != '\0' ||
		memcmp(agent->trust.next_pin, fingerprint, CERT_FINGERPRINT_SIZE) != 0)
		return 0;
	r = trust_store_promote(agent->environment->state_fd, &agent->trust, time(NULL));
	if (r < 0)
		return r;
	text_make_hex(fingerprint, CERT_FINGERPRINT_SIZE, ':', text);
	event_emit(agent->events, MSG_ISM1114, text);
	return 0;
}

/* The channel's certificate is the pinned one, by the pin that is on disk. */
static bool is_pinned_channel(const struct agent *agent)
{
	const struct channel_info *info = channel_get_info(agent->current.channel);

	return info->encrypted && info->has_fingerprint && agent->trust.pinned &&
	       memcmp(info->fingerprint, agent->trust.pin, CERT_FINGERPRINT_SIZE) == 0;
}

static void say_next(struct agent *agent, enum message_id message, const unsigned char *fingerprint)
{
	char text[CERT_FINGERPRINT_SIZE * 3];

	text_make_hex(fingerprint, CERT_FINGERPRINT_SIZE, ':', text);
	event_emit(agent->events, message, text);
}

bool agent_trust_learn_next(struct agent *agent, const struct channel_announcement *next)
{
	bool known = next->announced && agent->trust.has_next &&
		     memcmp(next->fingerprint, agent->trust.next_pin, CERT_FINGERPRINT_SIZE) == 0;
	int r;

	if (agent->settings.pin[0] != '\0') {
		/* Which BMC is trusted is the administrator's word; he must give the new one. */
		if (next->announced && !agent->renewal.said_next)
			say_next(agent, MSG_ISM1113, next->fingerprint);
		agent->renewal.said_next = next->announced;
		return false;
	}
	if (!is_pinned_channel(agent))
		return false;
	r = trust_store_set_next(agent->environment->state_fd, &agent->trust,
		next->announced ? next->fingerprint : NULL);
	if (r < 0) {
		log_error(
			MODULE, "the BMC's next certificate could not be saved: %s", strerror(-r));
		return false;
	}
	if (next->announced && !known)
		say_next(agent, MSG_ISM1112, next->fingerprint);
	return next->announced;
}
