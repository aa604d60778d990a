/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt has shown: facts for the verdict, a result for the owner, the ServiceRoot. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "host/link/channel_internal.h"

struct trust_facts channel_gather_facts(
	const struct channel *channel, const struct transfer *transfer)
{
	const struct channel_environment *environment = channel->environment;
	struct trust_clock clock = channel_clock(channel);
	struct trust_facts facts = {.alert_in = -1, .alert_out = -1};

	if (transfer->connection)
		facts = transfer->connection->facts;
	facts.plain = channel->plain;
	facts.tls_enabled = environment->settings->tls;
	facts.tls_demanded = !settings_allow_plain(environment->settings);
	facts.own_expired = !channel->plain && environment->pair->certificate &&
			    trust_own_expired(channel->own_not_after, &clock);
	facts.local_failure = transfer->local;
	facts.connect_errno = transfer->connect_errno;
	facts.timed_out = transfer->timed_out;
	facts.http_status = transfer->status;
	if (transfer->status == 0 && (transfer->garbled || transfer->too_large || transfer->barren))
		facts.http_status = -1;
	/* libcurl may have been the one to tell that TLS could not be; only the version is ours. */
	facts.version_error = facts.alert_out == 70;
	return facts;
}

void channel_fill_result(const struct channel *channel, const struct transfer *transfer,
	enum outcome outcome, struct channel_result *result)
{
	const struct connection *connection = transfer->connection;

	*result = (struct channel_result){.outcome = outcome};
	channel_describe(channel, transfer, outcome, result->detail, sizeof(result->detail));
	if (!connection)
		return;
	result->spoke_tls =
		!channel->plain && connection->saw_record && !connection->facts.bytes_not_tls;
	result->peer_version =
		connection->version != TLS_NONE ? connection->version : connection->peer_version;
	if (connection->has_peer) {
		result->has_fingerprint = true;
		result->peer_not_after = connection->peer.not_after;
		memcpy(result->fingerprint, connection->peer.fingerprint,
			sizeof(result->fingerprint));
	}
}

/* Where our certificate would go, and whether the BMC would take it. */
static void read_enrolment(struct channel *channel, const json_t *oem)
{
	const char *window = json_string_value(json_object_get(oem, "Enrolment"));
	char account[CHANNEL_MAX_PATH];
	size_t length;

	channel->enrolment_open = window && strcmp(window, "Open") == 0;
	if (resource_get_link(oem, "HostAccount", account, sizeof(account)) < 0)
		return;
	length = strlen(account);
	if (account[length - 1] == '/')
		account[length - 1] = '\0';
	if (length + strlen("/Certificates") < sizeof(channel->enrol))
		snprintf(channel->enrol, sizeof(channel->enrol), "%.*s/Certificates",
			(int)(CHANNEL_MAX_PATH - sizeof("/Certificates")), account);
}

/* What the ServiceRoot offers: names, the way to the manager, enrolment. */
void channel_read_root(struct channel *channel, const json_t *root)
{
	struct channel_info *info = &channel->info;
	const json_t *oem = json_object_get(json_object_get(root, "Oem"), "Bmclink");
	json_int_t keep_alive;

	resource_copy_text(root, "Vendor", info->vendor, sizeof(info->vendor));
	resource_copy_text(root, "Product", info->model, sizeof(info->model));
	resource_copy_text(root, "UUID", info->uuid, sizeof(info->uuid));
	channel->info.ours = json_is_object(oem);
	if (!channel->info.ours)
		channel->main.answer_ms = channel->main.body_ms = CHANNEL_FOREIGN_MS;
	resource_get_link(json_object_get(root, "Links"), "Sessions", channel->sessions,
		sizeof(channel->sessions));
	if (resource_get_link(json_object_get(root, "Links"), "ManagerProvidingService",
		    channel->manager, sizeof(channel->manager)) < 0)
		resource_get_link(root, "Managers", channel->managers, sizeof(channel->managers));
	resource_get_link(
		root, "EventService", channel->event_service, sizeof(channel->event_service));
	resource_get_link(root, "Systems", channel->systems, sizeof(channel->systems));
	channel->top_skip = json_is_true(json_object_get(
		json_object_get(root, "ProtocolFeaturesSupported"), "TopSkipQuery"));
	read_enrolment(channel, oem);
	keep_alive = json_integer_value(json_object_get(oem, "StreamKeepAliveSeconds"));
	if (keep_alive > 0 && keep_alive <= CHANNEL_MAX_KEEP_ALIVE)
		channel->keep_alive_s = (unsigned int)keep_alive;
}
