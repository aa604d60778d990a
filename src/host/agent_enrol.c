/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with an account from IPMI: this host is made known to the BMC for good, the account
 * is deleted. It is on disk until it is gone, so that a life that was cut short is made good by the
 * next: the same account is used again, and deleted, before another is asked for.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/agent_private.h"

#define MODULE	 "enrol"
#define CLEAN_MS 600000 /* until the BMC is asked again to delete what it did not */

static void end(struct agent *agent)
{
	channel_close(util_steal_ptr(agent->kcs.channel));
	agent->kcs.state = AGENT_KCS_IDLE;
}

void agent_enrol_give_up(struct agent *agent, const char *why)
{
	struct agent_kcs *kcs = &agent->kcs;
	struct channel_result result = kcs->result;

	end(agent);
	if (strcmp(kcs->said, why) != 0) { /* the ladder tries again and again */
		snprintf(kcs->said, sizeof(kcs->said), "%s", why);
		event_emit(agent->events, MSG_ISM1136, kcs->said);
	}
	agent_try_fail(agent, &result);
}

static void forget_bootstrap(struct agent *agent)
{
	int r = account_remove(
		agent->environment->state_fd, ACCOUNT_BOOTSTRAP_FILE, &agent->kcs.bootstrap);

	if (r < 0)
		log_error(MODULE, ACCOUNT_BOOTSTRAP_FILE ": %s", strerror(-r));
}

void agent_enrol_clean_later(struct agent *agent)
{
	if (agent->kcs.bootstrap.user[0] != '\0')
		clock_set_timer(agent->kcs.timer, CLEAN_MS);
}

static void cleaned(struct agent *agent, const struct channel_result *result)
{
	end(agent);
	if (result->cleaned)
		forget_bootstrap(agent);
	else
		agent_enrol_clean_later(agent);
}

static void enrolled(struct agent *agent, const struct channel_result *result)
{
	struct agent_kcs *kcs = &agent->kcs;
	struct channel_result done = {.outcome = OUTCOME_ENROLLED};

	event_emit(agent->events, MSG_ISM1135, kcs->bootstrap.user,
		result->cleaned ? "deleted" : "not deleted yet");
	kcs->said[0] = '\0';
	if (result->cleaned)
		forget_bootstrap(agent);
	/* The account of our own, where the BMC has it, may have been refused before. */
	agent->memory.hold = (struct login_hold){0};
	end(agent);
	agent_try_fail(agent, &done);
}

static void refused(struct agent *agent, const struct channel_result *result)
{
	struct agent_kcs *kcs = &agent->kcs;
	char detail[sizeof(result->detail)];

	snprintf(detail, sizeof(detail), "%s", result->detail);
	if (result->cleaned)
		forget_bootstrap(agent);
	/* Gone with a reset of the BMC, or never its: now a new one is asked for. */
	if (result->cleaned && kcs->remembered &&
		outcome_get_class(result->outcome) == OUTCOME_CLASS_TRUST) {
		struct channel_result again = kcs->result;

		end(agent);
		kcs->remembered = false;
		if (agent_kcs_take(agent, &again))
			return;
	}
	if (outcome_get_class(result->outcome) == OUTCOME_CLASS_TRUST) {
		agent_enrol_give_up(agent, detail);
	} else {
		struct channel_result failed = *result;

		end(agent);
		agent_try_fail(agent, &failed);
	}
}

static void done(struct channel *channel, const struct channel_result *result, void *arg)
{
	struct agent *agent = arg;
	struct channel_result kept = *result; /* it lives in the channel, which is closed below */

	if (agent->kcs.enrolment.only_clean)
		cleaned(agent, &kept);
	else if (kept.enrolled)
		enrolled(agent, &kept);
	else
		refused(agent, &kept);
}

static int get_password(char password[PRIV_MAX_PASSWORD + 1], void *arg)
{
	struct agent *agent = arg;

	snprintf(password, PRIV_MAX_PASSWORD + 1, "%s", agent->kcs.bootstrap.password);
	return 0;
}

/* The same for as long as this host lives: a second one is never made. */
static int get_account(struct account *account, void *arg)
{
	struct agent *agent = arg;
	struct agent_kcs *kcs = &agent->kcs;
	struct account made;
	int r = 0;

	if (kcs->account.user[0] == '\0') {
		r = account_make(&made);
		if (r == 0)
			r = account_save(agent->environment->state_fd, ACCOUNT_FILE, &made);
		if (r == 0)
			kcs->account = made;
		explicit_bzero(&made, sizeof(made));
	}
	if (r == 0)
		*account = kcs->account;
	return r;
}

void agent_enrol_offer_account(struct agent *agent)
{
	bool ours = agent->settings.login_password_file[0] == '\0';

	agent->channels.account =
		ours && agent->kcs.account.user[0] != '\0' ? agent->kcs.account.user : NULL;
}

void agent_enrol_start(struct agent *agent, bool only_clean)
{
	const struct channel_handlers handlers = {.done = done, .arg = agent};
	struct agent_kcs *kcs = &agent->kcs;
	int r;

	kcs->enrolment = (struct channel_enrolment){.pair = &agent->identity.pair,
		.get_account = get_account,
		.only_clean = only_clean};
	kcs->environment = agent->channels;
	kcs->environment.pair = &kcs->no_pair;
	kcs->environment.account = kcs->bootstrap.user;
	kcs->environment.get_password = get_password;
	kcs->environment.memory = NULL;
	kcs->environment.enrolment = &kcs->enrolment;
	kcs->state = only_clean ? AGENT_KCS_CLEANING : AGENT_KCS_ENROLLING;
	/* IPv4 may have been tried since, in vain. */
	r = channel_open(&kcs->environment, only_clean ? &kcs->connected : &kcs->target, &handlers,
		&kcs->channel);
	if (r == 0)
		return;
	if (only_clean) {
		end(agent);
		agent_enrol_clean_later(agent);
	} else {
		agent_enrol_give_up(agent, strerror(-r));
	}
}

void agent_kcs_connected(struct agent *agent)
{
	struct agent_kcs *kcs = &agent->kcs;
	int r;

	if (agent->current.channel == NULL)
		return;
	kcs->said[0] = '\0';
	r = trust_store_end_enrolling(agent->environment->state_fd, &agent->trust);
	if (r < 0)
		log_error(MODULE, "trust could not be saved: %s", strerror(-r));
	if (kcs->bootstrap.user[0] != '\0' && kcs->state == AGENT_KCS_IDLE &&
		channel_get_info(agent->current.channel)->encrypted)
		agent_enrol_start(agent, true);
}
