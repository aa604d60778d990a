/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be served (SNMP_FILE of the endpoint), and how: the configuration of an snmpd that
 * knows one user, shows one subtree and listens on one NIC.
 */
#ifndef BMCLINK_ENDPOINT_SNMP_SESSION_H
#define BMCLINK_ENDPOINT_SNMP_SESSION_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "endpoint/snmp_user.h"

#define SESSION_DIR	"snmp" /* in the runtime directory; ours alone, gone with the session */
#define SESSION_CONFIG	"snmpd.conf"
#define SESSION_AGENTX	"agentx"
#define SESSION_PERSIST "persist-" /* and the engine */
#define SESSION_MAX_OID 128

struct session {
	char interface[IF_NAMESIZE];
	unsigned int ifindex; /* 0: it is not there */
	unsigned int port;
	char subtree[SESSION_MAX_OID];
	bool idrac; /* the layout of the objects */
	struct snmp_user user;
};

/* From the endpoint's file. -ENOENT: there is no user; -EBADMSG: not to be understood. */
int session_load(int runtime_fd, struct session *session);
/* The text of snmpd's configuration; the caller wipes and frees it. dir: absolute, of the session.
 * NULL: no memory. Nothing in it was not looked at: each word is of letters and digits. */
char *session_make_config(const struct session *session, const char *dir);
void session_clear(struct session *session);

#endif
