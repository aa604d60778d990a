/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The features that the link carries: a feature is a row in the table here (its rule), a row in
 * feature_work.c (its work), and one file. What a feature needs of the link is a flag of its row;
 * whether it is available, and whether it is on, is decided here and nowhere else. Pure.
 */
#ifndef BMCLINK_HOST_FEATURE_H
#define BMCLINK_HOST_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "host/link/ladder.h"
#include "host/settings.h"

enum feature_number {
	FEATURE_INBAND_ACCESS,
	FEATURE_SNMP_GET,
	FEATURE_LOCAL_NAMES,
	FEATURE_AUTO_UPDATE,
	FEATURES
};

enum feature_need {
	FEATURE_NEEDS_LINK = 1 << 0,
	FEATURE_NEEDS_IPV4 = 1 << 1, /* S13 to S16: the BMC must answer over IPv4 */
};

struct feature {
	const char *name;     /* as in `bmclinkctl status`: "inband-access" */
	const char *verb;     /* of bmclinkctl, for texts: "access" */
	const char *bmc_name; /* in the BMC's ServiceModule resource: "InbandAccess" */
	unsigned int needs;
	bool (*is_enabled)(const struct settings *settings); /* the host's switch */
};

enum feature_switch {	   /* the BMC's */
	FEATURE_SWITCH_ON, /* or it has none, and the host's counts alone */
	FEATURE_SWITCH_OFF,
	FEATURE_SWITCH_UNREAD, /* it has one, which is being asked for: off until it is known */
};

enum feature_stop { /* why a feature is not on; what is left of it on the host depends on it */
	FEATURE_STOP_NONE,	  /* it is on */
	FEATURE_STOP_DISABLED,	  /* by the host or by the BMC */
	FEATURE_STOP_UNAVAILABLE, /* the link has no IPv4: not configured, or only IPv6 answers */
	FEATURE_STOP_LOST,	  /* no communication for now; IPv4 may be as it was */
	FEATURE_STOP_END,	  /* the agent ends */
};

struct feature_state {
	bool by_host, by_bmc; /* its two switches; not read yet counts as off */
	bool available;
	bool on; /* all three */
	enum feature_stop stop;
	/* Why it is not on: static text; NULL when it is. What it lacks to be available comes
	 * before the switches: it is so for whoever would switch it on. */
	const char *reason;
};

extern const struct feature features[FEATURES];

const struct feature *feature_find(const char *name);
void feature_get_state(const struct feature *feature, const struct settings *settings,
	const struct ladder *ladder, enum feature_switch bmc, struct feature_state *state);

#endif
