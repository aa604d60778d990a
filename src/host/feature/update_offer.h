/* SPDX-License-Identifier: Apache-2.0 */
/* Packages of the agent that the BMC has, as its SoftwareInventory tells, and which is wanted.
 * Pure. */
#ifndef BMCLINK_HOST_UPDATE_OFFER_H
#define BMCLINK_HOST_UPDATE_OFFER_H

#include <jansson.h>

#include "base/minisign.h"
#include "base/package_name.h"
#include "host/priv.h"

#define UPDATE_OFFER_MAX_PATH 256
#define UPDATE_OFFER_MAX      64 /* members that are looked at */

struct update_offer {
	char id[PACKAGE_NAME_MAX];
	struct package_name name;
	uint64_t size;
	unsigned char sha256[32];
	char signature[MINISIGN_MAX_FILE + 1]; /* "": none */
	char path[UPDATE_OFFER_MAX_PATH];      /* of the package's bytes */
};

/* A member of the inventory: 0, or -EINVAL: it is not a package of the agent, or not a whole one.
 */
int update_offer_parse(const json_t *member, struct update_offer *offer);

enum update_use { UPDATE_USE_NONE, UPDATE_USE_NEW, UPDATE_USE_BACK };
/* Is it for this machine, and then newer than what runs, or what runs? */
enum update_use update_offer_use(
	const struct update_offer *offer, const struct priv_update_info *info);

/* Why the newest one is not installed by itself; NULL: it is. encrypted: the channel. */
const char *update_offer_find_obstacle(const struct update_offer *offer, bool has_back,
	const struct priv_update_info *info, bool encrypted);

#endif
