/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root's word for one version, as a file of the runtime directory: bmclinkctl leaves it, the
 * monitor takes it. The worker, which talks to the BMC and names the versions, can do neither.
 */
#ifndef BMCLINK_UPDATE_CONSENT_H
#define BMCLINK_UPDATE_CONSENT_H

#include <stdbool.h>

#define UPDATE_CONSENT	    "update-consent"
#define UPDATE_CONSENT_SECS 900 /* that it is good for */

/* 0 or negative errno. -EINVAL: that is no version. It comes from the worker, and may be made to
 * say more than root does. */
int update_consent_give(int runtime_fd, const char *version, bool no_way_back);
/*
 * Is there one for this version, by whom this process runs as, not older than UPDATE_CONSENT_SECS?
 * Then it is used up. no_way_back: also to being left without the old package; false without
 * consent.
 */
bool update_consent_take(int runtime_fd, const char *version, bool *no_way_back);

#endif
