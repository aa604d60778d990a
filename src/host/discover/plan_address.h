/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the plan that is about addresses; plan.c has chosen the NIC and its records. Pure. */
#ifndef BMCLINK_HOST_PLAN_ADDRESS_H
#define BMCLINK_HOST_PLAN_ADDRESS_H

#include "host/discover/plan.h"

/* Fills everything of plan behind the NIC, from n records that speak of plan->nic. */
void plan_addresses(const struct settings *settings, const struct smbios42 *const *records,
	size_t n, struct plan *plan);

#endif
