/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told: events and audit records, each thing once, until it changes. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "host/agent_private.h"

#define MODULE "link"

static const char *tls_text(const struct channel_info *info)
{
	return info->encrypted ? tls_version_name(info->tls_version) : "not encrypted";
}

static void format_date(time_t when, char *out, size_t size)
{
	struct tm tm;

	if (when == 0 || gmtime_r(&when, &tm) == NULL)
		snprintf(out, size, "an unknown date");
	else
		strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static void format_fingerprint(const unsigned char *fingerprint, char *out)
{
	text_make_hex(fingerprint, CERT_FINGERPRINT_SIZE, ':', out);
}

static void audit(struct agent *agent, enum priv_audit kind, enum ladder_protocol protocol,
	const char *address, const char *tls, const char *reason, bool success)
{
	int r = priv_write_audit(agent->priv, kind, protocol == LADDER_IPV6 ? AF_INET6 : AF_INET,
		address, tls, reason, success);

	if (r < 0)
		log_debug(MODULE, "no audit record: %s", strerror(-r));
}

/* What is worth a warning beside the connection itself. */
static void report_quality(struct agent *agent, const struct channel_info *info)
{
	const char *protocol = ladder_protocol_name(agent->current.protocol);

	if (!info->encrypted)
		event_emit_flapping(agent->events, MSG_ISM1006, protocol);
	else if (info->tls_version <= TLS_1_1)
		event_emit_flapping(agent->events, MSG_ISM1008, protocol);
	if (info->clock_unset && !agent->report.said_clock)
		event_emit(agent->events, MSG_ISM1011);
	agent->report.said_clock = info->clock_unset;
}

static void note_failure(
	struct agent *agent, enum ladder_protocol protocol, const struct channel_result *result)
{
	agent->report.last[protocol].outcome = result->outcome;
	snprintf(agent->report.last[protocol].detail, sizeof(agent->report.last[protocol].detail),
		"%s", result->detail);
}

const char *agent_report_get_detail(const struct agent *agent, enum outcome outcome)
{
	const struct agent_report *report = &agent->report;

	for (int p = LADDER_IPV4; p <= LADDER_IPV6; p++) {
		if (report->last[p].outcome == outcome)
			return report->last[p].detail;
	}
	return "";
}

void agent_report_connected(struct agent *agent, enum ladder_protocol previous)
{
	const struct channel_info *info = channel_get_info(agent->current.channel);
	const char *protocol = ladder_protocol_name(agent->current.protocol), *tls = tls_text(info);

	if (previous != LADDER_NONE) {
		event_emit_flapping(agent->events, MSG_ISM1000, ladder_protocol_name(previous),
			protocol, info->local_address, info->bmc_address, tls);
		audit(agent, PRIV_AUDIT_CHANGED, agent->current.protocol, info->bmc_address, tls,
			"changed", true);
	} else {
		event_emit_flapping(agent->events,
			agent->report.ever_connected ? MSG_ISM0005 : MSG_ISM0004, protocol,
			info->local_address, info->bmc_address, tls);
		audit(agent, PRIV_AUDIT_CONNECTED, agent->current.protocol, info->bmc_address, tls,
			"connected", true);
	}
	agent->report.ever_connected = true;
	memset(agent->report.failed, 0, sizeof(agent->report.failed));
	memset(agent->report.last, 0, sizeof(agent->report.last));
	report_quality(agent, info);
}

/* A BMC that refuses now for this reason, now for that, is no line each time. */
static void report_refusal(
	struct agent *agent, enum ladder_protocol protocol, const struct channel_result *result)
{
	const char *name = ladder_protocol_name(protocol);
	char a[sizeof(agent->settings.pin)] = "none", b[CERT_FINGERPRINT_SIZE * 3] = "none",
	     date[40];

	switch (result->outcome) {
	case OUTCOME_OWN_EXPIRED:
		format_date(agent->identity.not_after, date, sizeof(date));
		event_emit_flapping(agent->events, MSG_ISM1002, name, date);
		break;
	case OUTCOME_PEER_EXPIRED:
		format_date(result->peer_not_after, date, sizeof(date));
		event_emit_flapping(agent->events, MSG_ISM1003, name, date);
		break;
	case OUTCOME_IDENTITY_CHANGED:
		if (agent->trust.pinned)
			format_fingerprint(agent->trust.pin, a);
		if (agent->settings.pin[0] != '\0')
			snprintf(a, sizeof(a), "%s", agent->settings.pin);
		if (result->has_fingerprint)
			format_fingerprint(result->fingerprint, b);
		event_emit_flapping(agent->events, MSG_ISM1001, name, a, b);
		break;
	case OUTCOME_VERSION:
		snprintf(a, sizeof(a), "%s to %s",
			tls_version_name((enum tls_version)agent->settings.tls_min_version),
			tls_version_name((enum tls_version)agent->settings.tls_max_version));
		event_emit_flapping(agent->events, MSG_ISM1005, name, a, result->detail);
		break;
	case OUTCOME_IMPOSTOR:
		if (agent->kcs.n_named > 0)
			format_fingerprint(agent->kcs.named[0], a);
		if (result->has_fingerprint)
			format_fingerprint(result->fingerprint, b);
		event_emit_flapping(agent->events, MSG_ISM1132, name, b, a);
		break;
	case OUTCOME_KCS:
		event_emit_flapping(agent->events, MSG_ISM1134, name, result->detail);
		break;
	case OUTCOME_NOT_KNOWN:
	case OUTCOME_NOT_PINNED:
	case OUTCOME_DOWNGRADE:
	case OUTCOME_TLS_REQUIRED:
		event_emit_flapping(agent->events, outcome_message(result->outcome), name);
		break;
	case OUTCOME_LOGIN:
		event_emit(agent->events, MSG_ISM1050, name, result->detail);
		break;
	default:
		event_emit_flapping(agent->events, MSG_ISM1027, name, result->detail);
		break;
	}
}

static void report_network_failure(
	struct agent *agent, enum ladder_protocol protocol, const struct channel_result *result)
{
	char reason[2 * MESSAGE_MAX_ARG];

	snprintf(reason, sizeof(reason), "%s%s%s", outcome_text(result->outcome),
		result->detail[0] != '\0' ? ": " : "", result->detail);
	event_emit_flapping(agent->events, MSG_ISM1020, ladder_protocol_name(protocol), reason);
}

void agent_report_failed(
	struct agent *agent, enum ladder_protocol protocol, const struct channel_result *result)
{
	struct agent_report *report = &agent->report;
	char pin[CERT_FINGERPRINT_SIZE * 3];

	note_failure(agent, protocol, result);
	log_debug(MODULE, "%s: %s (%s)", ladder_protocol_name(protocol),
		outcome_name(result->outcome), result->detail);
	if (result->outcome == OUTCOME_ENROLLED) {
		if (result->first_use) {
			format_fingerprint(result->fingerprint, pin);
			event_emit(agent->events, MSG_ISM1009, ladder_protocol_name(protocol), pin);
		}
		return;
	}
	if (report->failed[protocol] == result->outcome)
		return;
	report->failed[protocol] = result->outcome;
	if (outcome_get_class(result->outcome) != OUTCOME_CLASS_TRUST) {
		report_network_failure(agent, protocol, result);
		return;
	}
	report_refusal(agent, protocol, result);
	audit(agent,
		result->outcome == OUTCOME_OWN_EXPIRED || result->outcome == OUTCOME_PEER_EXPIRED
			? PRIV_AUDIT_EXPIRED
			: PRIV_AUDIT_REFUSED,
		protocol, "", "none", outcome_name(result->outcome), false);
}

void agent_report_lost(
	struct agent *agent, const char *bmc_address, const struct channel_result *result)
{
	struct agent_report *report = &agent->report;
	enum ladder_protocol protocol = agent->current.protocol;
	bool expired =
		result->outcome == OUTCOME_OWN_EXPIRED || result->outcome == OUTCOME_PEER_EXPIRED;

	report->lost = result->outcome;
	report->lost_at = time(NULL);
	snprintf(report->lost_address, sizeof(report->lost_address), "%s", bmc_address);
	note_failure(agent, protocol, result);
	event_emit_flapping(agent->events, MSG_ISM0007, ladder_protocol_name(protocol), bmc_address,
		outcome_text(result->outcome));
	if (expired) {
		report_refusal(agent, protocol, result);
		report->failed[protocol] = result->outcome;
	}
	audit(agent, expired ? PRIV_AUDIT_EXPIRED : PRIV_AUDIT_LOST, protocol, bmc_address, "none",
		outcome_name(result->outcome), !expired);
}

/* ISM0057 for a protocol that could be used were it complete; not while duplicate detection or the
 * BMC is awaited. */
static void report_missing(struct agent *agent, enum ladder_protocol protocol)
{
	enum ladder_missing missing = ladder_get_missing(&agent->ladder, protocol);
	char text[256], mend[256];
	struct readiness_input input;

	if (missing == agent->report.missing[protocol])
		return;
	agent->report.missing[protocol] = missing;
	if (missing != LADDER_LACKS_ADDRESS && missing != LADDER_LACKS_UP)
		return;
	if (missing == LADDER_LACKS_UP && protocol == LADDER_IPV6 &&
		agent->report.missing[LADDER_IPV4] == missing)
		return; /* the NIC's own condition is said once */
	agent_nic_get_input(agent, &input);
	readiness_explain(&input, missing, protocol, text, sizeof(text), mend, sizeof(mend));
	event_emit_flapping(agent->events, MSG_ISM0057, ladder_protocol_name(protocol),
		agent->nic.plan.nic.name, text, mend);
}

const char *agent_report_get_no_interface(const struct agent *agent)
{
	const struct agent_nic *nic = &agent->nic;

	if (!nic->plan.found)
		return nic->plan.why_not;
	if (!nic->plan.nic.udev_ready)
		return "udev has not finished with the pass-through NIC";
	return nic->refused == nic->plan.nic.ifindex ? "the pass-through NIC may not be used"
						     : "the pass-through NIC is not ready yet";
}

void agent_report_no_interface(struct agent *agent)
{
	if (ladder_get_state(&agent->ladder) != LADDER_STATE_NO_INTERFACE ||
		agent->report.said_no_interface)
		return;
	agent->report.said_no_interface = true;
	event_emit_flapping(agent->events, MSG_ISM0003, agent_report_get_no_interface(agent));
}

void agent_report_progress(struct agent *agent)
{
	struct agent_report *report = &agent->report;
	enum ladder_state state = ladder_get_state(&agent->ladder);
	enum ladder_protocol protocol = ladder_get_protocol(&agent->ladder);
	struct timeval wait = {.tv_sec = AGENT_NO_INTERFACE_MS / 1000};
	bool settled = state == LADDER_STATE_INCOMPLETE || state == LADDER_STATE_CONNECTED;

	if (state == LADDER_STATE_NO_INTERFACE) {
		if (!report->said_no_interface && !evtimer_pending(agent->interface_timer, NULL))
			evtimer_add(agent->interface_timer, &wait);
	} else {
		report->said_no_interface = false;
		evtimer_del(agent->interface_timer);
	}
	if (settled) {
		report_missing(agent, LADDER_IPV4);
		report_missing(agent, LADDER_IPV6);
	}
	if (state != report->state || protocol != report->protocol) {
		log_info(MODULE, "state %s -> %s", ladder_state_name(report->state),
			ladder_state_name(state));
		report->state = state;
		report->protocol = protocol;
		report->since = time(NULL);
	}
	control_publish_status(
		agent->control); /* costs nothing where nobody watches, or nothing changed */
}

/* What happened in the monitor: it keeps no events of its own. */
void agent_report_monitor_event(struct agent *agent, const struct priv_event *event)
{
	const char *args[MESSAGE_MAX_ARGS];

	if (event->id < 0 || event->id >= MSG_COUNT)
		return;
	for (unsigned int i = 0; i < MESSAGE_MAX_ARGS; i++)
		args[i] = i < event->n_args ? event->args[i] : "";
	event_emit(agent->events, event->id, args[0], args[1], args[2], args[3], args[4], args[5]);
}
