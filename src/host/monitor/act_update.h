/* SPDX-License-Identifier: Apache-2.0 */
/* What act_update.c (a package on its way in) and act_update_info.c (where updates stand) share. */
#ifndef BMCLINK_HOST_ACT_UPDATE_H
#define BMCLINK_HOST_ACT_UPDATE_H

#include "host/monitor/acts.h"
#include "update/store.h"

/* The directory of update/store.h, and what is in its UPDATE_STATE. Descriptor or negative errno. A
 * damaged state is an empty one: nothing is under way, and the floor is what runs. */
int act_update_open_state(struct acts *acts, struct update_state *state);
/* One that nobody has worked at for UPDATE_STALE_SECS, for the installer was not even started, has
 * failed. */
void act_update_give_up_stale(struct acts *acts, int dir_fd, struct update_state *state);

#endif
