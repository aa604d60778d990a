/* SPDX-License-Identifier: Apache-2.0 */
/* Where updates stand: what the installer did since, what runs here, and whose keys count. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/package_name.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/act_update.h"
#include "update/keys.h"

#define MODULE "update"

/* An event of how the last one ended, once. */
static void tell(struct acts *acts, int dir_fd, struct update_state *state)
{
	if (state->told || state->step < UPDATE_DONE)
		return;
	if (state->step == UPDATE_DONE)
		acts_emit(acts, MSG_ISM1262, state->from, state->version);
	else if (state->step == UPDATE_FAILED)
		acts_emit(acts, MSG_ISM1263, state->version, state->why, state->from);
	else if (state->step == UPDATE_RETURNED)
		acts_emit(acts, MSG_ISM1264, state->version, state->why, state->from);
	else
		acts_emit(acts, MSG_ISM1266, state->version, state->from, state->why);
	state->told = true;
	if (update_save(dir_fd, state) < 0)
		log_warning(MODULE, "it may be told again how the last update ended");
}

/* By our own time: what a power cut interrupted goes on, however long the machine was off, and
 * whatever its clock says now; the installer is started when we are. */
static bool is_stale(struct acts *acts, const struct update_state *state)
{
	int64_t now = clock_get_ms(CLOCK_BOOTTIME);

	if (!update_is_under_way(state->step)) {
		acts->update_seen_ms = 0;
		return false;
	}
	if (acts->update_seen_ms == 0 || acts->update_seen_at != state->at) {
		acts->update_seen_ms = now;
		acts->update_seen_at = state->at;
	}
	return now - acts->update_seen_ms >= UPDATE_STALE_SECS * 1000;
}

void act_update_give_up_stale(struct acts *acts, int dir_fd, struct update_state *state)
{
	if (!is_stale(acts, state) || update_is_locked(dir_fd))
		return;
	state_remove_file(dir_fd, UPDATE_REQUEST);
	update_set_step(dir_fd, state, state->step <= UPDATE_CHECKING ? UPDATE_FAILED : UPDATE_LOST,
		"the installer was not started: is bmclink-update.path active?");
}

static void raise_floor(const struct acts *acts, int dir_fd, struct update_state *state)
{
	const struct package_mark *mark = &acts->installed;

	if (!version_is_valid(mark->family, mark->version) ||
		(state->floor[0] &&
			version_compare(mark->family, mark->version, state->floor) <= 0))
		return;
	snprintf(state->floor, sizeof(state->floor), "%s", mark->version);
	update_save(dir_fd, state);
}

int act_update_open_state(struct acts *acts, struct update_state *state)
{
	int fd = update_open(acts->environment->state_fd);

	if (fd < 0)
		return fd;
	update_load(fd, state);
	return fd;
}

void act_update_review(struct acts *acts)
{
	struct update_state state;
	_cleanup_close_ int fd = -1;

	if (acts->installed.family == PACKAGE_NONE)
		return;
	fd = act_update_open_state(acts, &state);
	if (fd < 0)
		return;
	raise_floor(acts, fd, &state);
	act_update_give_up_stale(acts, fd, &state);
	tell(acts, fd, &state);
}

int act_update_info(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	enum package_family family = acts->installed.family;
	struct update_state state = {.step = UPDATE_NONE};
	_cleanup_close_ int dir_fd = -1;
	struct update_keys keys;
	int r;

	if (!wire_is_done(in))
		return -EPERM;
	act_update_review(acts);
	if (family != PACKAGE_NONE)
		dir_fd = act_update_open_state(acts, &state);
	if (family != PACKAGE_NONE && dir_fd < 0)
		return dir_fd;
	r = update_keys_load_all(&keys, acts->environment->roots.etc);
	wire_put_u8(out, (uint8_t)family);
	wire_put_string(out, package_name_get_architecture(family));
	wire_put_string(out, acts->installed.version);
	wire_put_string(out, state.floor);
	wire_put_string(out, state.back);
	wire_put_string(out, state.refused);
	wire_put_u32(out, r < 0 ? 0 : update_keys_count(&keys));
	wire_put_u8(out, (uint8_t)state.step);
	wire_put_string(out, state.version);
	wire_put_string(out, state.from);
	wire_put_string(out, state.why);
	wire_put_fixed(out, &state.at, sizeof(state.at));
	return 0;
}
