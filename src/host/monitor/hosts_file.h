/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/hosts with our block, written whole or not at all: a new file beside it, with owner, mode
 * and extended attributes (access list, SELinux label) of the old one, synced, and renamed over it.
 * A symbolic link stays, its target is replaced. What cannot be replaced in one step (a file that
 * is mounted, or has another name, too) is refused, and left as it is.
 */
#ifndef BMCLINK_HOST_HOSTS_FILE_H
#define BMCLINK_HOST_HOSTS_FILE_H

#include "host/monitor/hosts_text.h"

/*
 * etc: the folder, "/etc". wanted NULL: take our block out; a file that is not there is then fine.
 * 0: it is so now; result (may be NULL) tells, without its text. Negative errno with *why a static
 * text for people when it is not, and the file is as it was.
 */
int hosts_file_change(const char *etc, const struct hosts_block *wanted,
	struct hosts_result *result, const char **why);

#endif
