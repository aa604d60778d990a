/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: under valgrind, /proc/self/exe is valgrind. Who executes itself gets the program that
 * SELF_EXE names. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int execv(const char *path, char *const argv[])
{
	const char *self = getenv("SELF_EXE");

	return execve(self && strcmp(path, "/proc/self/exe") == 0 ? self : path, argv, environ);
}
