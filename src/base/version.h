/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of packages and their order, as dpkg and rpm have it: deb-version(7), rpm-version(7).
 * Their own programs are not asked, for who compares may run none. Pure.
 */
#ifndef BMCLINK_BASE_VERSION_H
#define BMCLINK_BASE_VERSION_H

#include <stdbool.h>

#define VERSION_MAX 64 /* with NUL */

enum package_family { PACKAGE_NONE, PACKAGE_DEB, PACKAGE_RPM, PACKAGE_N_FAMILIES };

const char *version_get_family_name(enum package_family family); /* "deb", "rpm", "none" */
enum package_family version_find_family(const char *name);	 /* PACKAGE_NONE: neither */

/* Of the characters that a version may have, and not too long. */
bool version_is_valid(enum package_family family, const char *version);

/* Below 0: a is older. Both valid, or the order is some order. */
int version_compare(enum package_family family, const char *a, const char *b);

#endif
