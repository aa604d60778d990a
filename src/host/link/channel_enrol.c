/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an account from IPMI is good for (DSP0270, credential bootstrapping), on a connection of its
 * own to the pinned BMC, without our certificate, which it may not know: log in, make ourselves
 * known for good (our certificate to our own endpoint, an account elsewhere), delete the account.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

#define ROLE	    "ReadOnly" /* the least that a BMC's manager and logs can be read with */
#define MAX_MEMBERS 64	       /* accounts that are looked through */

static void clean(struct channel *channel);

static bool is_done(const struct transfer *transfer)
{
	return transfer->complete && transfer->status >= 200 && transfer->status < 300;
}

/* --- the end --- */

static void report(struct channel *channel)
{
	const struct channel_enrol_run *run = &channel->run;
	enum outcome outcome = run->enrolled || channel->environment->enrolment->only_clean
				       ? OUTCOME_ENROLLED
				       : OUTCOME_LOGIN;
	struct channel_result result;

	channel_fill_result(channel, &channel->main, outcome, &result);
	result.enrolled = run->enrolled;
	result.cleaned = run->cleaned;
	channel_report(channel, &result);
}

static void on_logged_out(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	channel->session.location[0] = '\0'; /* ended, or as good as */
	report(channel);
}

/* With its account a session has ended. */
static void end(struct channel *channel)
{
	json_decref(channel->run.members);
	channel->run.members = NULL;
	if (channel->run.cleaned)
		channel->session.location[0] = '\0';
	if (channel->session.location[0])
		transfer_start(
			&channel->main, "DELETE", channel->session.location, NULL, on_logged_out);
	else
		report(channel);
}

/* A step was cut short: there is nobody to talk to any more. */
static bool is_cut(struct transfer *transfer)
{
	if (transfer->complete)
		return false;
	json_decref(transfer->channel->run.members);
	transfer->channel->run.members = NULL;
	channel_attempt_fail(transfer->channel);
	return true;
}

/* What was asked for was not to be had: it is said, and the account goes all the same. */
static void give_up(struct channel *channel, const char *what, int status)
{
	snprintf(channel->why, sizeof(channel->why), "%s (HTTP %d)", what, status);
	clean(channel);
}

/* --- an account by its name --- */

static bool get_member(const struct channel *channel, size_t i, char *path, size_t size)
{
	return resource_get_link(
		       json_array_get(channel->run.members, i), "@odata.id", path, size) == 0;
}

/* Most services name an account's resource after it: that one is looked at first. */
static size_t guess_member(const struct channel *channel)
{
	const struct channel_enrol_run *run = &channel->run;
	size_t wanted = strlen(run->wanted);
	char path[CHANNEL_MAX_PATH];

	for (size_t i = 0; i < json_array_size(run->members); i++) {
		size_t length;

		if (!get_member(channel, i, path, sizeof(path)))
			continue;
		length = strlen(path);
		if (length > 1 && path[length - 1] == '/')
			path[--length] = '\0';
		if (length > wanted && path[length - wanted - 1] == '/' &&
			strcmp(path + length - wanted, run->wanted) == 0)
			return i;
	}
	return 0;
}

static void look_on(struct channel *channel);

static void on_member(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	struct channel_enrol_run *run = &channel->run;
	const char *user;
	json_t *account;
	bool found;

	if (is_cut(transfer))
		return;
	account = transfer_take_object(transfer);
	user = json_string_value(json_object_get(account, "UserName"));
	found = user && strcmp(user, run->wanted) == 0;
	json_decref(account);
	if (found) {
		snprintf(run->found, sizeof(run->found), "%s", transfer->path);
		run->then(channel, true);
		return;
	}
	run->seen++;
	run->at = (run->at + 1) % json_array_size(run->members);
	look_on(channel);
}

static void look_on(struct channel *channel)
{
	struct channel_enrol_run *run = &channel->run;
	size_t n = json_array_size(run->members);
	char path[CHANNEL_MAX_PATH];

	while (run->seen < n && run->seen < MAX_MEMBERS) {
		if (get_member(channel, run->at, path, sizeof(path))) {
			transfer_start(&channel->main, "GET", path, NULL, on_member);
			return;
		}
		run->seen++;
		run->at = (run->at + 1) % n;
	}
	run->then(channel, false);
}

/* then() is told whether there is an account of this name, at run->found. */
static void look_for(struct channel *channel, const char *user,
	void (*then)(struct channel *channel, bool found))
{
	struct channel_enrol_run *run = &channel->run;

	run->wanted = user;
	run->then = then;
	run->seen = 0;
	run->at = guess_member(channel);
	look_on(channel);
}

/* --- the bootstrap account goes --- */

static void on_deleted(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	if (is_cut(transfer))
		return;
	channel->run.cleaned = is_done(transfer) || transfer->status == 404;
	if (!channel->run.cleaned)
		log_warning("channel", "the BMC did not delete the bootstrap account: HTTP %d",
			transfer->status);
	end(channel);
}

static void delete_it(struct channel *channel, bool found)
{
	if (found) {
		transfer_start(&channel->main, "DELETE", channel->run.found, NULL, on_deleted);
		return;
	}
	log_warning("channel", "the bootstrap account is not among the BMC's accounts");
	end(channel);
}

static void clean(struct channel *channel)
{
	look_for(channel, channel->environment->account, delete_it);
}

/* --- an account of our own, on a BMC of another make --- */

