/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_HOST_INBAND_ACCESS_H
#define BMCLINK_HOST_INBAND_ACCESS_H

#include "host/feature/feature_work.h"

/* The monitor says that the relay has come, gone or waits (PRIV_NOTICE_ACCESS). Safe at any time.
 */
void inband_access_changed(struct feature_context *context);

#endif
