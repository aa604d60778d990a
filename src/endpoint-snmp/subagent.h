/* SPDX-License-Identifier: Apache-2.0 */
/* The AgentX sub-agent (RFC 2741): our objects in the snmpd of the session. */
#ifndef BMCLINK_ENDPOINT_SNMP_SUBAGENT_H
#define BMCLINK_ENDPOINT_SNMP_SUBAGENT_H

#include "endpoint-snmp/session.h"

/*
 * Runs until it is killed or its snmpd is gone; returns the exit code. In a process of its own: the
 * library has global state that no second session could use. dir: absolute, of the session.
 */
int subagent_run(const struct session *session, const char *runtime_dir, const char *dir);

#endif
