/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoint knows of the machine, asked over its control socket and kept for a moment. */
#ifndef BMCLINK_ENDPOINT_SNMP_VALUES_H
#define BMCLINK_ENDPOINT_SNMP_VALUES_H

#include <jansson.h>

#define VALUES_KEEP_MS 3000

/* Borrowed until the next call; NULL: the endpoint does not answer. */
const json_t *values_get(const char *runtime_dir);

/* ObjectStatusEnum of Dell's MIB, and ours: other 1, unknown 2, ok 3, nonCritical 4, critical 5,
 * nonRecoverable 6. From a Health of Redfish; NULL: it is not known. */
long values_get_health(const char *health);
/* other 1, unknown 2, off 3, on 4. From a PowerState of Redfish. */
long values_get_power(const char *state);

#endif
