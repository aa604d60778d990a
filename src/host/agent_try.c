/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: one that stands, at most one that is tried; make before break. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/agent_private.h"

#define MODULE "link"

static void drop(struct agent *agent, struct agent_attempt *attempt)
{
	struct channel *channel = util_steal_ptr(attempt->channel);

	/* Nobody may ask over it any more, however soon the features hear of it. */
	if (attempt == &agent->current)
		agent->features.link.channel = NULL;
	attempt->protocol = LADDER_NONE;
	channel_close(channel);
}

static void on_ended(struct channel *channel, void *arg)
{
	struct agent *agent = arg;

	for (size_t i = 0; i < AGENT_MAX_LEAVING; i++) {
		if (agent->leaving[i] == channel)
			agent->leaving[i] = NULL;
	}
	channel_close(channel);
	if (agent->stopping && !agent_try_is_leaving(agent))
		event_base_loopbreak(agent->base);
}

bool agent_try_is_leaving(const struct agent *agent)
{
	for (size_t i = 0; i < AGENT_MAX_LEAVING; i++) {
		if (agent->leaving[i] != NULL)
			return true;
	}
	return false;
}

/* As drop(), where the BMC can still be told. */
static void leave(struct agent *agent, struct agent_attempt *attempt)
{
	for (size_t i = 0; i < AGENT_MAX_LEAVING && attempt->channel != NULL; i++) {
		if (agent->leaving[i] != NULL)
			continue;
		if (channel_end_session(attempt->channel, on_ended, agent))
			agent->leaving[i] = util_steal_ptr(attempt->channel);
		break;
	}
	drop(agent, attempt);
}

/* The attempt ended without a connection: tell people and the ladder. */
static void fail(
	struct agent *agent, enum ladder_protocol protocol, const struct channel_result *result)
{
	drop(agent, &agent->trying);
	agent_report_failed(agent, protocol, result);
	agent->n_local = result->outcome == OUTCOME_LOCAL ? agent->n_local + 1 : 0;
	if (agent->n_local >= AGENT_MAX_LOCAL && !agent->stopping) {
		log_error(MODULE, "%u attempts in a row failed at this end: starting afresh",
			agent->n_local);
		event_base_loopbreak(agent->base);
		return;
	}
	agent_nic_attempt_failed(agent, protocol, result->outcome);
	ladder_attempt_done(&agent->ladder, protocol, result->outcome, agent_now());
	agent_schedule(agent, false);
}

/*
 * Trust was made: durable before it is used. first_use comes with OUTCOME_CONNECTED when an earlier
 * enrolment was cut short after the BMC had taken our certificate.
 */
static void learn(struct agent *agent, const struct channel_result *result)
{
	int dir = agent->environment->state_fd, r = 0;
	bool good = result->outcome == OUTCOME_ENROLLED || result->outcome == OUTCOME_CONNECTED;

	if (good && result->first_use)
		r = trust_store_pin(dir, &agent->trust, result->fingerprint, time(NULL));
	else if (result->outcome == OUTCOME_CONNECTED)
		r = trust_store_close_window(dir, &agent->trust);
	if (good && r == 0 && result->has_fingerprint)
		r = agent_trust_note_shown(agent, result->fingerprint);
	/* Also of a BMC that refused us, or that we refused: it has TLS, plain is a downgrade. */
	if (r == 0 && result->spoke_tls)
		r = trust_store_note_tls(dir, &agent->trust);
	if (r < 0)
		log_error(MODULE, "trust could not be saved: %s", strerror(-r));
}

static void done(struct channel *channel, const struct channel_result *result, void *arg)
{
	struct agent *agent = arg;
	enum ladder_protocol protocol = agent->trying.protocol, previous = agent->current.protocol;

	learn(agent, result);
	if (result->outcome != OUTCOME_CONNECTED) {
		if (agent_kcs_take(agent, result))
			return;
		fail(agent, protocol, result);
		return;
	}
	leave(agent, &agent->current); /* make before break: the new one has proven itself */
	agent->current = agent->trying;
	agent->trying = (struct agent_attempt){0};
	agent->n_local = 0;
	ladder_attempt_done(&agent->ladder, protocol, OUTCOME_CONNECTED, agent_now());
	agent_report_connected(agent, previous);
	agent_bmc_report_connected(agent);
	agent_switches_connected(agent);
	agent_renewal_connected(agent);
	agent_log_connected(agent);
	agent->kcs.connected = agent->kcs.target;
	agent_kcs_connected(agent);
	agent_schedule(agent, false);
}

static void lost(struct channel *channel, const struct channel_result *result, void *arg)
{
	struct agent *agent = arg;
	char bmc_address[INET6_ADDRSTRLEN];

	snprintf(bmc_address, sizeof(bmc_address), "%s", channel_get_info(channel)->bmc_address);
	agent_report_lost(agent, bmc_address, result);
	drop(agent, &agent->current);
	agent_log_disconnected(agent);
	ladder_lost(&agent->ladder, result->outcome, agent_now());
	agent_schedule(agent, false);
}

