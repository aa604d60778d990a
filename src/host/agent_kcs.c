/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust over IPMI (DSP0270, credential bootstrapping). The BMC says over its system interface,
 * where nobody on the NIC can stand between, which certificates are its own. It is asked before the
 * first connection, and again when another certificate than the pinned one is shown; what it names
 * is pinned on disk before anything of ours is sent. All of it is part of an attempt of the ladder.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "host/agent_kcs.h"

#define MODULE "kcs"

void agent_kcs_set_state(struct agent *agent, enum agent_kcs_state state)
{
	static const char *const names[] = {
		"idle", "waiting", "fingerprint", "credentials", "enrolling", "cleaning"};

	if (state != agent->kcs.state)
		log_debug(MODULE, "%s -> %s", names[agent->kcs.state], names[state]);
	agent->kcs.state = state;
}

void agent_kcs_arm(struct agent *agent, unsigned int ms)
{
	clock_set_timer(agent->kcs.timer, ms);
}

static bool is_wanted(const struct agent *agent)
{
	const struct settings *settings = &agent->settings;

	return settings->tls && settings->pin[0] == '\0' && !agent->trust.damaged &&
	       (settings->trust == TRUST_AUTO || settings->trust == TRUST_KCS);
}

/* --- what comes of it --- */

static void fail(struct agent *agent, const char *why)
{
	struct channel_result result = {.outcome = OUTCOME_KCS};

	snprintf(result.detail, sizeof(result.detail), "%s", why);
	agent_try_fail(agent, &result);
}

/* With the BMC's word, or without it where that is allowed. */
static void go_on(struct agent *agent)
{
	struct channel_target target = agent->kcs.target;

	agent_kcs_set_state(agent, AGENT_KCS_IDLE);
	agent->kcs.before = false;
	agent_try_open(agent, &target);
}

/* The next one who can be asked is the certificate itself: said, unless it is the usual case. */
static void fall_back(struct agent *agent, const char *why, bool usual)
{
	struct agent_kcs *kcs = &agent->kcs;

	agent->trust.no_kcs = true;
	log_info(MODULE, "no trust over IPMI: %s", why);
	if (!usual && strcmp(kcs->said, why) != 0) {
		snprintf(kcs->said, sizeof(kcs->said), "%s", why);
		event_emit(agent->events, MSG_ISM1133, why);
	}
	go_on(agent);
}

/* There is no such word to be had here, for good. Nobody on the NIC has a hand in that. */
void agent_kcs_be_without(struct agent *agent, const char *why, bool usual)
{
	struct channel_result result = agent->kcs.result;

	if (agent->kcs.before && agent->settings.trust == TRUST_AUTO) {
		fall_back(agent, why, usual);
		return;
	}
	agent_kcs_set_state(agent, AGENT_KCS_IDLE);
	log_info(MODULE, "no trust over IPMI: %s", why);
	if (agent->kcs.before)
		fail(agent, why);
	else
		agent_try_fail(agent, &result);
}

/* It went wrong this time: that is no reason to trust somebody else's word instead. */
void agent_kcs_be_in_trouble(struct agent *agent, const char *why)
{
	struct channel_result result = agent->kcs.result;

	agent_kcs_set_state(agent, AGENT_KCS_IDLE);
	log_warning(MODULE, "%s", why);
	if (agent->kcs.before)
		fail(agent, why);
	else
		agent_try_fail(agent, &result);
}

static void pin(struct agent *agent, const unsigned char *fingerprint)
{
	char old[CERT_FINGERPRINT_SIZE * 3], new[CERT_FINGERPRINT_SIZE * 3];
	struct channel_result result = {.outcome = OUTCOME_ENROLLED};
	bool was_pinned = agent->trust.pinned;
	int r;

	text_make_hex(agent->trust.pin, CERT_FINGERPRINT_SIZE, ':', old);
	text_make_hex(fingerprint, CERT_FINGERPRINT_SIZE, ':', new);
	r = trust_store_pin_as(agent->environment->state_fd, &agent->trust, fingerprint,
		TRUST_HOW_KCS, time(NULL));
	if (r < 0) {
		snprintf(agent->kcs.why, sizeof(agent->kcs.why), "the pin could not be saved: %s",
			strerror(-r));
		fail(agent, agent->kcs.why);
		return;
	}
	if (was_pinned)
		event_emit(agent->events, MSG_ISM1131, old, new);
	else
		event_emit(agent->events, MSG_ISM1130, new);
	agent_try_fail(agent, &result); /* not a failure: the ladder connects again at once */
}

