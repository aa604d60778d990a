/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of an attempt: GET /redfish/v1/, find and GET the manager as the known host, enrol
 * where both sides allow it. What was shown on the way is gathered in channel_facts.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "host/link/channel_internal.h"

#define ROOT "/redfish/v1/"

static void start_root(struct channel *channel);
static void find_manager(struct channel *channel);

/* --- results --- */

static void note_login(struct channel *channel)
{
	const struct connection *connection = channel->main.connection;

	if (channel->session.token[0])
		channel->info.login = CHANNEL_LOGIN_SESSION;
	else if (!channel->plain && connection && connection->asked_certificate)
		channel->info.login = CHANNEL_LOGIN_CERTIFICATE;
}

static void end_attempt(struct channel *channel, enum outcome outcome)
{
	struct channel_result result;

	channel_fill_result(channel, &channel->main, outcome, &result);
	note_login(channel);
	result.first_use = outcome == OUTCOME_ENROLLED &&
			   channel->main.connection->facts.verdict == TRUST_VERDICT_FIRST_USE;
	channel_report(channel, &result);
}

/* What is said when the look at plain came to nothing is what TLS had shown. */
static void end_fallback(struct channel *channel)
{
	struct channel_result result = channel->first;

	channel_report(channel, &result);
}

static void try_plain(struct channel *channel, const struct trust_facts *facts, uint16_t port)
{
	channel_fill_result(channel, &channel->main, trust_classify(facts), &channel->first);
	channel->plain = channel->fallback = true;
	channel->port = port;
	channel->main.connection = NULL;
	start_root(channel);
}

/* The step did not bring what it should have. */
static void fail_attempt(struct channel *channel, bool answer_valid)
{
	const struct channel_environment *environment = channel->environment;
	struct trust_facts facts = channel_gather_facts(channel, &channel->main);
	enum trust_plain plain = TRUST_PLAIN_NO;

	facts.answer_valid = answer_valid;
	if (channel->fallback) {
		end_fallback(channel);
		return;
	}
	if (!channel->plain)
		plain = trust_plain_decide(environment->store, environment->settings, &facts);
	switch (plain) {
	case TRUST_PLAIN_TRY_PLAIN_PORT:
		try_plain(channel, &facts, channel->target.plain_port);
		return;
	case TRUST_PLAIN_SAME_PORT:
		try_plain(channel, &facts, channel->target.port);
		return;
	case TRUST_PLAIN_DOWNGRADE:
		end_attempt(channel, OUTCOME_DOWNGRADE);
		return;
	case TRUST_PLAIN_NO:
	case TRUST_PLAIN_OK:
		break;
	}
	end_attempt(channel, trust_classify(&facts));
}

/* The last word of an attempt whose answers were all as they should be. */
static void succeed(struct channel *channel, bool principal_known)
{
	struct trust_facts facts = channel_gather_facts(channel, &channel->main);
	enum outcome outcome;

	facts.http_status = 200;
	facts.answer_valid = true;
	facts.principal_known = principal_known;
	outcome = trust_classify(&facts);
	/* The BMC has our certificate already, and ours is the side that forgot: pin it. */
	if (outcome == OUTCOME_CONNECTED && !channel->plain &&
		facts.verdict == TRUST_VERDICT_FIRST_USE)
		outcome = OUTCOME_ENROLLED;
	end_attempt(channel, outcome);
}

/* --- steps --- */

static void on_enrolled(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	if (!transfer->complete)
		fail_attempt(channel, false);
	else if (transfer->status >= 200 && transfer->status < 300)
		end_attempt(channel, OUTCOME_ENROLLED);
	else
		succeed(channel, false);
}

static void start_enrol(struct channel *channel)
{
	_cleanup_free_ char *pem = NULL, *text = NULL;
	json_t *body = NULL;

	if (cert_to_pem(channel->environment->pair->certificate, &pem) == 0)
		body = json_pack("{s:s, s:s}", "CertificateString", pem, "CertificateType", "PEM");
	if (body)
		text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (!text) {
		channel->main.local = true;
		fail_attempt(channel, false);
		return;
	}
	channel_set_state(channel, CHANNEL_ENROL);
	transfer_start(&channel->main, "POST", channel->enrol, text, on_enrolled);
}

/*
 * We may give our certificate to a BMC that we have pinned, or are about to pin; trust_check_peer()
 * let no other come this far. Whether it takes it is its own window's matter.
 */
static bool may_enrol(const struct channel *channel)
{
	return !channel->plain && channel->enrolment_open && channel->enrol[0] != '\0';
}

static void on_logged_in(struct transfer *transfer, bool logged_in)
{
	struct channel *channel = transfer->channel;

	if (logged_in)
		find_manager(channel);
	else if (!transfer->complete)
		fail_attempt(channel, false);
	else
		end_attempt(channel, OUTCOME_LOGIN);
}

/*
 * The certificate did not do. On first use the pin is made now, before anything secret is said: the
 * owner connects again with it.
 */
