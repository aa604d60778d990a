/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Care of the NIC: what keeps the BMC from owning the host, and what makes IPv6 quick. Sysctls of
 * this interface and an nft table; never an address. Set at each birth of the NIC, put back at
 * stop. What was there before is written to care.json first, so that it is put back also when the
 * monitor was killed in between.
 */
#ifndef BMCLINK_HOST_CARE_H
#define BMCLINK_HOST_CARE_H

#include <stdbool.h>
#include <stddef.h>

struct care;

struct care_target {
	int state_fd;	       /* <state-dir>/monitor */
	const char *proc_root; /* borrowed for the life of the care */
	const char *boot_id;   /* copied */
	unsigned int ifindex;
};

/*
 * Always makes a care, as complete as it can be (-ENOMEM, -ENODEV: none). why tells what could not
 * be protected, "" when everything was.
 */
int care_start(
	const struct care_target *target, bool filter, struct care **care, char *why, size_t size);
/* Once more: the NIC was born again under the same index (it was in a container). why as above; the
 * filter is not touched when it stands. */
void care_renew(struct care *care, char *why, size_t size);
/* Once more what an earlier try could not do, and nothing else: a sysctl that the administrator has
 * changed since stays. why as above. */
void care_retry(struct care *care, char *why, size_t size);
/* The nft table is gone, or (certain false) may be: the next try sets it. Returns whether it is
 * missed: meant to stand, and not known to lack already. why as above, when certain. */
bool care_lose_filter(struct care *care, bool certain, char *why, size_t size);
void care_set_filter(struct care *care, bool filter, char *why, size_t size);
/* Is there anything that may be done by another try? A program that is missing or was too slow, a
 * sysctl that could not be written; not what this kernel cannot do. */
bool care_is_unfinished(const struct care *care);
/* Put back what is still as we set it, and free. NULL does nothing. */
void care_stop(struct care *care);
/* Put back what a killed monitor left in this boot; nothing when there is nothing. */
void care_recover(int state_fd, const char *proc_root, const char *boot_id);

#endif
