/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor does once, before it gives up the privileges that it then no longer needs. */
#ifndef BMCLINK_HOST_PREPARE_H
#define BMCLINK_HOST_PREPARE_H

#include <sys/types.h>

#include "host/monitor/monitor.h"

struct prepared {
	uid_t uid;
	gid_t gid, control_gid;
	int state_fd;	/* <state-dir>/monitor */
	int control_fd; /* listening, non-blocking */
	int empty_fd;	/* a directory without a name or a file */
	char *worker_dir;
	char *control_path;
};

/* Each error is logged with what to do about it; returns 0 or negative errno. */
int prepare_make(const struct monitor_options *options, struct prepared *prepared);
void prepare_clear(struct prepared *prepared);
/* Keep what the acts and the start of a worker need, for this process and all it executes. */
int prepare_drop_privileges(void);

#endif
