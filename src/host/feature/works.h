/* SPDX-License-Identifier: Apache-2.0 */
/* The features' work, one a file; feature_work.c has them in its table. */
#ifndef BMCLINK_HOST_FEATURE_WORKS_H
#define BMCLINK_HOST_FEATURE_WORKS_H

#include "host/feature/feature_work.h"

extern const struct feature_work feature_inband_access; /* inband_access.h */
extern const struct feature_work feature_local_names;
extern const struct feature_work feature_snmp_get;
extern const struct feature_work feature_auto_update;

#endif
