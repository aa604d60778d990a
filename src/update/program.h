/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_UPDATE_PROGRAM_H
#define BMCLINK_UPDATE_PROGRAM_H

#include <stddef.h>

/*
 * Run a program (argv[0] is its path) with a small environment of its own and variable,
 * "NAME=VALUE" or NULL, in addition. What it says goes into out, cut, with its NUL. Returns its
 * exit code, 128 + signal, or negative errno; -ETIMEDOUT: it was killed after so many seconds, with
 * all that it had started.
 */
int program_run(const char *const *argv, const char *variable, unsigned int seconds, char *out,
	size_t size);

#endif
