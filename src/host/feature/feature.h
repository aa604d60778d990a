/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The features that the link carries: a feature is one row in the table (feature.c) and one file.
 * What a feature needs of the link is a flag of its row; whether it is available is computed here
 * and nowhere else.
 */
#ifndef BMCLINK_HOST_FEATURE_H
#define BMCLINK_HOST_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "host/link/ladder.h"
#include "host/settings.h"

enum feature_need {
	FEATURE_NEEDS_LINK = 1 << 0,
	FEATURE_NEEDS_IPV4 = 1 << 1, /* S13 to S16: the BMC must answer over IPv4 */
};

struct feature {
	const char *name; /* as in `bmclinkctl status`: "inband-access" */
	unsigned int needs;
	bool (*is_enabled)(const struct settings *settings); /* the host's switch */
	bool built; /* false: this version has the rule, not yet the work */
};

struct feature_state {
	bool enabled, available;
	const char *reason; /* static text; NULL when available */
};

extern const struct feature features[];
extern const size_t n_features;

const struct feature *feature_find(const char *name);
void feature_get_state(const struct feature *feature, const struct settings *settings,
	const struct ladder *ladder, struct feature_state *state);

#endif
