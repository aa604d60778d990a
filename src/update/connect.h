/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_UPDATE_CONNECT_H
#define BMCLINK_UPDATE_CONNECT_H

#include <stdbool.h>

/* Does an agent run that came with this version of the package, and is it connected with the BMC?
 * It is asked over its control socket in runtime_dir (docs/control-protocol.md), for 2 s at most.
 */
bool connect_is_up(const char *runtime_dir, const char *version);

#endif
