/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, as its state: fixtures of cmocka. */
#ifndef BMCLINK_TESTS_FOLDER_H
#define BMCLINK_TESTS_FOLDER_H

struct folder {
	char path[64];
	int dir_fd;
};

int folder_setup(void **state);
int folder_teardown(void **state); /* with all that is in it */

/* For fixtures that have more. */
void folder_make(struct folder *folder);
void folder_remove(struct folder *folder);

#endif
