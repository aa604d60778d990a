/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the system, run for what they print: with a bound, a deadline, and no shell. */
#ifndef BMCLINK_CTL_PROGRAM_H
#define BMCLINK_CTL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#define PROGRAM_MAX_OUTPUT ((size_t)8 * 1024 * 1024)
#define PROGRAM_SECONDS	   20

struct program_result {
	char *output;	 /* standard output, with a NUL behind; the caller frees */
	size_t length;	 /* of output */
	int status;	 /* exit code; 128 + the signal that ended it */
	bool truncated;	 /* there was more than PROGRAM_MAX_OUTPUT */
	char error[256]; /* first line of the standard error, printable; "" when none */
};

/*
 * argv[0] is looked for in first (a directory, or NULL) and the system's own directories, never in
 * $PATH. 0 when it ended, whatever its status; -ENOENT: no such program; -ETIMEDOUT: it was killed
 * after PROGRAM_SECONDS; or negative errno. *result is to be cleared in every case.
 */
int program_run(const char *first, const char *const argv[], struct program_result *result);
void program_clear(struct program_result *result);

#endif
