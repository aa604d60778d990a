/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile: what the one-time configuration did, and to which NIC. Pure decisions here; the file
 * (profile.json in the monitor's state directory) is read and written by profile_file.c.
 *
 * "Once" means (docs/mandate.md, S4): the one-time act is spent at the first evaluation with a NIC
 * present and makes this profile, keyed to the machine and the NIC. Addresses set by netlink die
 * with a boot or a re-plug, so the same addresses are applied once for each birth of the NIC. An
 * address that is removed from a living NIC is never put back.
 */
#ifndef BMCLINK_HOST_PROFILE_H
#define BMCLINK_HOST_PROFILE_H

#include <stdbool.h>

#include "host/discover/plan.h"
#include "host/priv.h"

#define PROFILE_FILE	   "profile.json"
#define PROFILE_MAX_ID	   48 /* machine-id, UUIDs: 36 characters at most, NUL */
#define PROFILE_MAX_NIC_ID 64

struct profile_machine { /* each "" when it cannot be read */
	char machine_id[PROFILE_MAX_ID];
	char system_uuid[PROFILE_MAX_ID];
};

/* One life of a NIC: from its appearance to its removal or the reboot. */
struct profile_birth {
	char boot_id[PROFILE_MAX_ID];
	unsigned int ifindex;
};

struct profile {
	bool spent;
	struct profile_machine machine;
	char nic_id[PROFILE_MAX_NIC_ID];
	struct profile_birth birth; /* in which the addresses were last applied, or not needed */
	bool by_us; /* the act brought the NIC up; false: it was found complete, nothing was done */
	bool raised; /* the NIC was down before, in this birth: to be so again at removal */
	struct priv_profile addresses; /* its once is not used here */
};

/*
 * The NIC's identity over births: USB by vendor and product (many gadgets roll a new MAC at each
 * boot of the BMC), PCI by ids and MAC, anything else by MAC.
 */
void profile_make_nic_id(const struct plan_nic *nic, char nic_id[PROFILE_MAX_NIC_ID]);

/* A part that one side does not know cannot tell machines apart. */
bool profile_same_machine(const struct profile_machine *a, const struct profile_machine *b);

enum priv_once profile_decide(const struct profile *profile, const struct profile_machine *machine,
	const char *nic_id, const struct profile_birth *birth);

struct profile_now { /* what the acts know when they ask */
	const struct profile_machine *machine;
	const char *nic_id;
	const struct profile_birth *birth;
};

/*
 * The profile that must be durable before wanted is applied to the NIC. -EPERM: spent, or not the
 * addresses of the profile when they are applied again.
 */
int profile_plan_configure(const struct profile *profile, const struct profile_now *now,
	const struct priv_profile *wanted, struct profile *marked);
/* The profile after "the NIC was complete"; equal to *profile when it was spent in this birth. */
void profile_plan_spend(
	const struct profile *profile, const struct profile_now *now, struct profile *marked);

/*
 * The profile that must be durable before the NIC is brought up to ask through it: not spent, but
 * who raised it is known, also after a kill. -ENETDOWN: not ours to bring up.
 */
int profile_plan_raise(
	const struct profile *profile, const struct profile_now *now, struct profile *marked);
/* Armed anew: true with what to keep all the same, that the NIC was down before us. */
bool profile_plan_rearm(
	const struct profile *profile, const struct profile_now *now, struct profile *marked);

/*
 * Load: *profile is all zero when there is no file, or one that is not ours (-EBADMSG: it counts as
 * spent for whatever NIC comes: a damaged file must not bring a second configuration).
 */
int profile_load(int dir_fd, struct profile *profile);
int profile_store(int dir_fd, const struct profile *profile); /* durable on return */

#endif
