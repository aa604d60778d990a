/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SNMP for the host (in-band SNMP Get): one SNMPv3 user at a time, made by the host over its
 * trusted channel. The endpoint speaks no SNMP itself: bmclink-endpoint-snmp, a process of its own,
 * runs Net-SNMP's snmpd with it. What that is to serve is a file in the runtime directory, which
 * that process follows; no file, no user, and then it does not even listen.
 */
#ifndef BMCLINK_ENDPOINT_SERVICE_SNMP_H
#define BMCLINK_ENDPOINT_SERVICE_SNMP_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "endpoint/snmp_user.h"

/* Where the values are when nobody says otherwise: docs/decisions.md. The second is the arc of
 * Dell's public IDRAC-MIB-SMIv2. */
#define SNMP_SUBTREE	   "1.3.6.1.4.1.8072.9999.9999.623"
#define SNMP_SUBTREE_IDRAC "1.3.6.1.4.1.674.10892.5"

struct service;

const char *service_get_snmp_subtree(const struct service *service);
/* Does a bmclink-endpoint-snmp run? */
bool service_snmp_is_served(const struct service *service);
/* The same user again keeps its engine: nothing is started anew. 0 or negative errno. */
int service_set_snmp_user(struct service *service, const struct snmp_user *user);
/* why: for the log. Safe when there is none. */
void service_remove_snmp_user(struct service *service, const char *why);
/* Frees what service_set_snmp_user() made, beside the user. Safe at any time. */
void service_free_snmp(struct service *service);
/* After changes of trust, of settings, or of the NIC. */
void service_review_snmp(struct service *service);
/* What SNMP shows: {"Product": "...", "Health": "OK", ...}. New reference. */
json_t *service_get_snmp_values(const struct service *service);

#endif
