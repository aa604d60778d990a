/* SPDX-License-Identifier: Apache-2.0 */
/* Which machine and which boot this is: small files of the kernel and of /etc, read with a bound.
 */
#ifndef BMCLINK_HOST_MACHINE_H
#define BMCLINK_HOST_MACHINE_H

#include <stddef.h>

#include "host/monitor/profile.h"

struct acts_roots;

/*
 * Ids: the first line of a file, without white space at its ends; "" when there is none, or it does
 * not fit, or is not printable. Negative errno when it could not be read just now (no descriptor,
 * no memory, EIO): nothing may be concluded then, least of all that this is another machine.
 */
int machine_read_line(const char *root, const char *path, char *out, size_t size);
/* etc/machine-id and sys/class/dmi/id/product_uuid */
int machine_read(const struct acts_roots *roots, struct profile_machine *machine);
/* proc/sys/kernel/random/boot_id */
int machine_read_boot_id(const struct acts_roots *roots, char boot_id[PROFILE_MAX_ID]);

/*
 * A value of an INI-like file ("KEY=VALUE" below "[section]"; section NULL: before any): 0,
 * -ENOENT, or negative errno. For the state files of other network managers; at most 16 KiB are
 * looked at.
 */
int machine_read_key(
	const char *path, const char *section, const char *key, char *out, size_t size);

#endif
