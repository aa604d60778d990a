/* SPDX-License-Identifier: Apache-2.0 */
/* The detail of a result: what happened, to what, and why, for people. */
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>

#include "base/text.h"
#include "host/link/channel_internal.h"

#define DETAIL_MAX 256

static void say_date(const char *whose, time_t date, char *out, size_t size)
{
	struct tm tm;
	char text[32] = "?";

	if (gmtime_r(&date, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm);
	snprintf(out, size, "%s certificate expired on %s", whose, text);
}

static void say_identity(
	const struct channel *channel, const struct connection *connection, char *out, size_t size)
{
	const struct channel_environment *environment = channel->environment;
	unsigned char pin[CERT_FINGERPRINT_SIZE];
	char expected[3 * CERT_FINGERPRINT_SIZE], shown[3 * CERT_FINGERPRINT_SIZE];

	memcpy(pin, environment->store->pin, sizeof(pin));
	if (environment->settings->pin[0])
		text_parse_hex(environment->settings->pin, pin, sizeof(pin));
	text_make_hex(pin, sizeof(pin), 0, expected);
	text_make_hex(connection->peer.fingerprint, sizeof(pin), 0, shown);
	snprintf(out, size, "SHA-256 pinned %s, shown %s", expected, shown);
}

static void say_versions(
	const struct channel *channel, const struct connection *connection, char *out, size_t size)
{
	const struct settings *settings = channel->environment->settings;
	enum tls_version peer = connection->peer_version;
	char theirs[32] = "refused them";

	if (connection->facts.bytes_not_tls)
		snprintf(theirs, sizeof(theirs), "has no TLS");
	else if (peer != TLS_NONE)
		snprintf(theirs, sizeof(theirs), "chose %s", tls_version_name(peer));
	snprintf(out, size, "we offer %s to %s, the BMC %s",
		tls_version_name((enum tls_version)settings->tls_min_version),
		tls_version_name((enum tls_version)settings->tls_max_version), theirs);
}

static void say_alert(const struct trust_facts *facts, char *out, size_t size)
{
	int alert = facts->alert_in >= 0 ? facts->alert_in : facts->alert_out;

	snprintf(out, size, "TLS alert %d (%s) %s", alert, SSL_alert_desc_string_long(alert),
		facts->alert_in >= 0 ? "from the BMC" : "sent by us");
}

static void say_timeout(
	const struct transfer *transfer, const struct trust_facts *facts, char *out, size_t size)
{
	if (!facts->plain && !facts->handshake_done)
		snprintf(out, size, "no complete TLS handshake within %d ms", CHANNEL_TLS_MS);
	else
		snprintf(out, size, "no complete answer to %s %.100s in time", transfer->method,
			transfer->path);
}

/* What the connection itself shows, when no judgement was passed. */
static void say_transport(
	const struct transfer *transfer, const struct trust_facts *facts, char *out, size_t size)
{
	const struct connection *connection = transfer->connection;
	char error[CURL_ERROR_SIZE];

	text_make_printable(transfer->error, strlen(transfer->error), error, sizeof(error));
	if (facts->connect_errno != 0)
		snprintf(out, size, "connect: %s", strerror(facts->connect_errno));
	else if (facts->alert_in >= 0 || facts->alert_out >= 0)
		say_alert(facts, out, size);
	else if (facts->timed_out)
		say_timeout(transfer, facts, out, size);
	else if (facts->bytes_not_tls)
		snprintf(out, size, "the bytes that came back are not TLS");
	else if (transfer->too_large)
		snprintf(out, size, "the answer to %s %.100s is too large", transfer->method,
			transfer->path);
	else if (transfer->barren)
		snprintf(
			out, size, "more than %d bytes of TLS brought nothing", CHANNEL_MAX_BARREN);
	else if (connection && connection->read_errno != 0)
		snprintf(out, size, "%s", strerror(connection->read_errno));
	else if (transfer->complete)
		snprintf(out, size, "%s %.100s answered %d", transfer->method, transfer->path,
			transfer->status);
	else
		snprintf(out, size, "%s", error[0] ? error : "connection closed");
}

void channel_describe(const struct channel *channel, const struct transfer *transfer,
	enum outcome outcome, char *out, size_t size)
{
	struct trust_facts facts = channel_gather_facts(channel, transfer);
	const struct connection *connection = transfer->connection;
	char what[DETAIL_MAX] = "", line[DETAIL_MAX + INET6_ADDRSTRLEN + 32];

	if (outcome == OUTCOME_IDENTITY_CHANGED && connection)
		say_identity(channel, connection, what, sizeof(what));
	else if (outcome == OUTCOME_OWN_EXPIRED && facts.own_expired)
		say_date("our", channel->own_not_after, what, sizeof(what));
	else if (outcome == OUTCOME_PEER_EXPIRED && connection)
		say_date("the BMC's", connection->peer.not_after, what, sizeof(what));
	else if (outcome == OUTCOME_VERSION && connection)
		say_versions(channel, connection, what, sizeof(what));
	else if (outcome == OUTCOME_NOT_PINNED && channel->environment->store->damaged)
		snprintf(what, sizeof(what), "the trust store is damaged");
	else if (outcome == OUTCOME_NOT_PINNED)
		snprintf(what, sizeof(what), "no pin, and no window to make one");
	else if (outcome == OUTCOME_DOWNGRADE)
		snprintf(what, sizeof(what), "no TLS there, and TLS is expected of this BMC");
	else if (outcome == OUTCOME_KEEPALIVE && transfer->phase == TRANSFER_STREAM)
		snprintf(what, sizeof(what),
			"its event stream should have had a comment each %u s, and has none",
			channel->keep_alive_s);
	else if (outcome == OUTCOME_LOGIN && channel->why[0])
		snprintf(what, sizeof(what), "%s", channel->why);
	else
		say_transport(transfer, &facts, what, sizeof(what));
	snprintf(line, sizeof(line), "%s port %u: %s", channel->info.bmc_address, channel->port,
		what);
	text_make_printable(line, strlen(line), out, size);
}
