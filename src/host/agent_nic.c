/* SPDX-License-Identifier: Apache-2.0 */
/* From what the kernel says to the ladder's facts: find the NIC, claim it, care for it, read its
 * profile. */
#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/agent_private.h"

#define MODULE	"nic"
#define ASK_ALL UINT_MAX /* more than one NIC changed */

static const char *format_ipv4(struct in_addr address, char *out)
{
	return inet_ntop(AF_INET, &address, out, INET6_ADDRSTRLEN);
}

/* SMBIOS does not change while a system runs: read once. */
void agent_nic_load_records(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	const char *why;

	for (unsigned int i = 0; nic->n_records < SMBIOS42_MAX_FOUND; i++) {
		_cleanup_free_ uint8_t *data = NULL;
		size_t length;
		bool whole;
		int r = priv_get_dmi(agent->priv, i, &data, &length, &whole);

		if (r < 0) {
			if (r != -ENOENT)
				log_warning(
					MODULE, "SMBIOS type 42 cannot be read: %s", strerror(-r));
			break;
		}
		if (whole) {
			nic->n_records = smbios42_walk(
				data, length, nic->records, SMBIOS42_MAX_FOUND, &nic->bad_records);
			break;
		}
		r = smbios42_decode(data, length, &nic->records[nic->n_records], &why);
		if (r == 0)
			nic->n_records++;
		else if (r == -EBADMSG && nic->bad_records++ == 0)
			log_warning(MODULE, "SMBIOS type 42 structure %u is malformed: %s", i, why);
	}
	log_info(MODULE, "SMBIOS: %zu host interface records, %u malformed", nic->n_records,
		nic->bad_records);
}

void agent_nic_forget(struct agent *agent, unsigned int ifindex)
{
	struct agent_nic *nic = &agent->nic;

	for (size_t i = 0; i < nic->n_known;) {
		if (ifindex == 0 || nic->known[i].ifindex == ifindex)
			nic->known[i] = nic->known[--nic->n_known];
		else
			i++;
	}
	if (ifindex == 0 || nic->refused == ifindex)
		nic->refused = 0;
}

static struct plan_nic *find_known(struct agent_nic *nic, unsigned int ifindex)
{
	for (size_t i = 0; i < nic->n_known; i++) {
		if (nic->known[i].ifindex == ifindex)
			return &nic->known[i];
	}
	return NULL;
}

/*
 * The ids of a NIC do not change in its life, but its directory in sysfs may come after the
 * kernel's notice of it: it is asked for again when the NIC changes. A failure keeps what is known:
 * a rename is under way.
 */
static void collect_nics(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;

	for (const struct nic *n = nic_watch_next(agent->watch, NULL); n != NULL;
		n = nic_watch_next(agent->watch, n)) {
		struct plan_nic *known = find_known(nic, n->ifindex);

		if (known == NULL && nic->n_known < PLAN_MAX_NICS) {
			known = &nic->known[nic->n_known++];
			*known = (struct plan_nic){.ifindex = n->ifindex};
		}
		if (known == NULL)
			continue;
		if (!known->udev_ready || nic->ask_again == n->ifindex ||
			nic->ask_again == ASK_ALL) {
			struct plan_nic facts = {.ifindex = n->ifindex};
			int r = priv_get_nic_facts(agent->priv, n->ifindex, &facts);

			if (r == 0)
				*known = facts;
			else
				log_debug(MODULE, "no facts of interface %u yet: %s", n->ifindex,
					strerror(-r));
		}
		memcpy(known->name, n->name, sizeof(known->name));
		memcpy(known->mac, n->mac, sizeof(known->mac));
	}
}

/* Listen to udev only while it still has the NIC: on a busy host it says a lot. */
static void await_udev(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	bool pending = nic->plan.found && !nic->plan.nic.udev_ready;
	bool news = pending && !nic->awaiting_udev;

	if (pending == nic->awaiting_udev)
		return;
	nic->awaiting_udev = pending;
	if (udev_watch_enable(agent->udev, pending) < 0)
		log_warning(MODULE, "udev cannot be listened to");
	if (news)
		agent_schedule(agent, true); /* it may have finished before we listened */
}

