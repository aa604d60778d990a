/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same attempts without the sandbox: what is refused in the worker must work here, or the test
 * of the refusal proves nothing. Usage: hostile_twin FILE; prints "NAME RESULT" lines (each in a
 * process of its own, whose parent is the victim).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

int main(int argc, char **argv)
{
	struct hostile_victim victim = {.monitor = getpid(), .tcp_fd = -1};
	const char *name;
	int status;
	size_t i;
	pid_t pid;

	if (argc != 2)
		return 2;
	victim.file = argv[1];
	/* what a careless parent leaves open */
	if (open("/", O_RDONLY | O_DIRECTORY) < 0)
		return 1;
	for (i = 0; (name = hostile_get_name(i)) != NULL; i++) {
		pid = fork();
		if (pid == 0)
			_exit(-hostile_try(name, &victim));
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return 1;
		if (WIFSIGNALED(status))
			printf("%s killed\n", name);
		else
			printf("%s %s\n", name,
				WEXITSTATUS(status) == 0 ? "worked"
							 : strerror(WEXITSTATUS(status)));
	}
	return 0;
}
