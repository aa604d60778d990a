/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package from the BMC into the worker's directory, in pieces, so that a lost link or a restart
 * costs one of them; then to the monitor, which copies it in pieces, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "host/feature/auto_update.h"

#define MODULE "update"

static void fetch_next(struct auto_update *au);

void update_fetch_close(struct auto_update *au)
{
	if (au->fd >= 0)
		close(au->fd);
	au->fd = -1;
	au->fetched = NULL;
}

void update_fetch_remove(struct auto_update *au)
{
	int dir_fd = au->context->state_fd;

	update_fetch_close(au);
	unlinkat(dir_fd, PRIV_UPDATE_FILE, 0);
	unlinkat(dir_fd, PRIV_UPDATE_SIGNATURE, 0);
	au->partial[0] = '\0';
}

static void fail(struct auto_update *au, const char *what, int r)
{
	char why[AUTO_UPDATE_MAX_PROBLEM];

	snprintf(
		why, sizeof(why), "%s: %s", what, r == -ENOSPC ? "the disk is full" : strerror(-r));
	update_fetch_remove(au);
	auto_update_ended(au, why);
}

static void format_sha256(const struct update_offer *offer, char hex[2 * 32 + 1])
{
	char text[3 * 32];

	text_make_hex(offer->sha256, 32, 0, text);
	memcpy(hex, text, 2 * 32 + 1);
}

/* Not again by itself: what the BMC has does not get better by being fetched once more. */
static void refuse(struct auto_update *au, const char *why)
{
	format_sha256(au->fetched, au->bad);
	update_fetch_remove(au);
	auto_update_ended(au, why);
}

/* --- the file --- */

static int check_room(int fd, uint64_t size)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) == 0 &&
		(uint64_t)st.f_bavail * st.f_frsize < size + AUTO_UPDATE_SPARE)
		return -ENOSPC;
	return 0;
}