void agent_nic_udev_hint(void *arg)
{
	agent_schedule(arg, true);
}

static void find_nic(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	unsigned int before = nic->plan.found ? nic->plan.nic.ifindex : 0;
	struct plan_facts facts;

	collect_nics(agent);
	facts = (struct plan_facts){.settings = &agent->settings,
		.records = nic->records,
		.n_records = nic->n_records,
		.nics = nic->known,
		.n_nics = nic->n_known};
	nic->ask_again = 0;
	plan_make(&facts, &nic->plan);
	await_udev(agent);
	if (nic->plan.found && nic->plan.nic.ifindex != before) {
		log_notice(MODULE, "pass-through NIC is %s (interface %u, found by %s)",
			nic->plan.nic.name, nic->plan.nic.ifindex,
			plan_source_name(nic->plan.nic_source));
		if (nic->plan.others > 0)
			log_warning(MODULE, "%u further NICs match; name one with 'interface'",
				nic->plan.others);
	} else if (!nic->plan.found && before != 0) {
		log_notice(MODULE, "pass-through NIC is gone");
	}
}

void agent_nic_care(struct agent *agent)
{
	int r = priv_care(agent->priv, true);

	if (r == 0) {
		agent->nic.careless = false;
		return;
	}
	log_warning(MODULE, "%s is not protected completely: %s", agent->nic.plan.nic.name,
		strerror(-r));
	if (!agent->nic.careless)
		event_emit(agent->events, MSG_ISM1035, strerror(-r));
	agent->nic.careless = true;
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
		return false;
	}
	nic->claimed = ifindex;
	nic->candidate_known = nic->probing = false;
	nic->candidate = 0;
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
	bool settled = nic->plan.n_bmc_ipv4 < 2 || !agent->settings.ipv4 || nic->ipv4_disabled ||
		       nic->profile.once != PRIV_ONCE_ARMED;
	struct timeval wait = {.tv_usec = AGENT_ARP_MS * 1000};

	if (settled || nic->candidate_known)
		return true;
	if (nic->probing)
		return false;
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
			if (nic->plan.bmc_ipv4[i].s_addr == address.s_addr)
				candidate_found(agent, i, "it answers ARP");
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

void agent_nic_evaluate(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	struct readiness_input input;
	struct ladder_facts facts = {0};
	bool choosing;

	find_nic(agent);
	if (nic->claimed != 0 && nic_watch_get(agent->watch, nic->claimed) == NULL)
		nic->claimed = 0;
	if (nic->plan.found && nic->plan.nic.udev_ready && claim_nic(agent)) {
		if (priv_is_managed(agent->priv, &nic->managed, &nic->ipv4_disabled) < 0)
			nic->managed = nic->ipv4_disabled = false;
		choosing = !choose_candidate(agent);
		agent_nic_get_input(agent, &input);
		readiness_get_facts(&input, &facts);
		facts.choosing = choosing;
	}
	ladder_set_facts(&agent->ladder, &facts, agent_now());
}

static void ask_again(struct agent_nic *nic, unsigned int ifindex)
{
	nic->ask_again = nic->ask_again == 0 || nic->ask_again == ifindex ? ifindex : ASK_ALL;
}

void agent_nic_changed(unsigned int ifindex, enum nic_change change, void *arg)
{
	struct agent *agent = arg;

	if (change == NIC_LINK_GONE || change == NIC_RESCAN)
		agent_nic_forget(agent, ifindex);
	else if (change == NIC_LINK_CHANGED)
		ask_again(&agent->nic, ifindex);
	agent_schedule(agent, true);
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
		event_emit(agent->events, MSG_ISM1025, nic->plan.nic.name, host);
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
	if (agent->nic.claimed != 0)
		read_profile(agent);
	ladder_rearm(&agent->ladder, agent_now());
	agent_schedule(agent, true);
	return 0;
}
