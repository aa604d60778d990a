/* SPDX-License-Identifier: Apache-2.0 */
/* The two processes of a session, snmpd and our sub-agent, and the folder they work in. */
#ifndef BMCLINK_ENDPOINT_SNMP_PROCESSES_H
#define BMCLINK_ENDPOINT_SNMP_PROCESSES_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "endpoint-snmp/session.h"

struct processes {
	const char *snmpd, *runtime_dir; /* borrowed; absolute */
	int runtime_fd;			 /* borrowed */
	char dir[PATH_MAX];
	char persist[64];	/* in dir: of the session's engine */
	pid_t master, subagent; /* 0: not running */
};

/* NULL: it is not installed. */
const char *processes_find_snmpd(void);
int processes_start(struct processes *processes, const struct session *session);
/* Safe at any time. */
void processes_stop(struct processes *processes);
/* The folder, too: there is no session any more. */
void processes_clear(struct processes *processes);
/* A child ended: "snmpd", "the sub-agent", or NULL when it is none of ours. */
const char *processes_note_end(struct processes *processes, pid_t pid);

#endif
