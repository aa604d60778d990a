/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the file name of an agent package says, as dpkg-deb and rpmbuild name their files:
 * bmclink_0.1.0-1_amd64.deb, bmclink-0.1.0-1.x86_64.rpm. It is a hint, for choosing; what is
 * installed is judged by the package itself, once its signature is right. Pure.
 */
#ifndef BMCLINK_BASE_PACKAGE_NAME_H
#define BMCLINK_BASE_PACKAGE_NAME_H

#include "base/version.h"

#define PACKAGE_NAME_AGENT "bmclink"
#define PACKAGE_NAME_MAX   64 /* with NUL: it is a segment of a URI, too */

struct package_name {
	enum package_family family;
	char version[VERSION_MAX]; /* with revision, or with release */
	char architecture[16];	   /* as that family names it */
};

/* 0; -EINVAL: not the name of a package of the agent. */
int package_name_parse(const char *file, struct package_name *name);

/* How this machine's packages name its architecture: "amd64" or "x86_64"; "": not known. */
const char *package_name_get_architecture(enum package_family family);

#endif