/* What it says is in the log, too, and there in one form for every make: it only rings. */
static void pushed(struct channel *channel, const json_t *payload, void *arg)
{
	struct agent *agent = arg;

	if (channel != agent->current.channel)
		return;
	agent_renewal_pushed(agent, payload);
	agent_features_pushed(agent, payload);
	agent_log_ring(agent);
}

void agent_try_fail(struct agent *agent, const struct channel_result *result)
{
	fail(agent, agent->trying.protocol, result);
}

void agent_try_open(struct agent *agent, const struct channel_target *target)
{
	const struct channel_handlers handlers = {.done = done,
		.lost = lost,
		.pushed = pushed,
		.changed = agent_bmc_changed,
		.arg = agent};
	int r = channel_open(&agent->channels, target, &handlers, &agent->trying.channel);
	struct channel_result result = {.outcome = OUTCOME_LOCAL};

	if (r == 0)
		return;
	snprintf(result.detail, sizeof(result.detail), "no connection could be begun: %s",
		strerror(-r));
	fail(agent, agent->trying.protocol, &result);
}

static void open_channel(struct agent *agent, const struct channel_target *target)
{
	if (!agent_kcs_begin(agent, target))
		agent_try_open(agent, target);
}

static void fill_ports(const struct agent *agent, struct channel_target *target)
{
	target->ifindex = agent->nic.claimed;
	target->port = agent->nic.plan.port;
	target->plain_port = agent->nic.plan.plain_port;
}

void agent_try_neighbour(struct agent *agent, const struct in6_addr *address)
{
	struct channel_target target = {.family = AF_INET6, .ipv6 = *address};

	if (agent->trying.protocol != LADDER_IPV6 || agent->trying.channel != NULL)
		return;
	fill_ports(agent, &target);
	open_channel(agent, &target);
}

void agent_try_no_neighbour(struct agent *agent, bool several)
{
	struct channel_result result = {.outcome = OUTCOME_UNREACHABLE};

	if (agent->trying.protocol != LADDER_IPV6 || agent->trying.channel != NULL)
		return;
	snprintf(result.detail, sizeof(result.detail), "%s",
		several ? "several IPv6 neighbours answer on the link: name the BMC's with bmc_ipv6"
			: "no IPv6 neighbour answers on the link");
	fail(agent, LADDER_IPV6, &result);
}

void agent_try_begin(struct agent *agent, enum ladder_protocol protocol)
{
	struct channel_target target = {.family = protocol == LADDER_IPV4 ? AF_INET : AF_INET6};
	struct readiness_input input;
	struct in_addr host;

	agent->trying.protocol = protocol;
	agent_nic_get_input(agent, &input);
	if (protocol == LADDER_IPV6 && !agent->nic.plan.has_bmc_ipv6) {
		agent_neighbour_start(agent);
		return;
	}
	if (protocol == LADDER_IPV4)
		readiness_get_ipv4(&input, &host, &target.ipv4);
	else
		target.ipv6 = agent->nic.plan.bmc_ipv6;
	fill_ports(agent, &target);
	open_channel(agent, &target);
}

/* The connection that stands is ended by us. The outcome says all that there is to say. */
static void end_current(struct agent *agent, enum outcome outcome)
{
	const struct channel_result result = {.outcome = outcome};
	char bmc_address[INET6_ADDRSTRLEN];

	if (agent->current.channel == NULL)
		return;
	snprintf(bmc_address, sizeof(bmc_address), "%s",
		channel_get_info(agent->current.channel)->bmc_address);
	agent_report_lost(agent, bmc_address, &result);
	drop(agent, &agent->current);
	agent_log_disconnected(agent);
}

/* What used protocol is to go; the ladder has counted it already. */
void agent_try_drop(struct agent *agent, enum ladder_protocol protocol)
{
	if (agent->trying.protocol == protocol) {
		agent_neighbour_stop(agent);
		agent_kcs_stop(agent);
		drop(agent, &agent->trying);
	} else if (agent->current.protocol == protocol) {
		end_current(agent, OUTCOME_ADDRESS_GONE);
	}
}

void agent_try_give_up(struct agent *agent)
{
	agent_neighbour_stop(agent);
	agent_kcs_stop(agent);
	drop(agent, &agent->trying);
}

void agent_try_restart(struct agent *agent)
{
	agent_try_give_up(agent);
	agent->trust.no_kcs = false; /* asked anew */
	end_current(agent, OUTCOME_RESTARTED);
	memset(agent->report.failed, 0, sizeof(agent->report.failed)); /* told again, if it is so */
	ladder_restart(&agent->ladder, agent_now());
	agent_schedule(agent, true);
}

void agent_try_drop_leaving(struct agent *agent)
{
	for (size_t n = 0; n < AGENT_MAX_LEAVING; n++)
		channel_close(util_steal_ptr(agent->leaving[n]));
}

void agent_try_drop_all(struct agent *agent)
{
	agent_try_give_up(agent);
	drop(agent, &agent->current);
	agent_try_drop_leaving(agent);
}

void agent_try_leave_all(struct agent *agent)
{
	agent_try_give_up(agent);
	leave(agent, &agent->current);
}