static void compare(struct agent *agent)
{
	struct agent_kcs *kcs = &agent->kcs;
	struct channel_result result = kcs->result;
	char shown[CERT_FINGERPRINT_SIZE * 3], named[CERT_FINGERPRINT_SIZE * 3];

	agent_kcs_set_state(agent, AGENT_KCS_IDLE);
	kcs->listed = false;
	for (size_t i = 0; i < kcs->n_named; i++) {
		if (memcmp(kcs->named[i], result.fingerprint, CERT_FINGERPRINT_SIZE) == 0) {
			pin(agent, result.fingerprint);
			return;
		}
	}
	text_make_hex(result.fingerprint, CERT_FINGERPRINT_SIZE, 0, shown);
	text_make_hex(kcs->named[0], CERT_FINGERPRINT_SIZE, 0, named);
	result.outcome = OUTCOME_IMPOSTOR;
	snprintf(result.detail, sizeof(result.detail),
		"SHA-256 shown %s, by the BMC's word over IPMI it is %s", shown, named);
	agent_try_fail(agent, &result);
}

/* All that it names are known. */
void agent_kcs_have_list(struct agent *agent)
{
	struct agent_kcs *kcs = &agent->kcs;

	kcs->listed = true;
	if (!kcs->before) {
		compare(agent);
		return;
	}
	/* It has a certificate, so it has TLS: who shows none on the NIC is not it. */
	if (trust_store_note_tls(agent->environment->state_fd, &agent->trust) < 0)
		log_error(MODULE, "trust could not be saved");
	go_on(agent);
}

static void explain_error(struct agent *agent, int error)
{
	if (error == ETIMEDOUT)
		snprintf(agent->kcs.why, sizeof(agent->kcs.why),
			"the BMC does not answer over IPMI");
	else
		snprintf(agent->kcs.why, sizeof(agent->kcs.why), "no answer over IPMI: %s",
			strerror(error));
}

/* --- an account --- */

static void take_credentials(struct agent *agent, const struct priv_ipmi *answer)
{
	struct kcs_credentials credentials;
	struct agent_kcs *kcs = &agent->kcs;
	enum kcs_status status = kcs_read_credentials(answer->bytes, answer->length, &credentials);
	int r;

	if (status != KCS_OK) {
		kcs_explain(status, answer->bytes, answer->length, kcs->why, sizeof(kcs->why));
		agent_enrol_give_up(agent, kcs->why);
		return;
	}
	snprintf(kcs->bootstrap.user, sizeof(kcs->bootstrap.user), "%s", credentials.user);
	snprintf(kcs->bootstrap.password, sizeof(kcs->bootstrap.password), "%s",
		credentials.password);
	explicit_bzero(&credentials, sizeof(credentials));
	/* First of all it is made sure that it will be deleted, whatever happens to us. */
	r = account_save(agent->environment->state_fd, ACCOUNT_BOOTSTRAP_FILE, &kcs->bootstrap);
	if (r < 0)
		log_error(MODULE, ACCOUNT_BOOTSTRAP_FILE " could not be saved: %s", strerror(-r));
	kcs->remembered = false;
	agent_enrol_start(agent, false);
}

static void ask_for_credentials(struct agent *agent)
{
	struct agent_kcs *kcs = &agent->kcs;
	int r;

	if (kcs->bootstrap.user[0] != '\0') { /* one that was not deleted is used before another */
		kcs->remembered = true;
		agent_enrol_start(agent, false);
		return;
	}
	r = priv_ask_ipmi(agent->priv, IPMI_CMD_CREDENTIALS, IPMI_KEEP_ENABLED);
	if (r == 0) {
		agent_kcs_set_state(agent, AGENT_KCS_CREDENTIALS);
		agent_kcs_arm(agent, AGENT_KCS_LIMIT_MS);
		return;
	}
	snprintf(kcs->why, sizeof(kcs->why), "%s",
		r == -EDQUOT ? "it was asked for too many within an hour" : strerror(-r));
	agent_enrol_give_up(agent, kcs->why);
}

/* --- entries --- */

