/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void folder_make(struct folder *folder)
{
	strcpy(folder->path, "/tmp/bmclink-test-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	folder->dir_fd = open(folder->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_true(folder->dir_fd >= 0);
}

void folder_remove(struct folder *folder)
{
	char command[128];

	close(folder->dir_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder->path);
	assert_int_equal(system(command), 0);
}

int folder_setup(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	assert_non_null(folder);
	folder_make(folder);
	*state = folder;
	return 0;
}

int folder_teardown(void **state)
{
	folder_remove(*state);
	free(*state);
	return 0;
}
