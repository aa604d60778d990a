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
	event_emit(agent->events, MSG_ISM1014,
		"bmclinkctl trust reset: the next BMC is pinned on first use");
	agent_try_restart(agent);
	return 0;
}

int agent_trust_pin(struct agent *agent, const unsigned char *fingerprint)
{
	char text[CERT_FINGERPRINT_SIZE * 3], what[MESSAGE_MAX_ARG];
	int r = trust_store_pin(
		agent->environment->state_fd, &agent->trust, fingerprint, time(NULL));

	if (r < 0)
		return r;
	text_make_hex(fingerprint, CERT_FINGERPRINT_SIZE, ':', text);
	snprintf(what, sizeof(what), "bmclinkctl trust pin: %s", text);
	event_emit(agent->events, MSG_ISM1014, what);
	agent_try_restart(agent);
	return 0;
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

static void staged_taken(int status, const json_t *body, void *arg)
{
	struct agent *agent = arg;
	int r;

	if (status == 0)
		return; /* the connection ended first: it is offered over the next one */
	if (status != 200 && status != 201 && !has_it_already(status, body)) {
		log_warning(MODULE,
			"the BMC did not take the new certificate (HTTP %d): the old one stays in "
			"use",
			status);
		return;
	}
	r = identity_confirm(agent->environment->state_fd, &agent->identity);
	if (r < 0) {
		log_error(
			MODULE, "the new certificate could not be put in place: %s", strerror(-r));
		return;
	}
	log_notice(MODULE, "the BMC has taken the new certificate: connecting with it");
	agent_try_restart(agent);
}

/* An upgrade made a new pair: give it to the BMC over the channel that the old one opened. */
void agent_trust_offer_staged(struct agent *agent)
{
	const char *path = channel_get_certificates_path(agent->current.channel);
	_cleanup_free_ char *pem = NULL;
	json_t *body;
	int r;

	if (agent->identity.next.certificate == NULL || path == NULL ||
		!channel_get_info(agent->current.channel)->encrypted)
		return;
	r = cert_to_pem(agent->identity.next.certificate, &pem);
	if (r < 0)
		return;
	body = json_pack("{s:s, s:s}", "CertificateString", pem, "CertificateType", "PEM");
	r = channel_request(agent->current.channel, "POST", path, body, staged_taken, agent);
	json_decref(body);
	if (r < 0)
		log_warning(MODULE, "the new certificate could not be offered to the BMC: %s",
			strerror(-r));
}
