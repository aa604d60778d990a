/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3) without its library: one datagram to $NOTIFY_SOCKET; nothing when that is not set.
 */
#ifndef BMCLINK_BASE_NOTIFY_H
#define BMCLINK_BASE_NOTIFY_H

void notify_init(const char *state); /* "READY=1" */

#endif
