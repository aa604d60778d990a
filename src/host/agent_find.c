/* SPDX-License-Identifier: Apache-2.0 */
/* Which NIC is it? Facts of SMBIOS, of the kernel and of udev, collected for the plan. */
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/state.h"
#include "host/agent_private.h"

#define MODULE	"nic"
#define ASK_ALL UINT_MAX /* more than one NIC changed */

#define READ_TRIES  3
#define LOOK_MS	    1000 /* until what failed for the moment is tried again, doubling to */
#define LOOK_MAX_MS 60000

static bool is_passing(int r)
{
	return r == -EIO || state_is_passing(r);
}

void agent_nic_look_again(struct agent *agent, int r)
{
	struct agent_nic *nic = &agent->nic;

	if (!is_passing(r) || evtimer_pending(agent->look_timer, NULL))
		return;
	nic->look_ms = nic->look_ms == 0 ? LOOK_MS : nic->look_ms * 2;
	if (nic->look_ms > LOOK_MAX_MS)
		nic->look_ms = LOOK_MAX_MS;
	clock_set_timer(agent->look_timer, nic->look_ms);
}

void agent_nic_look(struct agent *agent)
{
	agent->nic.refused = 0;
	agent->nic.ask_again = ASK_ALL;
	agent_schedule(agent, true);
}

/* SMBIOS does not change while a system runs: read once. */
void agent_nic_load_records(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	unsigned int tries = 0;
	const char *why;

	for (unsigned int i = 0; nic->n_records < SMBIOS42_MAX_FOUND; i++) {
		_cleanup_free_ uint8_t *data = NULL;
		size_t length;
		bool whole;
		int r = priv_get_dmi(agent->priv, i, &data, &length, &whole);

		if (is_passing(r) && ++tries < READ_TRIES) {
			i--;
			continue;
		}
		if (r == -EFBIG) {
			nic->bad_records++;
			continue;
		}
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
		r = smbios42_decode_all(data, length, nic->records + nic->n_records,
			SMBIOS42_MAX_FOUND - nic->n_records, &why);
		if (r > 0)
			nic->n_records += (size_t)r;
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
 * kernel's notice of it: it is asked for again when the NIC changes. Whether udev is done with it
 * matters of the NIC of the plan; of all, only while there is none. On a host of containers NICs
 * come and go all the time.
 */
static bool must_ask(const struct agent_nic *nic, const struct plan_nic *known, bool fresh)
{
	if (fresh || nic->ask_again == known->ifindex || nic->ask_again == ASK_ALL)
		return true;
	return !known->udev_ready && (!nic->plan.found || nic->plan.nic.ifindex == known->ifindex);
}

/* A failure keeps what is known: a rename is under way. */
static void collect_nics(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;

	for (const struct nic *n = nic_watch_next(agent->watch, NULL); n != NULL;
		n = nic_watch_next(agent->watch, n)) {
		struct plan_nic *known = find_known(nic, n->ifindex);
		bool fresh = known == NULL;

		if (known == NULL && nic->n_known < PLAN_MAX_NICS) {
			known = &nic->known[nic->n_known++];
			*known = (struct plan_nic){.ifindex = n->ifindex};
		}
		if (known == NULL)
			continue;
		if (must_ask(nic, known, fresh)) {
			struct plan_nic facts = {.ifindex = n->ifindex};
			int r = priv_get_nic_facts(agent->priv, n->ifindex, &facts);

			if (r == 0)
				*known = facts;
			else
				log_debug(MODULE, "no facts of interface %u yet: %s", n->ifindex,
					strerror(-r));
			agent_nic_look_again(agent, r);
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

void agent_nic_find(struct agent *agent)
{
	struct agent_nic *nic = &agent->nic;
	unsigned int before = nic->plan.found ? nic->plan.nic.ifindex : 0;
	struct plan_facts facts;

	collect_nics(agent);
	facts = (struct plan_facts){.settings = &agent->settings,
		.records = nic->records,
		.n_records = nic->n_records,
		.nics = nic->known,
		.n_nics = nic->n_known,
		.claimed = nic->claimed,
		.claimed_source = nic->claimed_source};
	nic->ask_again = 0;
	plan_make(&facts, &nic->plan);
	if (nic->candidate >= nic->plan.n_bmc_ipv4)
		nic->candidate = 0;
	await_udev(agent);
	if (nic->plan.found && nic->plan.nic.ifindex != before) {
		log_info(MODULE, "pass-through NIC is %s (interface %u, found by %s)",
			nic->plan.nic.name, nic->plan.nic.ifindex,
			plan_source_name(nic->plan.nic_source));
		if (nic->plan.others > 0)
			log_warning(MODULE, "%u further NICs match; name one with 'interface'",
				nic->plan.others);
	} else if (!nic->plan.found && before != 0) {
		log_info(MODULE, "pass-through NIC is gone");
	}
}

static void ask_again(struct agent_nic *nic, unsigned int ifindex)
{
	nic->ask_again = nic->ask_again == 0 || nic->ask_again == ifindex ? ifindex : ASK_ALL;
}

void agent_nic_changed(unsigned int ifindex, enum nic_change change, void *arg)
{
	struct agent *agent = arg;
	struct agent_nic *nic = &agent->nic;
	bool ours =
		ifindex == nic->claimed || (nic->plan.found && ifindex == nic->plan.nic.ifindex);

	switch (change) {
	case NIC_ADDRESS_NEW:
	case NIC_ADDRESS_GONE:
		if (!ours) /* addresses of other NICs decide nothing here */
			return;
		break;
	case NIC_LINK_GONE:
		/* Its index may be another NIC's before we look: that one is to be claimed anew. */
		if (ifindex == nic->claimed)
			nic->claimed = 0;
		agent_nic_forget(agent, ifindex);
		break;
	case NIC_LINK_CHANGED:
		ask_again(nic, ifindex);
		if (ours && !nic->candidate_answered) /* a BMC that was off may be on now */
			nic->candidate_known = false;
		if (ifindex == nic->refused) /* perhaps for a reason that has passed */
			nic->refused = 0;
		break;
	case NIC_LINK_NEW:
	case NIC_RESCAN: /* what it found was told link by link */
		break;
	}
	nic->ask_managed |= ours;
	agent_schedule(agent, true);
}
