/* SPDX-License-Identifier: Apache-2.0 */
/* May this package be installed here? Its signature is right already. Pure. */
#ifndef BMCLINK_UPDATE_JUDGE_H
#define BMCLINK_UPDATE_JUDGE_H

#include <stdbool.h>

#include "base/version.h"

struct update_package { /* what dpkg-deb or rpm reads from it, or says of what is installed */
	char name[VERSION_MAX], version[VERSION_MAX], architecture[VERSION_MAX];
};

struct update_facts {
	enum package_family family;		/* of this system; the package is of it too */
	const struct update_package *package;	/* that is to be installed */
	const struct update_package *installed; /* what runs */
	const char *floor;			/* "": none */
	const struct update_package *back;	/* verified, too; NULL: there is none */
	bool no_way_back;			/* an administrator wants it without */
};

/* NULL: it may be; else static text. */
const char *update_judge(const struct update_facts *facts);
/* Is this the package of what runs? */
bool update_judge_back(const struct update_package *back, const struct update_package *installed);

/* May the agent offer this version at all: newer than ours, not below the floor? */
bool update_is_newer(
	enum package_family family, const char *version, const char *installed, const char *floor);

#endif