static void enrolled(struct channel *channel)
{
	channel->run.enrolled = true;
	clean(channel);
}

static void on_changed(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	if (is_cut(transfer))
		return;
	if (is_done(transfer))
		enrolled(channel);
	else
		give_up(channel, "the BMC did not change the password of this host's account",
			transfer->status);
}

/* It was made in an earlier life, whose end came before the answer: its password is made ours. */
static void adopt(struct channel *channel, bool found)
{
	_cleanup_free_ char *text = NULL;
	json_t *body;

	if (!found) {
		give_up(channel, "the BMC made no account for this host", channel->run.status);
		return;
	}
	body = json_pack("{s:s}", "Password", channel->run.account.password);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (text)
		transfer_start(&channel->main, "PATCH", channel->run.found, text, on_changed);
	else
		give_up(channel, "out of memory", 0);
	if (text)
		explicit_bzero(text, strlen(text));
}

static void on_made(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	if (is_cut(transfer))
		return;
	channel->run.status = transfer->status;
	if (is_done(transfer))
		enrolled(channel);
	else
		look_for(channel, channel->run.account.user, adopt);
}

static void make_account(struct channel *channel)
{
	const struct channel_environment *environment = channel->environment;
	struct account *account = &channel->run.account;
	_cleanup_free_ char *text = NULL;
	json_t *body;

	if (environment->enrolment->get_account(account, environment->arg) < 0) {
		give_up(channel, "the account's password could not be saved", 0);
		return;
	}
	body = json_pack("{s:s, s:s, s:s}", "UserName", account->user, "Password",
		account->password, "RoleId", ROLE);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!text) {
		give_up(channel, "out of memory", 0);
		return;
	}
	transfer_start(&channel->main, "POST", channel->run.accounts, text, on_made);
	explicit_bzero(text, strlen(text));
}

/* --- the way to the accounts --- */

static void on_accounts(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	const struct channel_enrolment *enrolment = channel->environment->enrolment;
	json_t *accounts;

	if (is_cut(transfer))
		return;
	accounts = transfer_take_object(transfer);
	channel->run.members = json_incref(json_object_get(accounts, "Members"));
	json_decref(accounts);
	if (!json_is_array(channel->run.members)) {
		snprintf(channel->why, sizeof(channel->why),
			"the BMC does not show its accounts (HTTP %d)", transfer->status);
		end(channel);
	} else if (enrolment->only_clean || channel->run.enrolled || channel->why[0]) {
		clean(channel);
	} else {
		make_account(channel);
	}
}

static void on_service(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	json_t *service;
	int r;

	if (is_cut(transfer))
		return;
	service = transfer_take_object(transfer);
	r = resource_get_link(
		service, "Accounts", channel->run.accounts, sizeof(channel->run.accounts));
	json_decref(service);
	if (r == 0) {
		transfer_start(&channel->main, "GET", channel->run.accounts, NULL, on_accounts);
		return;
	}
	snprintf(channel->why, sizeof(channel->why), "the BMC's account service names no accounts");
	end(channel);
}

static void find_accounts(struct channel *channel)
{
	if (channel->run.service[0]) {
		transfer_start(&channel->main, "GET", channel->run.service, NULL, on_service);
		return;
	}
	snprintf(channel->why, sizeof(channel->why), "the BMC's ServiceRoot names no accounts");
	end(channel);
}

/* --- our certificate, to our own endpoint --- */

static void on_certificate(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	if (is_cut(transfer))
		return;
	/* 409: it has this one. An earlier life gave it, and did not hear the answer. */
	channel->run.enrolled = is_done(transfer) || transfer->status == 409;
	if (!channel->run.enrolled)
		snprintf(channel->why, sizeof(channel->why),
			"the BMC did not take this host's certificate (HTTP %d)", transfer->status);
	find_accounts(channel);
}

static void give_certificate(struct channel *channel)
{
	_cleanup_free_ char *pem = NULL, *text = NULL;
	json_t *body = NULL;

	if (cert_to_pem(channel->environment->enrolment->pair->certificate, &pem) == 0)
		body = json_pack("{s:s, s:s}", "CertificateString", pem, "CertificateType", "PEM");
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!text) {
		snprintf(channel->why, sizeof(channel->why), "there is no certificate to give");
		find_accounts(channel);
		return;
	}
	transfer_start(&channel->main, "POST", channel->enrol, text, on_certificate);
}

/* --- in --- */

static void on_logged_in(struct transfer *transfer, bool logged_in)
{
	struct channel *channel = transfer->channel;

	if (!logged_in && !transfer->complete) {
		channel_attempt_fail(channel);
		return;
	}
	if (!logged_in) { /* the account is gone: with a reset of the BMC, say */
		channel->run.cleaned = transfer->status == 401 || transfer->status == 403;
		report(channel);
		return;
	}
	channel_set_state(channel, CHANNEL_ENROL);
	if (channel->info.ours && channel->enrol[0] && !channel->environment->enrolment->only_clean)
		give_certificate(channel);
	else
		find_accounts(channel);
}

void channel_enrol_start(struct channel *channel, const json_t *root)
{
	struct channel_enrol_run *run = &channel->run;

	if (resource_get_link(root, "AccountService", run->service, sizeof(run->service)) < 0)
		run->service[0] = '\0';
	channel_set_state(channel, CHANNEL_LOGIN);
	if (!channel_login_start(&channel->main, on_logged_in))
		report(channel);
}
