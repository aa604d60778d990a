/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step through an SMBIOS table (DSP0134 clause 6.1.3: formatted area, then a set of strings that
 * ends with two NULs). Pure, and all that the monitor knows of SMBIOS but for two ids at fixed
 * offsets (monitor/facts.h).
 */
#ifndef BMCLINK_HOST_DMI_WALK_H
#define BMCLINK_HOST_DMI_WALK_H

#include <stddef.h>
#include <stdint.h>

#define DMI_TYPE_HOST_INTERFACE 42
#define DMI_TYPE_END		127

/*
 * The structure at *offset: sets *start and *size (formatted area and strings, within the table)
 * and moves *offset behind it. -ENOENT at the end of the table or at type 127; -EBADMSG when the
 * bytes there are not a structure that fits, after which no further step is possible.
 */
int dmi_walk_next(
	const uint8_t *table, size_t length, size_t *offset, const uint8_t **start, size_t *size);

/* The next structure of one type; as dmi_walk_next(). */
int dmi_walk_find(const uint8_t *table, size_t length, uint8_t type, size_t *offset,
	const uint8_t **start, size_t *size);

#endif
