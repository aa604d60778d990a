/* SPDX-License-Identifier: Apache-2.0 */
/* The NIC that was found: claim it, care for it, read its profile, and make the ladder's facts of
 * it all. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/agent_private.h"

#define MODULE "nic"

static const char *format_ipv4(struct in_addr address, char *out)
{
	return inet_ntop(AF_INET, &address, out, INET6_ADDRSTRLEN);
}

void agent_nic_care(struct agent *agent)
{
	char *why = agent->nic.unprotected;
	int r = priv_care(agent->priv, true);

	if (r == 0)
		return; /* the monitor tells how far it came */
	log_warning(MODULE, "%s is not protected completely: %s", agent->nic.plan.nic.name,
		strerror(-r));
	if (why[0] == '\0')
		event_emit(agent->events, MSG_ISM1035, strerror(-r));
	snprintf(why, sizeof(agent->nic.unprotected), "%s", strerror(-r));
}

void agent_nic_care_told(struct agent *agent, const char *why)
{
	snprintf(agent->nic.unprotected, sizeof(agent->nic.unprotected), "%s", why);
	control_publish_status(agent->control);
}

static void read_profile(struct agent *agent)
{
	int r = priv_get_profile(agent->priv, &agent->nic.profile);

	if (r < 0) {
		/* Without the profile nothing may be set: better row 8 than a second configuration.
		 */
		log_error(MODULE, "the profile of the one-time configuration cannot be read: %s",
			strerror(-r));
		agent->nic.profile = (struct priv_profile){.once = PRIV_ONCE_SPENT};
	}
}

static bool claim_nic(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	unsigned int ifindex = nic->plan.nic.ifindex;
	int r;

	if (nic->claimed == ifindex)
		return true;
	if (nic->refused == ifindex)
		return false;
	r = priv_claim_nic(agent->priv, ifindex);
	if (r < 0) {
		log_error(MODULE, "interface %u (%s) may not be used: %s", ifindex,
			nic->plan.nic.name, strerror(-r));
		nic->refused = ifindex;
		agent_nic_look_again(agent, r);
		return false;
	}
	nic->look_ms = 0;
	nic->managed = nic->ipv4_disabled = nic->managed_known = false;
	nic->claimed = ifindex;
	nic->claimed_source = nic->plan.nic_source;
	nic->ask_managed = true;
	nic->candidate_known = nic->candidate_answered = nic->probing = false;
	nic->candidate = 0;
	nic->unprotected[0] = '\0'; /* that was another NIC */
	agent_nic_care(agent);
	read_profile(agent);
	return true;
}

static bool host_has_bmc_on_link(const struct agent *agent, unsigned int candidate)
{
	struct readiness_input input;
	struct ladder_facts facts;

	agent_nic_get_input(agent, &input);
	input.candidate = candidate;
	readiness_get_facts(&input, &facts);
	return facts.ready[LADDER_IPV4] == LADDER_COMPLETE;
}

/*
 * Where nothing names the BMC's address there are two candidates: the one that an ARP probe finds
 * is taken, before any address is set. Returns false while the probe runs.
 */
static bool choose_candidate(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	/* The one-time act has settled it, unless there was nothing for it to set. */
	bool by_profile = nic->profile.once != PRIV_ONCE_ARMED && nic->profile.has_ipv4;
	bool settled = nic->plan.n_bmc_ipv4 < 2 || !agent->settings.ipv4 || nic->ipv4_disabled ||
		       by_profile;
	struct timeval wait = {.tv_usec = AGENT_ARP_MS * 1000};

	if (settled || nic->candidate_known)
		return true;
	if (nic->probing)
		return false;
	if (nic->profile.once != PRIV_ONCE_ARMED &&
		!(host_has_bmc_on_link(agent, 0) && host_has_bmc_on_link(agent, 1))) {
		nic->candidate = host_has_bmc_on_link(agent, 1) ? 1 : 0;
		return true; /* asked for anew when an address comes */
	}
	for (unsigned int i = 0; i < nic->plan.n_bmc_ipv4; i++) {
		if (priv_probe_arp(agent->priv, nic->plan.bmc_ipv4[i]) == 0)
			nic->probing = true;
	}
	if (!nic->probing) { /* no carrier, or no right to: the first is the usual one */
		nic->candidate_known = true;
		return true;
	}
	evtimer_add(agent->arp_timer, &wait);
	return false;
}

static void candidate_found(struct agent *agent, unsigned int candidate, const char *how)
{
	char text[INET6_ADDRSTRLEN];

	agent->nic.candidate = candidate;
	agent->nic.candidate_known = true;
	agent->nic.probing = false;
	evtimer_del(agent->arp_timer);
	log_info(MODULE, "the BMC's IPv4 address is taken to be %s: %s",
		format_ipv4(agent->nic.plan.bmc_ipv4[candidate], text), how);
	agent_schedule(agent, true);
}

void agent_nic_arp_answered(struct agent *agent, struct in_addr address)
{
	struct agent_nic *nic = &agent->nic;
	char text[INET6_ADDRSTRLEN];

	if (nic->probing) {
		for (unsigned int i = 0; i < nic->plan.n_bmc_ipv4; i++) {
			if (nic->plan.bmc_ipv4[i].s_addr == address.s_addr) {
				nic->candidate_answered = true;
				candidate_found(agent, i, "it answers ARP");
			}
		}
	} else if (nic->profile.has_ipv4 && nic->profile.host_ipv4.s_addr == address.s_addr) {
		/* The probe for our own address, sent beside the first connection. */
		event_emit(
			agent->events, MSG_ISM1024, format_ipv4(address, text), nic->plan.nic.name);
	}
}

