/* SPDX-License-Identifier: Apache-2.0 */
/* Start a program as hooks.h promises it: nothing of ours but two descriptors. */
#ifndef BMCLINK_ENDPOINT_HOOK_EXEC_H
#define BMCLINK_ENDPOINT_HOOK_EXEC_H

#include <sys/types.h>

/*
 * In a session of its own, with signals as at log-in, standard input empty. arguments: NULL ends.
 * Returns its process id, or negative errno. What goes wrong after the fork is written to err, and
 * the exit code is 126.
 */
pid_t hook_exec(const char *path, const char *const *arguments, int out, int err);

#endif
