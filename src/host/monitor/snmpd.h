/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own snmpd: whether it is there, which process it is, and how it reads its files anew.
 */
#ifndef BMCLINK_HOST_SNMPD_H
#define BMCLINK_HOST_SNMPD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "host/monitor/acts.h"

struct snmpd {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	bool ready;	   /* it has a handler for SIGHUP: without, the signal would end it */
	bool own_config;   /* started with -C: the files of a default are not its own */
	char command[512]; /* its command line, blanks between the words */
};

/* -ENOPKG: it is not installed; -ESRCH: it does not run. */
int snmpd_find(const struct acts_roots *roots, struct snmpd *snmpd);
/* SIGHUP, by the descriptor of the process: never to another one with its number. *pidfd (may be
 * NULL) becomes readable when it ends; the caller's to close. */
int snmpd_reload(const struct acts_roots *roots, const struct snmpd *snmpd, int *pidfd);

#endif
