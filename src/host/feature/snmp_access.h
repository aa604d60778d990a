/* SPDX-License-Identifier: Apache-2.0 */
/* How the BMC is asked by snmpd (snmp_get.c): a user made up, and what keeps snmpd from having it.
 */
#ifndef BMCLINK_HOST_SNMP_ACCESS_H
#define BMCLINK_HOST_SNMP_ACCESS_H

#include "host/monitor/snmp_text.h"

/* A new name and new keys, at random. The name, too: snmpd keeps the keys of a name that it knows,
 * over a reload. 0 or -EIO. */
int snmp_access_make(struct snmp_access *access);
/* For people: an error (positive errno) of priv_snmp_start(). Static text. */
const char *snmp_access_explain(int error);

#endif
