/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When this BMC changes its own certificate. The next one is made and announced while the old one
 * is in use; hosts that trust it say so; it is used when all of them have, or when the old one has
 * not long to live. Pure: the caller brings the clock.
 */
#ifndef BMCLINK_ENDPOINT_ROLLOVER_H
#define BMCLINK_ENDPOINT_ROLLOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct rollover_facts {
	time_t now; /* CLOCK_REALTIME */
	bool clock_unset;
	time_t not_before, not_after; /* of the certificate in use */
	uint32_t seed;		      /* of it: renewal_get_seed() */
	bool has_next;
	time_t next_made;
	bool automatic, asked; /* by the configuration; by the administrator */
	bool hosts_ready;      /* every known host trusts the next one, and there is a host */
};

enum rollover_action { ROLLOVER_WAIT, ROLLOVER_STAGE, ROLLOVER_SWITCH };

enum rollover_reason {
	ROLLOVER_REASON_READY,	  /* every known host trusts it */
	ROLLOVER_REASON_DEADLINE, /* the old one has not long to live, whoever trusts the next */
	ROLLOVER_REASON_EXPIRED,  /* the old one is of no use to anybody */
};

struct rollover {
	enum rollover_action action;
	enum rollover_reason reason; /* of SWITCH */
	time_t until;		     /* of WAIT: look again then; 0: only when a fact changes */
};

void rollover_decide(const struct rollover_facts *facts, struct rollover *rollover);
/* When the next one is used at the latest; of use when there is one. */
time_t rollover_get_deadline(const struct rollover_facts *facts);
const char *rollover_reason_text(enum rollover_reason reason);

#endif
