/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay: the process of in-band access, `bmclinkd --relay`, started by the monitor while the
 * feature is on. It takes clients from the listening sockets that it was given, and passes bytes
 * between them and the BMC. It has no privilege, no file, and no way to make a socket: those to the
 * BMC come from the monitor one by one (message.h), connected already.
 */
#ifndef BMCLINK_HOST_RELAY_H
#define BMCLINK_HOST_RELAY_H

#include <stdbool.h>
#include <sys/types.h>

#define RELAY_MONITOR_FD 3
#define RELAY_COUNTS_FD	 4 /* struct relay_counts */
#define RELAY_ROOT_FD	 5 /* an empty directory */

/* Of one connection: two sockets, two pipes. And of the process itself. */
#define RELAY_CONNECTION_FILES 6
#define RELAY_OWN_FILES	       32

struct relay_options {
	uid_t uid;
	gid_t gid;
	bool foreground, debug;
};

/* Returns the exit code: those of worker.h. */
int relay_main(const struct relay_options *options);

int relay_close_syscalls(void); /* sandbox.c; 0 or negative errno */

#endif