void agent_nic_arp_timeout(struct agent *agent)
{
	unsigned int candidate =
		host_has_bmc_on_link(agent, 1) && !host_has_bmc_on_link(agent, 0) ? 1 : 0;

	if (agent->nic.probing)
		candidate_found(agent, candidate, "no candidate answers ARP");
}

/*
 * Nobody answered ARP, and nobody the connection: the next round takes the other address, where the
 * host has one that reaches it. No link event need come when a BMC starts late.
 */
void agent_nic_attempt_failed(
	struct agent *agent, enum ladder_protocol protocol, enum outcome outcome)
{
	struct agent_nic *nic = &agent->nic;
	unsigned int other = (nic->candidate + 1) % PLAN_MAX_BMC4;
	bool by_profile = nic->profile.once != PRIV_ONCE_ARMED && nic->profile.has_ipv4;

	if (protocol != LADDER_IPV4 || nic->candidate_answered || by_profile ||
		other >= nic->plan.n_bmc_ipv4 || !nic->candidate_known ||
		(outcome != OUTCOME_NO_ANSWER && outcome != OUTCOME_UNREACHABLE))
		return;
	if (host_has_bmc_on_link(agent, other))
		candidate_found(agent, other, "the other one did not answer");
}

void agent_nic_get_input(const struct agent *agent, struct readiness_input *input)
{
	const struct agent_nic *nic = &agent->nic;
	bool there = nic->plan.found && nic->plan.nic.udev_ready &&
		     nic->claimed == nic->plan.nic.ifindex;

	*input = (struct readiness_input){.settings = &agent->settings,
		.plan = &nic->plan,
		.nic = there ? nic_watch_get(agent->watch, nic->claimed) : NULL,
		.profile = &nic->profile,
		.candidate = nic->candidate,
		.managed = nic->managed,
		.ipv4_disabled_by_manager = nic->ipv4_disabled};
}

/*
 * The answer costs the monitor a look at several files: only when it may be another one. Returns
 * false while it is not known: then nothing is configured, for it may be somebody else's NIC.
 */
static bool ask_managed(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	int r;

	if (!nic->ask_managed)
		return true;
	if (evtimer_pending(agent->look_timer, NULL)) /* asked again by it */
		return nic->managed_known;
	r = priv_is_managed(agent->priv, &nic->managed, &nic->ipv4_disabled);
	if (r < 0) {
		log_warning(MODULE, "whether another network manager has %s is not known: %s",
			nic->plan.nic.name, strerror(-r));
		agent_nic_look_again(agent, r);
		return nic->managed_known;
	}
	nic->look_ms = 0;
	nic->ask_managed = false;
	nic->managed_known = true;
	return true;
}

void agent_nic_evaluate(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	struct readiness_input input;
	struct ladder_facts facts = {0};
	bool choosing;

	if (nic->claimed != 0 && nic_watch_get(agent->watch, nic->claimed) == NULL)
		nic->claimed = 0;
	agent_nic_find(agent);
	if (nic->plan.found && nic->plan.nic.udev_ready && claim_nic(agent)) {
		choosing = !ask_managed(agent) || !choose_candidate(agent);
		agent_nic_get_input(agent, &input);
		readiness_get_facts(&input, &facts);
		facts.choosing = choosing;
	}
	ladder_set_facts(&agent->ladder, &facts, agent_now());
}

void agent_nic_configure(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	char host[INET6_ADDRSTRLEN] = "none", bmc[INET6_ADDRSTRLEN] = "none";
	struct readiness_input input;
	struct priv_profile wanted;
	int r;

	agent_nic_get_input(agent, &input);
	readiness_get_wanted(&input, &wanted);
	r = priv_configure(agent->priv, &wanted);
	read_profile(agent);
	ladder_configured(&agent->ladder, r, agent_now());
	if (wanted.has_ipv4) {
		format_ipv4(wanted.host_ipv4, host);
		format_ipv4(wanted.bmc_ipv4, bmc);
	} else if (wanted.has_ipv6) {
		inet_ntop(AF_INET6, &wanted.host_ipv6, host, sizeof(host));
	}
	if (r < 0)
		log_error(MODULE, "%s could not be configured (%s): %s", nic->plan.nic.name, host,
			strerror(-r));
	else if (wanted.once == PRIV_ONCE_REAPPLY)
		event_emit_flapping(agent->events, MSG_ISM1025, nic->plan.nic.name, host);
	else
		event_emit(agent->events, MSG_ISM1010, nic->plan.nic.name, host, bmc);
	if (r == 0 && wanted.has_ipv4)
		priv_probe_arp(agent->priv,
			wanted.host_ipv4); /* duplicate detection, beside the connection */
	agent_schedule(agent, true);
}

void agent_nic_spend(struct agent *agent)
{
	int r = priv_spend(agent->priv);

	if (r < 0)
		log_error(MODULE, "the one-time configuration could not be marked as spent: %s",
			strerror(-r));
	read_profile(agent);
	ladder_configured(&agent->ladder, r, agent_now());
	agent_schedule(agent, true);
}

int agent_nic_rearm(struct agent *agent)
{
	int r = priv_rearm(agent->priv);

	if (r < 0)
		return r;
	agent->nic.candidate_known = false;
	agent->nic.ask_managed = true;
	if (agent->nic.claimed != 0)
		read_profile(agent);
	ladder_rearm(&agent->ladder, agent_now());
	agent_schedule(agent, true);
	return 0;
}