/* Goes on with what is there of this very package. */
static int open_file(struct auto_update *au, const struct update_offer *offer)
{
	char hex[2 * 32 + 1];
	struct stat st;

	format_sha256(offer, hex);
	au->fd = openat(au->context->state_fd, PRIV_UPDATE_FILE,
		O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (au->fd < 0 || fstat(au->fd, &st) < 0)
		return -errno;
	au->offset = (uint64_t)st.st_size;
	if (strcmp(au->partial, hex) != 0 || au->offset > offer->size) {
		if (ftruncate(au->fd, 0) < 0)
			return -errno;
		au->offset = 0;
	}
	if (au->offset > 0)
		log_info(MODULE, "%s: going on behind %llu bytes", offer->id,
			(unsigned long long)au->offset);
	strcpy(au->partial, hex);
	update_notes_save(au);
	return check_room(au->fd, offer->size - au->offset);
}

static int write_at(int fd, uint64_t offset, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = pwrite(fd, bytes, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

/* --- to the monitor --- */

static const char *explain(int r)
{
	switch (r) {
	case -ENOKEY:
		return "it is not signed with a key of ours";
	case -EKEYREVOKED:
		return "the key that signed it is revoked";
	case -EBADMSG:
		return "its signature is wrong";
	case -ENOTRECOVERABLE:
		return "its signature cannot be checked, OpenSSL ran out of memory: restart "
		       "bmclinkd";
	case -ESTALE:
		return "it is not newer than what is, or was, installed";
	case -EACCES:
		return "nobody consented to it";
	case -EBUSY:
		return "another update is under way";
	case -ENOSPC:
		return "the disk is full";
	case -EPERM:
		return "the monitor refuses it";
	default:
		return strerror(-r);
	}
}

static void not_taken(struct auto_update *au, int r)
{
	bool is_bad = r == -ENOKEY || r == -EKEYREVOKED || r == -EBADMSG;
	char why[AUTO_UPDATE_MAX_PROBLEM];

	snprintf(why, sizeof(why), "%s: %s", au->fetched->id, explain(r));
	if (is_bad) {
		refuse(au, why);
		return;
	}
	update_fetch_remove(au);
	auto_update_ended(au, why);
}

static void start_handing(struct auto_update *au)
{
	const struct update_offer *offer = au->fetched;
	int r = state_write_file(au->context->state_fd, PRIV_UPDATE_SIGNATURE, offer->signature,
		strlen(offer->signature), 0600);

	if (r == 0)
		r = priv_update_begin(
			au->context->priv, offer == &au->back, offer->size, offer->name.version);
	if (r < 0) {
		not_taken(au, r);
		return;
	}
	auto_update_set_phase(au, AUTO_UPDATE_HANDING);
	auto_update_set_timer(au, 0);
}

void update_fetch_hand(struct auto_update *au)
{
	uint64_t done = 0;
	int r = priv_update_piece(au->context->priv, &done);

	if (r == 0 && done < au->fetched->size) {
		auto_update_set_timer(au, 0);
		return;
	}
	if (r == 0)
		r = priv_update_commit(au->context->priv);
	if (r < 0) {
		not_taken(au, r);
		return;
	}
	if (au->fetched == &au->back) {
		update_fetch_remove(au);
		snprintf(au->info.back, sizeof(au->info.back), "%s", au->back.name.version);
		update_fetch_start(au);
		return;
	}
	update_fetch_remove(au);
	auto_update_ended(au, NULL);
}

/* --- from the BMC --- */

/* What may be otherwise in a moment: what is there stays, and the next look goes on behind it. */
static void put_off(struct auto_update *au, const char *why)
{
	char text[AUTO_UPDATE_MAX_PROBLEM];

	snprintf(text, sizeof(text), "%s: it goes on in %d minutes", why,
		AUTO_UPDATE_AGAIN_SECONDS / 60);
	update_fetch_close(au);
	auto_update_put_off(au, text);
}

static void check_whole(struct auto_update *au)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char why[AUTO_UPDATE_MAX_PROBLEM];
	int r = fdatasync(au->fd) < 0 ? -errno
				      : hash_file(au->fd, EVP_sha256(), au->fetched->size, digest);

	if (r < 0) {
		fail(au, "the package", r);
	} else if (memcmp(digest, au->fetched->sha256, 32) != 0) {
		snprintf(why, sizeof(why), "%s: its bytes are not those that the BMC announced",
			au->fetched->id);
		refuse(au, why);
	} else {
		start_handing(au);
	}
}

static void on_piece(int status, const char *bytes, size_t length, void *arg)
{
	struct auto_update *au = arg;
	char why[AUTO_UPDATE_MAX_PROBLEM];
	uint64_t left;
	size_t wanted;
	int r;

	bool dropped = au->drop;

	au->in_flight = false;
	if (dropped) { /* what is there stays, and the next connection goes on */
		au->drop = false;
		update_fetch_close(au);
		auto_update_set_phase(au, AUTO_UPDATE_IDLE);
		if (au->look_again)
			auto_update_set_timer(au, 0);
		return;
	}
	if (status == 0 || status == 503) {
		put_off(au, status ? "the BMC is busy (HTTP 503)" : "the BMC's answer broke off");
		return;
	}
	left = au->fetched->size - au->offset;
	wanted = left < AUTO_UPDATE_PIECE ? (size_t)left : AUTO_UPDATE_PIECE;
	if (length != wanted || (status != 206 && !(status == 200 && au->offset == 0))) {
		snprintf(why, sizeof(why), "%s: the BMC answers %d with %zu bytes instead of %zu",
			au->fetched->id, status, length, wanted);
		update_fetch_remove(au);
		auto_update_ended(au, why);
		return;
	}
	r = write_at(au->fd, au->offset, bytes, length);
	if (r < 0) {
		fail(au, "the package", r);
		return;
	}
	au->offset += length;
	feature_publish(au->context);
	fetch_next(au);
}

static void fetch_next(struct auto_update *au)
{
	const struct update_offer *offer = au->fetched;
	uint64_t last = offer->size - 1;
	int r;

	if (au->offset == offer->size) {
		check_whole(au);
		return;
	}
	if (last >= au->offset + AUTO_UPDATE_PIECE)
		last = au->offset + AUTO_UPDATE_PIECE - 1;
	r = channel_request_piece(
		au->context->link->channel, offer->path, au->offset, last, on_piece, au);
	if (r < 0)
		put_off(au, strerror(-r));
	else
		au->in_flight = true;
}

void update_fetch_start(struct auto_update *au)
{
	bool back = !au->no_way_back && strcmp(au->info.back, au->info.installed) != 0;
	const struct update_offer *offer = back ? &au->back : &au->new;
	int r;

	update_fetch_close(au);
	r = open_file(au, offer);
	if (r < 0) {
		fail(au, "the package", r);
		return;
	}
	au->fetched = offer;
	auto_update_set_phase(au, AUTO_UPDATE_FETCHING);
	fetch_next(au);
}
