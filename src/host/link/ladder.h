/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder: which protocol, when. The heart of the mandate (docs/mandate.md, S1 to S12). Pure: no
 * sockets, no clock of its own; facts and results in, next action out. tests/unit/test_ladder.c is
 * the mandate, sentence by sentence, in virtual time. Times are milliseconds of one monotonic
 * clock.
 *
 * The owner sets the facts whenever they may have changed, reports results, and then takes actions
 * until there is nothing but to wait:
 *
 *     while ((action = ladder_next(&ladder, now)).type != LADDER_WAIT)
 *             do it;
 *     arm a timer for action.until;
 */
#ifndef BMCLINK_HOST_LADDER_H
#define BMCLINK_HOST_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "host/link/backoff.h"
#include "host/link/outcome.h"

#define LADDER_NEVER UINT64_MAX

#define LADDER_ROUND_FLOOR_MS                                                                      \
	100 /* two rounds begin at least so far apart, whatever the kernel says */
/* An act that failed for the moment (no memory, an address that is in use) is tried again: it is
 * not spent. Doubled each time. */
#define LADDER_RETRY_MIN_MS 5000
#define LADDER_RETRY_MAX_MS 300000
#define LADDER_CONFIGURE_MS 1000 /* for an address that was just set to show up */
#define LADDER_MANAGED_MS   5000 /* for another manager's address */
#define LADDER_PENDING_MS                                                                          \
	3000 /* for a tentative IPv6 address, before the round counts as failed                    \
	      */
#define LADDER_PROBE_MIN_MS 5000
#define LADDER_PROBE_MAX_MS 300000
#define LADDER_STABLE_MS    5000 /* a connection that lived less counts as a failure */
#define LADDER_ENROL_MAX    2	 /* enrolments in a row; more is a BMC that forgets at once */

enum ladder_protocol { LADDER_NONE, LADDER_IPV4, LADDER_IPV6, LADDER_PROTOCOLS };

enum ladder_ready {	 /* of one protocol on the host's side */
	LADDER_DISABLED, /* by configuration or by the host: never tried */
	LADDER_MISSING,	 /* no usable address */
	LADDER_PENDING,	 /* an address is tentative */
	LADDER_NO_PEER,	 /* the BMC has no address of this protocol: not tried */
	LADDER_COMPLETE, /* with nic_up and nic_carrier: to be tried */
};

enum ladder_once {
	LADDER_ONCE_NEVER,   /* configure = never: we set nothing, ever */
	LADDER_ONCE_ARMED,   /* the one-time configuration is not spent */
	LADDER_ONCE_REAPPLY, /* spent, and the NIC was born again since */
	LADDER_ONCE_SPENT,   /* spent: nothing may be set in this life of the NIC */
};

struct ladder_facts {	  /* the world as it is now */
	bool nic_present; /* and udev is done with it */
	bool nic_up, nic_carrier;
	enum ladder_ready ready[LADDER_PROTOCOLS]; /* [LADDER_NONE] is not used */
	enum ladder_once once;
	bool can_set_ipv4, can_set_ipv6; /* there is an address of ours to set for it */
	bool managed;			 /* another manager has the NIC: it is left to him */
	bool choosing; /* which address is the BMC's is being found out: nothing is begun meanwhile
			*/
};

enum ladder_state {
	LADDER_STATE_NO_INTERFACE,
	LADDER_STATE_INCOMPLETE, /* no protocol can be tried; ladder_get_missing() says why */
	LADDER_STATE_CONNECTING,
	LADDER_STATE_CONNECTED,
	LADDER_STATE_REFUSED, /* the last round ended with a refusal of trust */
	LADDER_STATE_STOPPED,
};

enum ladder_missing { /* the condition that one protocol lacks */
	LADDER_LACKS_NOTHING,
	LADDER_LACKS_NIC,
	LADDER_LACKS_UP,      /* the NIC is administratively down */
	LADDER_LACKS_CARRIER, /* up, but the other end is not */
	LADDER_LACKS_ENABLED, /* the protocol is disabled */
	LADDER_LACKS_ADDRESS,
	LADDER_LACKS_TENTATIVE, /* duplicate detection still runs */
	LADDER_LACKS_PEER,
};

enum ladder_action_type {
	LADDER_WAIT,	  /* until action.until, or until something is reported */
	LADDER_CONFIGURE, /* the one-time act (or its repetition for a new birth); then
			     ladder_configured() */
	LADDER_SPEND,	  /* mark it spent without setting anything; then ladder_configured() */
	LADDER_TRY,	  /* one attempt over action.protocol; then ladder_attempt_done() */
	LADDER_CLOSE, /* drop the channel and any attempt over action.protocol: already accounted
			 for */
};

struct ladder_action {
	enum ladder_action_type type;
	enum ladder_protocol protocol;
	uint64_t until;
};

struct ladder { /* the owner holds it; only ladder_*() look inside */
	struct ladder_facts facts;
	enum ladder_state state;
	enum ladder_protocol current, trying;
	bool tried[LADDER_PROTOCOLS];
	enum outcome outcome[LADDER_PROTOCOLS]; /* of the last try of each */
	enum outcome reason;			/* of the last round or loss */
	bool configured; /* this life's act was reported done; its address may be on its way */
	bool configure_failed;
	uint64_t retry_at, retry_wait; /* after a failure; retry_at LADDER_NEVER: refused */
	bool again; /* something changed while a try was under way: the next round is at once */
	unsigned int enrolled;
	struct backoff backoff;
	uint64_t round_began, round_at, configured_at, managed_since, pending_since;
	uint64_t connected_at, probe_at, probe_wait;
};

/* seed: anything that differs between machines, so that a fleet does not knock in step. */
void ladder_init(struct ladder *ladder, uint32_t seed);
void ladder_set_facts(struct ladder *ladder, const struct ladder_facts *facts, uint64_t now);
/* Result of LADDER_CONFIGURE or LADDER_SPEND: 0 or negative errno (-EPERM: for good). New facts
 * follow (once is then spent). */
void ladder_configured(struct ladder *ladder, int error, uint64_t now);
void ladder_attempt_done(
	struct ladder *ladder, enum ladder_protocol protocol, enum outcome outcome, uint64_t now);
/* The connected channel ended by itself. */
void ladder_lost(struct ladder *ladder, enum outcome outcome, uint64_t now);
/*
 * What connections are made with has changed (settings, trust): from the top, at once. The owner
 * has dropped the attempt and the connection, if there were any; both are accounted for here. What
 * could not be configured may be tried again.
 */
void ladder_restart(struct ladder *ladder, uint64_t now);
/* The one-time act is armed again by an administrator: also where it was armed and had failed. */
void ladder_rearm(struct ladder *ladder, uint64_t now);
void ladder_stop(struct ladder *ladder);

struct ladder_action ladder_next(struct ladder *ladder, uint64_t now);

enum ladder_state ladder_get_state(const struct ladder *ladder);
enum ladder_protocol ladder_get_protocol(const struct ladder *ladder); /* connected over */
/* Why not connected (or why lost): the more telling of the last outcomes; OUTCOME_NONE when there
 * is none. */
enum outcome ladder_get_reason(const struct ladder *ladder);
bool ladder_may_configure(const struct ladder *ladder); /* the act is still to come */
enum ladder_missing ladder_get_missing(const struct ladder *ladder, enum ladder_protocol protocol);

const char *ladder_state_name(
	enum ladder_state state); /* as in `bmclinkctl status`: "no-interface" */
const char *ladder_protocol_name(enum ladder_protocol protocol); /* "IPv4" */

#endif
