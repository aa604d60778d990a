/* SPDX-License-Identifier: Apache-2.0 */
#include "host/feature/feature.h"

#include <string.h>

static bool inband_access_enabled(const struct settings *settings)
{
	return settings->inband_access;
}

static bool snmp_get_enabled(const struct settings *settings)
{
	return settings->snmp_get;
}

static bool local_names_enabled(const struct settings *settings)
{
	return settings->local_names;
}

static bool auto_update_enabled(const struct settings *settings)
{
	return settings->auto_update != 0;
}

const struct feature features[] = {
	{"inband-access", FEATURE_NEEDS_LINK | FEATURE_NEEDS_IPV4, inband_access_enabled, false},
	{"snmp-get",	     FEATURE_NEEDS_LINK | FEATURE_NEEDS_IPV4, snmp_get_enabled,	false},
	{"local-names",	FEATURE_NEEDS_LINK | FEATURE_NEEDS_IPV4, local_names_enabled,   false},
	{"auto-update",	FEATURE_NEEDS_LINK | FEATURE_NEEDS_IPV4, auto_update_enabled,   false},
};
const size_t n_features = sizeof(features) / sizeof(features[0]);

const struct feature *feature_find(const char *name)
{
	for (size_t i = 0; i < n_features; i++) {
		if (strcmp(features[i].name, name) == 0)
			return &features[i];
	}
	return NULL;
}

void feature_get_state(const struct feature *feature, const struct settings *settings,
	const struct ladder *ladder, struct feature_state *state)
{
	enum ladder_protocol protocol = ladder_get_protocol(ladder);

	*state = (struct feature_state){.enabled = feature->is_enabled(settings)};
	if ((feature->needs & FEATURE_NEEDS_LINK) != 0 && protocol == LADDER_NONE)
		state->reason = "there is no communication with the BMC";
	else if ((feature->needs & FEATURE_NEEDS_IPV4) != 0 && protocol != LADDER_IPV4)
		state->reason = "it needs IPv4, and the BMC answers over IPv6 only";
	else
		state->available = true;
}
