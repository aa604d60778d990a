/* SPDX-License-Identifier: Apache-2.0 */
/* dpkg and rpm as this program uses them. They see a package only after its signature was right. */
#ifndef BMCLINK_UPDATE_TOOLS_H
#define BMCLINK_UPDATE_TOOLS_H

#include "update/judge.h"

#define TOOLS_MAX_WHY 192

struct tools {
	enum package_family family;
	const char *folder;   /* where the programs are; NULL: /usr/bin */
	const char *dpkg_dir; /* NULL: /var/lib/dpkg */
};

/* 0, or negative errno with a text in why (TOOLS_MAX_WHY bytes). */
int tools_read_package(
	const struct tools *tools, const char *path, struct update_package *package, char *why);
/* *whole: unpacked and configured. -ENOENT: it is not installed at all. */
int tools_read_installed(
	const struct tools *tools, struct update_package *package, bool *whole, char *why);
/*
 * Waits until nobody else works on the package database: so many seconds, then -EAGAIN. Returns a
 * descriptor that is to be held while something is installed.
 */
int tools_wait_lock(const struct tools *tools, unsigned int seconds, char *why);
/* An older version, too. */
int tools_install(const struct tools *tools, const char *path, char *why);
/*
 * Has systemd start the agent's service, also after so many crashes that it has given up: then the
 * package's own script is refused (dpkg), or leaves a failed unit alone (rpm). Where there is no
 * systemd, nothing happens.
 */
void tools_start_service(const struct tools *tools);

#endif
