/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BMC's switches of the features that the link carries (Oem.Bmclink's ServiceModule). A host
 * has a feature on when its own switch and this one are on: here it can be switched off, never on.
 * Durable; all are on until somebody says otherwise.
 */
#ifndef BMCLINK_ENDPOINT_FEATURE_SWITCHES_H
#define BMCLINK_ENDPOINT_FEATURE_SWITCHES_H

#include <stdbool.h>

enum features_number {
	FEATURES_INBAND_ACCESS,
	FEATURES_SNMP_GET,
	FEATURES_LOCAL_NAMES,
	FEATURES_AUTO_UPDATE,
	FEATURES_COUNT
};

struct features {
	bool off[FEATURES_COUNT];
};

struct features_name {
	const char *property; /* of the resource: "LocalNames" */
	const char *name;     /* as the host and the administrator say: "local-names" */
};

extern const struct features_name features_names[FEATURES_COUNT];
/* By either name; -ENOENT. */
int features_find(const char *name);

/* Without a file all are on. One that cannot be read switches all off (-EBADMSG): what an
 * administrator had switched off must not come on by a bad block. */
int features_load(struct features *features, int state_fd);
int features_save(const struct features *features, int state_fd);

#endif
