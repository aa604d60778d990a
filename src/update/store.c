/* SPDX-License-Identifier: Apache-2.0 */
#include "update/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"

#define MODULE "update"

static const char *const names[UPDATE_N_STEPS] = {"none", "requested", "checking", "installing",
	"connecting", "returning", "done", "failed", "returned", "lost"};

const char *update_step_name(enum update_step step)
{
	return names[step];
}

bool update_is_under_way(enum update_step step)
{
	return step >= UPDATE_REQUESTED && step <= UPDATE_RETURNING;
}

int update_open(int monitor_fd)
{
	int fd;

	if (mkdirat(monitor_fd, UPDATE_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(monitor_fd, UPDATE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int take_text(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text || strlen(text) >= size)
		return -EBADMSG;
	strcpy(out, text);
	return 0;
}

static int parse(const json_t *object, struct update_state *state)
{
	const char *step = json_string_value(json_object_get(object, "step"));
	int r = 0;

	while (step && state->step < UPDATE_N_STEPS && strcmp(step, names[state->step]) != 0)
		state->step++;
	if (!step || state->step == UPDATE_N_STEPS)
		return -EBADMSG;
	r |= take_text(object, "version", state->version, sizeof(state->version));
	r |= take_text(object, "from", state->from, sizeof(state->from));
	r |= take_text(object, "why", state->why, sizeof(state->why));
	r |= take_text(object, "key", state->key_id, sizeof(state->key_id));
	r |= take_text(object, "back", state->back, sizeof(state->back));
	r |= take_text(object, "floor", state->floor, sizeof(state->floor));
	r |= take_text(object, "refused", state->refused, sizeof(state->refused));
	state->at = json_integer_value(json_object_get(object, "at"));
	state->attempts = (unsigned int)json_integer_value(json_object_get(object, "attempts"));
	state->no_way_back = json_is_true(json_object_get(object, "no_way_back"));
	state->told = json_is_true(json_object_get(object, "told"));
	return r ? -EBADMSG : 0;
}

int update_load(int dir_fd, struct update_state *state)
{
	json_t *object = NULL;
	int r = state_read_json(dir_fd, UPDATE_STATE, &object);

	*state = (struct update_state){.step = UPDATE_NONE};
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = parse(object, state);
	json_decref(object);
	if (r < 0) {
		log_error(MODULE, UPDATE_STATE " cannot be read: %s", strerror(-r));
		*state = (struct update_state){.step = UPDATE_NONE};
	}
	return r;
}

int update_save(int dir_fd, const struct update_state *state)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:b, s:b, s:s, s:s, s:s}",
		"step", names[state->step], "version", state->version, "from", state->from, "why",
		state->why, "key", state->key_id, "at", (json_int_t)state->at, "attempts",
		(int)state->attempts, "no_way_back", state->no_way_back, "told", state->told,
		"back", state->back, "floor", state->floor, "refused", state->refused);
	int r = object ? state_write_json(dir_fd, UPDATE_STATE, object, 0600) : -ENOMEM;

	json_decref(object);
	return r;
}

int update_set_step(int dir_fd, struct update_state *state, enum update_step step, const char *why)
{
	struct update_state next = *state;
	int r;

	next.step = step;
	next.at = time(NULL);
	snprintf(next.why, sizeof(next.why), "%s", why ? why : "");
	r = update_save(dir_fd, &next);
	if (r < 0)
		return r;
	log_info(MODULE, "%s -> %s%s%s", names[state->step], names[step], *next.why ? ": " : "",
		next.why);
	*state = next;
	return 0;
}

int update_lock(int dir_fd)
{
	_cleanup_close_ int fd =
		openat(dir_fd, UPDATE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return util_steal_fd(&fd);
}

bool update_is_locked(int dir_fd)
{
	_cleanup_close_ int fd = update_lock(dir_fd);

	return fd < 0;
}
