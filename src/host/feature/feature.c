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

#define NEEDS (FEATURE_NEEDS_LINK | FEATURE_NEEDS_IPV4)

/* clang-format off */
const struct feature features[FEATURES] = {
	[FEATURE_INBAND_ACCESS] = {"inband-access", "access", "InbandAccess", NEEDS, inband_access_enabled},
	[FEATURE_SNMP_GET] = {"snmp-get", "snmp", "SnmpGet", NEEDS, snmp_get_enabled},
	[FEATURE_LOCAL_NAMES] = {"local-names", "names", "LocalNames", NEEDS, local_names_enabled},
	[FEATURE_AUTO_UPDATE] = {"auto-update", "update", "AutoUpdate", NEEDS, auto_update_enabled},
};
/* clang-format on */

const struct feature *feature_find(const char *name)
{
	for (size_t i = 0; i < FEATURES; i++) {
		if (strcmp(features[i].name, name) == 0)
			return &features[i];
	}
	return NULL;
}

static const char *find_obstacle(const struct feature *feature, const struct ladder *ladder)
{
	enum ladder_protocol protocol = ladder_get_protocol(ladder);

	if ((feature->needs & FEATURE_NEEDS_LINK) != 0 && protocol == LADDER_NONE)
		return "there is no communication with the BMC";
	if ((feature->needs & FEATURE_NEEDS_IPV4) != 0 && protocol != LADDER_IPV4)
		return "it needs IPv4, and the BMC answers over IPv6 only";
	return NULL;
}

/* A loss may be over in a second, and a NIC that was just born has no address yet: neither is the
 * end of IPv4. */
static enum feature_stop find_stop(
	const struct feature_state *state, enum feature_switch bmc, const struct ladder *ladder)
{
	enum ladder_missing missing = ladder_get_missing(ladder, LADDER_IPV4);

	if (!state->by_host || bmc == FEATURE_SWITCH_OFF)
		return FEATURE_STOP_DISABLED;
	if (missing == LADDER_LACKS_ENABLED || ladder_get_protocol(ladder) == LADDER_IPV6)
		return FEATURE_STOP_UNAVAILABLE;
	if (missing == LADDER_LACKS_ADDRESS && !ladder_may_configure(ladder))
		return FEATURE_STOP_UNAVAILABLE;
	return FEATURE_STOP_LOST;
}

void feature_get_state(const struct feature *feature, const struct settings *settings,
	const struct ladder *ladder, enum feature_switch bmc, struct feature_state *state)
{
	const char *obstacle = find_obstacle(feature, ladder);

	*state = (struct feature_state){.by_host = feature->is_enabled(settings),
		.by_bmc = bmc == FEATURE_SWITCH_ON,
		.available = obstacle == NULL};
	state->on = state->available && state->by_host && state->by_bmc;
	if (state->on)
		return;
	state->stop = find_stop(state, bmc, ladder);
	if (obstacle != NULL)
		state->reason = obstacle;
	else if (!state->by_host)
		state->reason = "switched off on this host";
	else if (bmc == FEATURE_SWITCH_OFF)
		state->reason = "switched off at the BMC";
	else
		state->reason = "the BMC has not said yet whether it is switched on there";
}