static void start_login(struct channel *channel)
{
	const struct connection *connection = channel->main.connection;

	if (channel->session.token[0]) {
		snprintf(channel->why, sizeof(channel->why),
			"logged in as %.64s, and may not read %.90s", channel_login_user(channel),
			channel->main.path);
	} else if (channel_login_is_configured(channel) && !channel->plain && connection &&
		   connection->facts.verdict == TRUST_VERDICT_FIRST_USE) {
		end_attempt(channel, OUTCOME_ENROLLED);
		return;
	} else if (channel_login_start(&channel->main, on_logged_in)) {
		channel_set_state(channel, CHANNEL_LOGIN);
		return;
	}
	end_attempt(channel, OUTCOME_LOGIN);
}

static void refuse_principal(struct channel *channel)
{
	if (may_enrol(channel))
		start_enrol(channel);
	else if (!channel->plain && (!channel->info.ours || channel_login_is_configured(channel)))
		start_login(channel);
	else
		succeed(channel, false);
}

/* bmcweb answers 500 to a certificate that it trusts and whose name is no user of it. */
static bool is_refused(const struct transfer *transfer)
{
	const struct connection *connection = transfer->connection;

	if (!transfer->complete)
		return false;
	return transfer->status == 401 || transfer->status == 403 ||
	       (transfer->status == 500 && connection && connection->asked_certificate &&
		       !transfer->channel->info.ours && !transfer->channel->session.token[0] &&
		       channel_login_is_configured(transfer->channel));
}

static void on_manager(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	struct channel_info *info = &channel->info;
	json_t *manager = transfer_take_object(transfer);

	if (manager) {
		if (!info->vendor[0])
			resource_copy_text(
				manager, "Manufacturer", info->vendor, sizeof(info->vendor));
		resource_copy_text(manager, "Model", info->model, sizeof(info->model));
		resource_copy_text(manager, "FirmwareVersion", info->firmware_version,
			sizeof(info->firmware_version));
		if (info->ours)
			channel_read_announcement(manager, &info->next);
		json_decref(manager);
		succeed(channel, true);
	} else if (is_refused(transfer)) {
		refuse_principal(channel);
	} else {
		fail_attempt(channel, false);
	}
}

static void start_manager(struct channel *channel)
{
	channel_set_state(channel, CHANNEL_MANAGER);
	transfer_start(&channel->main, "GET", channel->manager, NULL, on_manager);
}

static void on_managers(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	json_t *managers = transfer_take_object(transfer);
	int r = -1;

	if (managers)
		r = resource_get_first_member(managers, channel->manager, sizeof(channel->manager));
	json_decref(managers);
	if (r == 0)
		start_manager(channel);
	else if (is_refused(transfer))
		refuse_principal(channel);
	else
		fail_attempt(channel, false);
}

/* By the link that says so, else the first of the collection. Again after a log-in. */
static void find_manager(struct channel *channel)
{
	if (channel->manager[0]) {
		start_manager(channel);
	} else if (channel->managers[0]) {
		channel_set_state(channel, CHANNEL_MANAGERS);
		transfer_start(&channel->main, "GET", channel->managers, NULL, on_managers);
	} else {
		fail_attempt(channel, false);
	}
}

/* A ServiceRoot on the plain port, TLS having failed. Returns whether to go on. */
static bool accept_fallback(struct channel *channel)
{
	const struct channel_environment *environment = channel->environment;
	struct trust_facts facts = channel_gather_facts(channel, &channel->main);
	enum trust_plain plain;

	facts.answer_valid = true;
	plain = trust_plain_decide(environment->store, environment->settings, &facts);
	channel->fallback = false;
	if (plain == TRUST_PLAIN_OK)
		return true;
	if (plain == TRUST_PLAIN_DOWNGRADE)
		end_attempt(channel, OUTCOME_DOWNGRADE);
	else
		end_fallback(channel);
	return false;
}

void channel_attempt_fail(struct channel *channel)
{
	fail_attempt(channel, false);
}

static void on_root(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	const struct channel_environment *environment = channel->environment;
	json_t *root = transfer_take_object(transfer);

	if (!root || !resource_is_service_root(root)) {
		fail_attempt(channel, false);
	} else if (!channel->fallback || accept_fallback(channel)) {
		channel_read_root(channel, root);
		channel_session_meet(channel);
		if (environment->enrolment)
			channel_enrol_start(channel, root);
		else
			find_manager(channel);
	}
	json_decref(root);
}

static void start_root(struct channel *channel)
{
	channel_set_state(channel, CHANNEL_ROOT);
	transfer_start(&channel->main, "GET", ROOT, NULL, on_root);
}

void channel_attempt_start(struct channel *channel)
{
	const struct channel_environment *environment = channel->environment;
	struct trust_facts facts;
	time_t not_before;

	channel->plain = !environment->settings->tls;
	channel->port = channel->plain ? channel->target.plain_port : channel->target.port;
	if (!channel->plain && !environment->enrolment &&
		(!environment->pair->certificate ||
			cert_get_dates(environment->pair->certificate, &not_before,
				&channel->own_not_after) < 0)) {
		channel->main.local = true;
		snprintf(channel->main.error, sizeof(channel->main.error),
			"there is no certificate of this service module");
	}
	facts = channel_gather_facts(channel, &channel->main);
	if (facts.local_failure) {
		end_attempt(channel, trust_classify(&facts));
		return;
	}
	/* An expired certificate is shown, and no more: not a byte of HTTP follows. The BMC sees by
	 * it that its host is about to get a new one, and opens its window. */
	channel->handshake_only = facts.own_expired;
	start_root(channel);
}
