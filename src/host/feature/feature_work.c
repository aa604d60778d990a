/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what the features do. */
#include "host/feature/works.h"

const struct feature_work *const feature_works[FEATURES] = {
	[FEATURE_INBAND_ACCESS] = &feature_inband_access,
	[FEATURE_SNMP_GET] = &feature_snmp_get,
	[FEATURE_LOCAL_NAMES] = &feature_local_names,
	[FEATURE_AUTO_UPDATE] = &feature_auto_update,
};
