/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session log-in (DSP0266 clause "Redfish session login authentication"): POST to the collection
 * that the ServiceRoot names; the token of the answer then goes with every request of the channel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/text.h"
#include "host/link/channel_internal.h"

static uint64_t now_ms(void)
{
	return (uint64_t)clock_get_ms(CLOCK_BOOTTIME);
}

bool channel_login_is_configured(const struct channel *channel)
{
	const struct settings *settings = channel->environment->settings;

	if (!channel->environment->get_password)
		return false;
	return channel->environment->account ||
	       (settings->login_user[0] && settings->login_password_file[0]);
}

const char *channel_login_user(const struct channel *channel)
{
	return channel->environment->account ?: channel->environment->settings->login_user;
}

bool channel_login_is_safe(const struct transfer *transfer)
{
	const struct connection *connection = transfer->connection;

	/* FIRST_USE is not enough: the pin must be on disk before the password is on the wire. */
	return !transfer->channel->plain && connection && connection->facts.handshake_done &&
	       connection->facts.verify_called && connection->facts.verdict == TRUST_VERDICT_OK;
}

/* --- the answer --- */

/* "Base.1.12.SessionLimitExceeded" says more than the status does. */
static void copy_message_id(const struct transfer *transfer, char *out, size_t size)
{
	json_t *body = NULL;
	const json_t *info, *id;

	out[0] = '\0';
	if (transfer->body)
		body = json_text_load(transfer->body, transfer->body_length, 0);
	info = json_object_get(json_object_get(body, "error"), "@Message.ExtendedInfo");
	id = json_object_get(json_array_get(info, 0), "MessageId");
	if (json_is_string(id))
		text_make_printable(json_string_value(id), json_string_length(id), out, size);
	json_decref(body);
}

static void take_session(const struct transfer *transfer)
{
	struct channel_session *session = &transfer->channel->session;
	json_t *body = NULL;

	snprintf(session->token, sizeof(session->token), "%s", transfer->token);
	session->generation++;
	session->location[0] = '\0';
	if (resource_get_location(
		    transfer->location, session->location, sizeof(session->location)) == 0)
		return;
	/* The header is mandatory, and there are services that forget it. */
	if (transfer->body)
		body = json_text_load(transfer->body, transfer->body_length, 0);
	if (resource_get_location(json_string_value(json_object_get(body, "@odata.id")) ?: "",
		    session->location, sizeof(session->location)) < 0)
		log_info("channel", "%s: the BMC does not say where its session is",
			transfer->channel->info.bmc_address);
	json_decref(body);
}

static bool judge_answer(const struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	char id[80];

	if (!transfer->complete)
		return false;
	if (transfer->status >= 200 && transfer->status < 300 &&
		login_token_is_safe(transfer->token)) {
		channel->memory->hold = (struct login_hold){0};
		take_session(transfer);
		return true;
	}
	login_hold_refused(&channel->memory->hold, now_ms());
	copy_message_id(transfer, id, sizeof(id));
	snprintf(channel->why, sizeof(channel->why), "log-in as %s: the BMC answered %d%s%s",
		channel_login_user(channel), transfer->status,
		transfer->status < 300 ? " without a token" : "", "");
	if (id[0])
		snprintf(channel->why + strlen(channel->why),
			sizeof(channel->why) - strlen(channel->why), " (%s)", id);
	return false;
}

static void on_answer(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	struct channel_session *session = &channel->session;
	channel_login_fn then = session->then, waiting_then = session->waiting_then;
	struct transfer *waiting = session->waiting;
	bool logged_in = judge_answer(transfer);

	explicit_bzero(transfer->token, sizeof(transfer->token));
	transfer->secret = false;
	session->by = session->waiting = NULL;
	then(transfer, logged_in);
	if (waiting && channel->state < CHANNEL_ENDED)
		waiting_then(waiting, logged_in);
}

/* --- the question --- */

static bool refuse(struct channel *channel, const char *why)
{
	snprintf(channel->why, sizeof(channel->why), "%s", why);
	return false;
}

static bool may_start(const struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	const struct login_hold *hold = &channel->memory->hold;
	uint64_t now = now_ms();

	if (!channel_login_is_configured(channel))
		return refuse(channel, "it wants a log-in: set user and password_file in [Login]");
	if (!channel_login_is_safe(transfer))
		return refuse(channel, "no log-in but over TLS to a pinned BMC");
	if (channel->sessions[0] == '\0')
		return refuse(channel, "its ServiceRoot names no session collection");
	if (login_is_held(hold, now)) {
		snprintf(channel->why, sizeof(channel->why),
			"the BMC refused the log-in as %s; the next one is made in %u s",
			channel_login_user(channel),
			(unsigned int)((hold->until - now) / 1000) + 1);
		return false;
	}
	return true;
}

static int make_body(struct channel *channel, char *body, size_t size)
{
	const struct channel_environment *environment = channel->environment;
	char password[PRIV_MAX_PASSWORD + 1];
	int r = environment->get_password(password, environment->arg);

	if (r < 0) {
		refuse(channel, login_explain_password(r));
		return r;
	}
	r = login_make_body(channel_login_user(channel), password, body, size);
	explicit_bzero(password, sizeof(password));
	return r;
}

bool channel_login_start(struct transfer *transfer, channel_login_fn then)
{
	struct channel *channel = transfer->channel;
	struct channel_session *session = &channel->session;
	char body[LOGIN_MAX_BODY];

	if (!may_start(transfer) || make_body(channel, body, sizeof(body)) < 0)
		return false;
	/* The old token is worth nothing any more, and must not go with the password. */
	explicit_bzero(session->token, sizeof(session->token));
	session->by = transfer;
	session->then = then;
	transfer->stream = false;
	transfer->secret = true;
	transfer_start(transfer, "POST", channel->sessions, body, on_answer);
	explicit_bzero(body, sizeof(body));
	return true;
}
