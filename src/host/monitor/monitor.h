/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor: the privileged process. It starts the worker, does the acts it asks for (acts.h),
 * and is the one that init talks to. It reads its configuration and nothing else from outside.
 */
#ifndef BMCLINK_HOST_MONITOR_H
#define BMCLINK_HOST_MONITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "host/monitor/acts.h"

struct monitor_options {
	const char *config; /* NULL: the default path, which may be missing */
	const char *state_dir, *runtime_dir;
	const char *user, *group;
	struct acts_roots roots;
	bool foreground, debug;
	int ready_fd; /* a byte is written here when the worker is up; -1: none */
};

/* Runs until SIGTERM or SIGINT. Returns the exit code. */
int monitor_run(const struct monitor_options *options);
/* 0, or negative errno with *error a text for the administrator (caller frees). */
int monitor_load_settings(
	const struct monitor_options *options, struct settings *settings, char **error);

#endif
