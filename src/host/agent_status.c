/* SPDX-License-Identifier: Apache-2.0 */
/* The status object of `bmclinkctl status`: bmclinkctl(1) is its specification. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "host/agent_private.h"

json_t *agent_make_time(time_t when)
{
	char text[CLOCK_TEXT] = "";

	if (when != 0)
		clock_format(when, text);
	return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *string_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

/* Every protocol's missing condition in one sentence; the command that mends the first that can be
 * mended. */
static void explain_missing(
	const struct agent *agent, char *text, size_t text_size, char *mend, size_t mend_size)
{
	struct readiness_input input;
	char part[256], part_mend[256];
	size_t used = 0;

	text[0] = mend[0] = '\0';
	agent_nic_get_input(agent, &input);
	for (int p = LADDER_IPV4; p <= LADDER_IPV6; p++) {
		enum ladder_missing missing =
			ladder_get_missing(&agent->ladder, (enum ladder_protocol)p);

		readiness_explain(&input, missing, (enum ladder_protocol)p, part, sizeof(part),
			part_mend, sizeof(part_mend));
		if (part[0] == '\0' || strcmp(part, text) == 0)
			continue; /* nothing, or the NIC's own condition, which both share */
		used += (size_t)snprintf(
			text + used, text_size - used, "%s%s", used > 0 ? "; " : "", part);
		if (used >= text_size)
			used = text_size - 1;
		if (mend[0] == '\0')
			snprintf(mend, mend_size, "%s", part_mend);
	}
}

/* Else how the last attempt ended is old news: what is missing now is the reason. */
static bool can_try(const struct agent *agent)
{
	return ladder_get_missing(&agent->ladder, LADDER_IPV4) == LADDER_LACKS_NOTHING ||
	       ladder_get_missing(&agent->ladder, LADDER_IPV6) == LADDER_LACKS_NOTHING;
}

/* Why not connected: the missing condition where nothing can be tried, else the last failure. */
static void add_reason(const struct agent *agent, json_t *status)
{
	enum ladder_state state = ladder_get_state(&agent->ladder);
	enum outcome outcome = ladder_get_reason(&agent->ladder);
	char text[640] = "", mend[256] = "";
	const char *id = "ISM0057", *detail;

	if (state == LADDER_STATE_NO_INTERFACE) {
		id = "ISM0003";
		snprintf(text, sizeof(text), "%s", agent_report_get_no_interface(agent));
	} else if (agent->forget.state == AGENT_FORGET_DONE) {
		id = message_get(MSG_ISM1091)->id;
		snprintf(text, sizeof(text), "the BMC has forgotten this host, at its own wish");
		snprintf(mend, sizeof(mend), "systemctl restart bmclinkd");
	} else if (state == LADDER_STATE_INCOMPLETE ||
		   (state == LADDER_STATE_CONNECTING && !can_try(agent))) {
		explain_missing(agent, text, sizeof(text), mend, sizeof(mend));
	} else if ((state == LADDER_STATE_CONNECTING && outcome != OUTCOME_NONE) ||
		   state == LADDER_STATE_REFUSED) {
		detail = agent_report_get_detail(agent, outcome);
		id = message_get(outcome_message(outcome))->id;
		snprintf(text, sizeof(text), "%s%s%s", outcome_text(outcome),
			detail[0] != '\0' ? ": " : "", detail);
	}
	json_object_set_new(status, "reason",
		text[0] != '\0' ? json_pack("{s:s, s:s}", "id", id, "text", text) : json_null());
	json_object_set_new(status, "mend", string_or_null(mend));
}

static void add_connection(const struct agent *agent, json_t *status)
{
	const struct channel_info *info =
		agent->current.channel != NULL ? channel_get_info(agent->current.channel) : NULL;
	char fingerprint[CERT_FINGERPRINT_SIZE * 3] = "";
	enum ladder_protocol protocol = ladder_get_protocol(&agent->ladder);

	if (info != NULL && info->has_fingerprint)
		text_make_hex(info->fingerprint, CERT_FINGERPRINT_SIZE, ':', fingerprint);
	json_object_set_new(status, "protocol",
		protocol == LADDER_NONE ? json_null()
					: json_string(protocol == LADDER_IPV4 ? "ipv4" : "ipv6"));
	json_object_set_new(
		status, "local_address", string_or_null(info != NULL ? info->local_address : NULL));
	json_object_set_new(
		status, "bmc_address", string_or_null(info != NULL ? info->bmc_address : NULL));
	json_object_set_new(
		status, "encrypted", info != NULL ? json_boolean(info->encrypted) : json_null());
	json_object_set_new(status, "tls_version",
		info != NULL && info->encrypted ? json_string(tls_version_name(info->tls_version))
						: json_null());
	json_object_set_new(
		status, "tls_cipher", string_or_null(info != NULL ? info->tls_cipher : NULL));
	json_object_set_new(status, "bmc_fingerprint", string_or_null(fingerprint));
	json_object_set_new(status, "bmc",
		info == NULL ? json_null()
			     : json_pack("{s:o, s:o, s:o}", "vendor", string_or_null(info->vendor),
				       "model", string_or_null(info->model), "firmware_version",
				       string_or_null(info->firmware_version)));
}

json_t *agent_get_status(const struct agent *agent)
{
	const struct agent_report *report = &agent->report;
	json_t *status = json_object();

	json_object_set_new(
		status, "state", json_string(ladder_state_name(ladder_get_state(&agent->ladder))));
	json_object_set_new(status, "since", agent_make_time(report->since));
	json_object_set_new(status, "interface",
		string_or_null(agent->nic.claimed != 0 ? agent->nic.plan.nic.name : NULL));
	json_object_set_new(status, "unprotected",
		string_or_null(agent->nic.claimed != 0 ? agent->nic.unprotected : NULL));
	add_connection(agent, status);
	agent_bmc_add_status(agent, status);
	json_object_set_new(status, "log", agent_log_get_status(agent));
	json_object_set_new(status, "trust", agent_kcs_get_trust(agent));
	add_reason(agent, status);
	json_object_set_new(status, "configured_once",
		json_boolean(
			agent->nic.claimed != 0 && agent->nic.profile.once != PRIV_ONCE_ARMED));
	json_object_set_new(status, "previous",
		report->lost_at == 0
			? json_null()
			: json_pack("{s:s, s:s, s:o}", "bmc_address", report->lost_address,
				  "reason", outcome_text(report->lost), "ended",
				  agent_make_time(report->lost_at)));
	json_object_set_new(status, "features", agent_features_get_status(agent));
	json_object_set_new(status, "version", json_string(agent->environment->version));
	json_object_set_new(
		status, "package", string_or_null(agent->environment->self.package_version));
	return status;
}
