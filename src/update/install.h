/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installer of updates: bmclink-update.service runs it when the monitor has put a verified
 * package and a request in place (store.h). It verifies again, judges, installs, waits for the new
 * agent, and puts the old package back when that does not connect. Each step is on the disk before
 * it is taken; started again after a kill, it goes on from there.
 */
#ifndef BMCLINK_UPDATE_INSTALL_H
#define BMCLINK_UPDATE_INSTALL_H

struct install_options {
	const char *state_dir, *runtime_dir, *etc;
	const char *tool_dir, *dpkg_dir; /* NULL: the system's */
	unsigned int connect_seconds, lock_seconds;
};

/* Returns the exit code: 0 when the request was dealt with, however it ended. */
int install_run(const struct install_options *options);

#endif
