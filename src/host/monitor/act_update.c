/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package on its way in: the worker has fetched a package and its signature into its own
 * directory; here they are copied, piece by piece, and the signature of the copy is verified. What
 * is in a package is not looked at: src/update/ does that, outside of this process, once this file
 * has put a verified one in its place. docs/updates.md has the picture.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/io.h"
#include "base/package_name.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/act_update.h"
#include "update/consent.h"
#include "update/judge.h"
#include "update/keys.h"
#include "update/store.h"

#define WORKER_FILE "../worker/" PRIV_UPDATE_FILE
#define WORKER_SIG  "../worker/" PRIV_UPDATE_SIGNATURE
#define PIECE	    (1024 * 1024) /* bytes that one act copies: some milliseconds */
#define SPARE	    (32ULL << 20) /* bytes that stay free, with what dpkg unpacks */

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
	dir_fd = act_update_open_state(acts, &state);
	if (dir_fd < 0)
		return dir_fd;
	act_update_give_up_stale(acts, dir_fd, &state);
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

static bool has_consent(const struct acts *acts, const char *version, bool *no_way_back)
{
	const char *dir = acts->environment->runtime_dir;
	_cleanup_close_ int dir_fd =
		dir == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir_fd >= 0 && update_consent_take(dir_fd, version, no_way_back);
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
	dir_fd = act_update_open_state(acts, &state);
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
