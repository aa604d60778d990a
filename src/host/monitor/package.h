/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a package's scripts do with the state, in processes of their own (bmclinkd --installed,
 * --cleanup). The mark of an installation, <state-dir>/monitor/installed.json, tells the next start
 * what happened since the last one: another version is an upgrade, the same version configured once
 * more is a repair. It has no key in it and nothing of this machine, so that an image under
 * construction may hold it.
 */
#ifndef BMCLINK_HOST_PACKAGE_H
#define BMCLINK_HOST_PACKAGE_H

#include <stdint.h>

#include "base/version.h"

struct monitor_options;

#define PACKAGE_MARK	    "installed.json"
#define PACKAGE_MAX_VERSION 64 /* with NUL */

struct package_mark {
	char version[PACKAGE_MAX_VERSION]; /* of the package, with its revision; "": no mark */
	uint32_t count;			   /* how often it was installed since it was removed */
	enum package_family family;	   /* whose it is; PACKAGE_NONE: an older one did not say */
};

/* 0, -ENOENT: there is none; -EBADMSG: damaged. */
int package_read_mark(int state_fd, struct package_mark *mark);
/* The package with this version was installed, or installed again. Returns the exit code. */
int package_note_installed(
	const struct monitor_options *options, const char *version, enum package_family family);
/*
 * For its removal: our address, nft table and sysctls go, and all that is in the state directory:
 * keys, trust, profile, mark. Returns the exit code.
 */
int package_cleanup(const struct monitor_options *options);

#endif
