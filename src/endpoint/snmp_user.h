/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SNMPv3 user of the host: what the endpoint and bmclink-endpoint-snmp have in common. Pure.
 */
#ifndef BMCLINK_ENDPOINT_SNMP_USER_H
#define BMCLINK_ENDPOINT_SNMP_USER_H

#include <stdbool.h>

#include "base/cert.h"

#define SNMP_FILE "snmp.json" /* in the runtime directory, 0600: it has the keys */
#define SNMP_LOCK "snmp.lock" /* held (fcntl, OFD) by the process that serves it */

#define SNMP_MAX_NAME	  32 /* RFC 3414 */
#define SNMP_MAX_KEY	  64
#define SNMP_MIN_KEY	  16
#define SNMP_ENGINE_BYTES 17 /* RFC 3411: 5 to 32 */

enum snmp_auth { SNMP_AUTH_SHA256, SNMP_AUTH_SHA1 };

struct snmp_user {
	char name[SNMP_MAX_NAME + 1]; /* "": there is none */
	enum snmp_auth auth;
	char auth_key[SNMP_MAX_KEY + 1], priv_key[SNMP_MAX_KEY + 1];
	unsigned char host[CERT_FINGERPRINT_SIZE]; /* whose it is */
	char engine[2 * SNMP_ENGINE_BYTES + 1];	   /* of the snmpd that knows it, hex */
};

/* Letters and digits (and '-', '_' in a name): they become words of a configuration file. */
bool snmp_name_is_good(const char *name);
bool snmp_key_is_good(const char *key);

/* "SHA-256", as Net-SNMP has it. */
const char *snmp_auth_name(enum snmp_auth auth);
#endif
