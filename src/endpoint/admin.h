/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's commands: `bmclink-endpoint trust ...`, `passwd`, `notice ...`. */
#ifndef BMCLINK_ENDPOINT_ADMIN_H
#define BMCLINK_ENDPOINT_ADMIN_H

#include <jansson.h>

struct service;

struct admin_place {
	const char *state_dir, *runtime_dir;
};

/* arguments[0] is the command. Returns the exit code (control.h). */
int admin_run(const struct admin_place *place, int n, char **arguments);

/* The running endpoint's side: a control_fn; arg is the service. */
json_t *admin_answer(const json_t *request, void *arg);

/* Take the lock that the endpoint holds while it runs: descriptor, or -EAGAIN: it runs. */
int admin_lock(int state_fd);

#endif
