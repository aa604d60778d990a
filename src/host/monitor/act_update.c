/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates of the agent: the worker has fetched a package and its signature into its own directory;
 * here they are copied, piece by piece, and the signature of the copy is verified. What is in a
 * package is not looked at: src/update/ does that, outside of this process, once this file has put
 * a verified one in its place. docs/updates.md has the picture.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/package_name.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/acts.h"
#include "update/judge.h"
#include "update/keys.h"
#include "update/store.h"

#define MODULE	     "update"
#define WORKER_FILE  "../worker/" PRIV_UPDATE_FILE
#define WORKER_SIG   "../worker/" PRIV_UPDATE_SIGNATURE
#define PIECE	     (1024 * 1024) /* bytes that one act copies: some milliseconds */
#define SPARE	     (32ULL << 20) /* bytes that stay free, with what dpkg unpacks */
#define CONSENT	     "update-consent"
#define CONSENT_SECS 900

void act_update_stop(struct acts *acts)
{
	struct acts_update *update = &acts->update;

	if (update->from_fd > 0)
		close(update->from_fd);
	if (update->to_fd > 0)
		close(update->to_fd);
	EVP_MD_CTX_free(update->hash);
	*update = (struct acts_update){.size = 0};
}

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

/* One that nobody works at any more: the installer could not even be started. */
static void give_up_stale(int dir_fd, struct update_state *state)
{
	int64_t age = (int64_t)time(NULL) - state->at;

	if (!update_is_under_way(state->step) || (age >= 0 && age < UPDATE_STALE_SECS) ||
		update_is_locked(dir_fd))
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

static int open_state(struct acts *acts, struct update_state *state)
{
	int fd = update_open(acts->environment->state_fd);

	if (fd < 0)
		return fd;
	update_load(
		fd, state); /* a damaged one: nothing is under way, and the floor is what runs */
	return fd;
}

void act_update_review(struct acts *acts)
{
	struct update_state state;
	_cleanup_close_ int fd = -1;

	if (acts->installed.family == PACKAGE_NONE)
		return;
	fd = open_state(acts, &state);
	if (fd < 0)
		return;
	raise_floor(acts, fd, &state);
	give_up_stale(fd, &state);
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
		dir_fd = open_state(acts, &state);
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

/* A file of the worker's: not a link, and what it says is copied before anything is made of it. */
static int open_worker_file(const struct acts *acts, const char *path)
{
	int fd = openat(
		acts->environment->state_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

static int read_signature(const struct acts *acts, struct acts_update *update)
{
	_cleanup_close_ int fd = open_worker_file(acts, WORKER_SIG);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = io_read_all(fd, update->signature_text, sizeof(update->signature_text));
	if (n < 0 || (size_t)n == sizeof(update->signature_text))
		return n < 0 ? (int)n : -EBADMSG;
	update->signature_length = (size_t)n;
	return minisign_parse_signature(update->signature_text, (size_t)n, &update->signature) < 0
		       ? -EBADMSG
		       : 0;
}

static int check_room(int dir_fd, uint64_t size)
{
	struct statvfs st;

	if (fstatvfs(dir_fd, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize < size + SPARE)
		return -ENOSPC;
	return 0;
}

static int open_copy(int dir_fd, struct acts_update *update)
{
	if (unlinkat(dir_fd, UPDATE_INCOMING, 0) < 0 && errno != ENOENT)
		return -errno;
	update->to_fd = openat(
		dir_fd, UPDATE_INCOMING, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (update->to_fd < 0)
		return -errno;
	update->hash = EVP_MD_CTX_new();
	if (update->hash == NULL || EVP_DigestInit_ex(update->hash, EVP_blake2b512(), NULL) != 1)
		return -ENOMEM;
	return 0;
}

static int begin(struct acts *acts, struct acts_update *update)
{
	_cleanup_close_ int dir_fd = -1;
	struct update_state state;
	struct update_keys keys;
	int r = update_keys_load_all(&keys, acts->environment->roots.etc);

	if (r < 0)
		return r;
	if (update_keys_count(&keys) == 0)
		return -ENOKEY;
	dir_fd = open_state(acts, &state);
	if (dir_fd < 0)
		return dir_fd;
	give_up_stale(dir_fd, &state);
	if (update_is_under_way(state.step) || update_is_locked(dir_fd))
		return -EBUSY;
	r = check_room(dir_fd, update->size);
	if (r == 0)
		r = read_signature(acts, update);
	if (r < 0)
		return r;
	r = open_worker_file(acts, WORKER_FILE);
	if (r < 0)
		return r;
	update->from_fd = r;
	return open_copy(dir_fd, update);
}

int act_update_begin(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct acts_update *update = &acts->update;
	int r;

	act_update_stop(acts);
	update->back = wire_get_bool(in);
	wire_get_fixed(in, &update->size, sizeof(update->size));
	wire_get_string(in, update->version, sizeof(update->version));
	if (!wire_is_done(in) || update->size == 0 || update->size > UPDATE_MAX_SIZE ||
		!version_is_valid(acts->installed.family, update->version) ||
		acts->settings.auto_update == AUTO_UPDATE_OFF)
		r = -EPERM;
	else
		r = begin(acts, update);
	if (r < 0)
		act_update_stop(acts);
	return r;
}

/* What is hashed is what is written, whatever the worker does with its file meanwhile. */
static int copy_piece(struct acts_update *update)
{
	uint64_t left = update->size - update->done;
	size_t wanted = left < PIECE ? (size_t)left : PIECE;
	_cleanup_free_ uint8_t *piece = malloc(wanted + 1);
	ssize_t n;
	int r;

	if (piece == NULL)
		return -ENOMEM;
	n = io_read_all(update->from_fd, piece, wanted);
	if (n < 0)
		return (int)n;
	if ((size_t)n != wanted)
		return -ENODATA;
	r = io_write_all(update->to_fd, piece, wanted);
	if (r < 0)
		return r;
	if (EVP_DigestUpdate(update->hash, piece, wanted) != 1)
		return -EIO;
	update->done += wanted;
	/* bit by bit, so that the last act does not wait for all of it */
	return fdatasync(update->to_fd) < 0 ? -errno : 0;
}

int act_update_piece(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct acts_update *update = &acts->update;
	int r;

	if (!wire_is_done(in) || update->to_fd <= 0)
		return -EPERM;
	r = copy_piece(update);
	if (r < 0) {
		act_update_stop(acts);
		return r;
	}
	wire_put_fixed(out, &update->done, sizeof(update->done));
	return 0;
}

static int verify(struct acts *acts, struct acts_update *update)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct update_keys keys;
	const char *why = "";
	int r = update_keys_load_all(&keys, acts->environment->roots.etc);

	if (r < 0)
		return r;
	if (EVP_DigestFinal_ex(update->hash, digest, NULL) != 1)
		return -EIO;
	r = update_keys_verify(&keys, &update->signature, digest, &why);
	if (r < 0)
		acts_emit(acts, MSG_ISM1265, update->version, why);
	return r;
}

/*
 * Root's word for this one version, that bmclinkctl left: the worker, which talks to the BMC,
 * cannot give it. Good for one update.
 */
static bool has_consent(const struct acts *acts, const char *version, bool *no_way_back)
{
	char text[VERSION_MAX + 32];
	_cleanup_close_ int dir_fd = -1, fd = -1;
	struct stat st;
	ssize_t n;
	char *rest;

	*no_way_back = false;
	if (acts->environment->runtime_dir == NULL)
		return false;
	dir_fd = open(acts->environment->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = dir_fd < 0 ? -1
			: openat(dir_fd, CONSENT, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 022) != 0 || time(NULL) - st.st_mtime > CONSENT_SECS)
		return false;
	n = io_read_all(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	rest = strchr(text, ' ');
	if (rest != NULL)
		*rest++ = '\0';
	if (strcmp(text, version) != 0)
		return false;
	*no_way_back = rest != NULL && strcmp(rest, "no-way-back") == 0;
	unlinkat(dir_fd, CONSENT, 0);
	return true;
}

static int put_in_place(
	int dir_fd, const struct acts_update *update, const char *package, const char *signature)
{
	int r = state_write_file(
		dir_fd, signature, update->signature_text, update->signature_length, 0600);

	if (r == 0 && renameat(dir_fd, UPDATE_INCOMING, dir_fd, package) < 0)
		r = -errno;
	if (r == 0 && fsync(dir_fd) < 0 && errno != EINVAL)
		r = -errno;
	return r;
}

/* The installer says whether it really is the package of what runs; here its name does. */
static int keep_back(struct acts *acts, int dir_fd, struct update_state *state)
{
	int r;

	if (strcmp(acts->update.version, acts->installed.version) != 0)
		return -EPERM;
	r = put_in_place(dir_fd, &acts->update, UPDATE_BACK, UPDATE_BACK_MINISIG);
	if (r < 0)
		return r;
	snprintf(state->back, sizeof(state->back), "%s", acts->update.version);
	return update_save(dir_fd, state);
}

static int request(struct acts *acts, int dir_fd, struct update_state *state, bool no_way_back)
{
	const struct acts_update *update = &acts->update;
	int r = put_in_place(dir_fd, update, UPDATE_NEW, UPDATE_NEW_MINISIG);

	if (r < 0)
		return r;
	snprintf(state->version, sizeof(state->version), "%s", update->version);
	snprintf(state->from, sizeof(state->from), "%s", acts->installed.version);
	minisign_format_id(update->signature.id, state->key_id);
	state->attempts = 0;
	state->told = false;
	state->no_way_back = no_way_back;
	r = update_set_step(dir_fd, state, UPDATE_REQUESTED, NULL);
	if (r == 0)
		r = state_write_file(dir_fd, UPDATE_REQUEST, "", 0, 0600);
	if (r == 0)
		acts_emit(acts, MSG_ISM1261, state->version, state->key_id, state->from);
	return r;
}

static int commit(struct acts *acts)
{
	const struct acts_update *update = &acts->update;
	_cleanup_close_ int dir_fd = -1;
	struct update_state state;
	bool no_way_back = false;
	int r = verify(acts, &acts->update);

	if (r < 0)
		return r;
	dir_fd = open_state(acts, &state);
	if (dir_fd < 0)
		return dir_fd;
	if (update->back)
		return keep_back(acts, dir_fd, &state);
	if (update_is_under_way(state.step) || update_is_locked(dir_fd))
		return -EBUSY;
	if (!update_is_newer(
		    acts->installed.family, update->version, acts->installed.version, state.floor))
		return -ESTALE;
	if (!has_consent(acts, update->version, &no_way_back) &&
		(acts->settings.auto_update != AUTO_UPDATE_INSTALL ||
			strcmp(state.refused, update->version) == 0))
		return -EACCES;
	return request(acts, dir_fd, &state, no_way_back);
}

int act_update_commit(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct acts_update *update = &acts->update;
	int r = -EPERM;

	if (wire_is_done(in) && update->to_fd > 0 && update->done == update->size)
		r = commit(acts);
	act_update_stop(acts);
	return r;
}