void agent_kcs_answered(struct agent *agent, const struct priv_ipmi *answer)
{
	struct agent_kcs *kcs = &agent->kcs;
	bool fingerprint = kcs->state == AGENT_KCS_FINGERPRINT;

	if (fingerprint ? answer->command != IPMI_CMD_FINGERPRINT || answer->argument != kcs->number
			: kcs->state != AGENT_KCS_CREDENTIALS ||
				  answer->command != IPMI_CMD_CREDENTIALS)
		return; /* of a question that was given up */
	evtimer_del(kcs->timer);
	if (answer->error == 0 && fingerprint) {
		agent_kcs_take_fingerprint(agent, answer);
	} else if (answer->error == 0) {
		take_credentials(agent, answer);
	} else {
		explain_error(agent, answer->error);
		if (fingerprint)
			agent_kcs_be_in_trouble(agent, kcs->why);
		else
			agent_enrol_give_up(agent, kcs->why);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	switch (agent->kcs.state) {
	case AGENT_KCS_WAITING:
		agent_kcs_ask_again(agent);
		break;
	case AGENT_KCS_FINGERPRINT:
		agent_kcs_be_in_trouble(agent, "the BMC does not answer over IPMI");
		break;
	case AGENT_KCS_CREDENTIALS:
		agent_enrol_give_up(agent, "the BMC does not answer over IPMI");
		break;
	case AGENT_KCS_IDLE:
		agent_kcs_connected(agent); /* what could not be cleaned before */
		break;
	case AGENT_KCS_ENROLLING:
	case AGENT_KCS_CLEANING:
		break;
	}
}

bool agent_kcs_begin(struct agent *agent, const struct channel_target *target)
{
	struct agent_kcs *kcs = &agent->kcs;
	const struct trust_store *trust = &agent->trust;

	if (kcs->state == AGENT_KCS_CLEANING)
		agent_kcs_stop(agent);
	if (kcs->state != AGENT_KCS_IDLE) /* it is ours already */
		return true;
	kcs->target = *target;
	kcs->listed = false;
	agent_enrol_offer_account(agent);
	if (!is_wanted(agent) || trust->pinned || !trust->window_open || trust->no_kcs)
		return false;
	kcs->before = true;
	agent_kcs_ask(agent);
	return true;
}

/* Is this failure one that the BMC's word over IPMI can mend? */
static bool can_mend(const struct agent *agent, const struct channel_result *result)
{
	const struct trust_store *trust = &agent->trust;

	switch (result->outcome) {
	case OUTCOME_NOT_PINNED:
		return result->has_fingerprint && !trust->pinned && trust->window_open;
	case OUTCOME_IDENTITY_CHANGED:
		/* What an administrator pinned is his to change. */
		return result->has_fingerprint && trust->how != TRUST_HOW_ADMINISTRATOR;
	case OUTCOME_NOT_KNOWN:
		return trust->pinned && trust->enrolling;
	case OUTCOME_LOGIN:
		/* An administrator's account is his to set right. */
		return trust->pinned && trust->enrolling &&
		       agent->settings.login_password_file[0] == '\0';
	default:
		return false;
	}
}

bool agent_kcs_take(struct agent *agent, const struct channel_result *result)
{
	struct agent_kcs *kcs = &agent->kcs;

	if (!is_wanted(agent) || kcs->state != AGENT_KCS_IDLE || !can_mend(agent, result))
		return false;
	kcs->result = *result;
	kcs->before = false;
	channel_close(util_steal_ptr(agent->trying.channel)); /* the attempt goes on without it */
	if (result->outcome == OUTCOME_NOT_KNOWN || result->outcome == OUTCOME_LOGIN)
		ask_for_credentials(agent);
	else if (kcs->listed)
		compare(agent);
	else
		agent_kcs_ask(agent);
	return true;
}

void agent_kcs_stop(struct agent *agent)
{
	struct agent_kcs *kcs = &agent->kcs;

	if (kcs->timer != NULL) {
		evtimer_del(kcs->timer);
		/* An account that is left is this one's, too, and a connection may stand. */
		agent_enrol_clean_later(agent);
	}
	channel_close(util_steal_ptr(kcs->channel));
	kcs->before = kcs->listed = false;
	agent_kcs_set_state(agent, AGENT_KCS_IDLE);
}

int agent_kcs_start(struct agent *agent)
{
	struct agent_kcs *kcs = &agent->kcs;
	int dir = agent->environment->state_fd, r;

	kcs->timer = evtimer_new(agent->base, on_timer, agent);
	if (kcs->timer == NULL)
		return -ENOMEM;
	if (agent->identity.action == IDENTITY_OTHER_MACHINE ||
		agent->identity.action == IDENTITY_FRESH) { /* of another BMC */
		account_remove(dir, ACCOUNT_BOOTSTRAP_FILE, &kcs->bootstrap);
		account_remove(dir, ACCOUNT_FILE, &kcs->account);
	}
	r = account_load(dir, ACCOUNT_BOOTSTRAP_FILE, &kcs->bootstrap);
	if (r < 0 && r != -ENOENT)
		log_error(MODULE, ACCOUNT_BOOTSTRAP_FILE " cannot be read: %s", strerror(-r));
	if (state_is_passing(r))
		return r;
	r = account_load(dir, ACCOUNT_FILE, &kcs->account);
	if (r < 0 && r != -ENOENT)
		log_error(MODULE, ACCOUNT_FILE " cannot be read: %s", strerror(-r));
	return state_is_passing(r) ? r : 0;
}

void agent_kcs_free(struct agent *agent)
{
	struct agent_kcs *kcs = &agent->kcs;

	if (kcs->timer != NULL)
		event_free(kcs->timer);
	kcs->timer = NULL;
	explicit_bzero(&kcs->bootstrap, sizeof(kcs->bootstrap));
	explicit_bzero(&kcs->account, sizeof(kcs->account));
}

json_t *agent_kcs_get_trust(const struct agent *agent)
{
	const struct trust_store *trust = &agent->trust;
	char when[CLOCK_TEXT];

	if (agent->settings.pin[0] != '\0')
		return json_pack("{s:s, s:n}", "by", "pinned", "at");
	if (!trust->pinned)
		return json_null();
	clock_format(trust->pinned_at, when);
	return json_pack("{s:s, s:s}", "by",
		trust->how == TRUST_HOW_NONE ? "unknown" : trust_how_names[trust->how], "at", when);
}
