/* SPDX-License-Identifier: Apache-2.0 */
/* A package that comes in pieces, over HTTP: into PART, and into the store when it is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "endpoint/packages_private.h"

#define PART	    "upload.part"
#define CHECK_EVERY (256 * 1024) /* bytes between two looks at the disk */

struct packages_upload {
	struct packages *packages;
	int fd;
	EVP_MD_CTX *sha256;
	uint64_t size, checked;
};

static int open_part(struct packages *packages, struct packages_upload **upload)
{
	struct packages_upload *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->sha256 = EVP_MD_CTX_new();
	made->fd = openat(
		packages->dir_fd, PART, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (made->fd < 0 || !made->sha256 ||
		EVP_DigestInit_ex(made->sha256, EVP_sha256(), NULL) != 1) {
		int r = made->fd < 0 ? -errno : -ENOMEM;

		EVP_MD_CTX_free(made->sha256);
		if (made->fd >= 0)
			close(made->fd);
		free(made);
		return r;
	}
	made->packages = packages;
	packages->upload = *upload = made;
	return 0;
}

int packages_begin(
	struct packages *packages, uint64_t expected, struct packages_upload **upload, char *why)
{
	int r;

	if (packages->dir_fd < 0 || packages->max_count == 0)
		return packages_refuse(why, -EDQUOT, "this BMC keeps no packages");
	if (packages->upload)
		return packages_refuse(why, -EBUSY, "another package is coming in");
	/* The same one again takes no place: that is known at the end. */
	if (packages->n > packages->max_count || packages->n >= PACKAGES_MAX)
		return packages_refuse(
			why, -EDQUOT, "there are as many packages as may be: remove one");
	r = packages_check_room(packages, 0, expected, why);
	if (r < 0)
		return r;
	r = open_part(packages, upload);
	return r < 0 ? packages_fail(why, r) : 0;
}

int packages_write(struct packages_upload *upload, const void *data, size_t length, char *why)
{
	int r = 0;

	if (upload->size + length > PACKAGES_MAX_SIZE || upload->size >= upload->checked) {
		r = packages_check_room(upload->packages, upload->size, length, why);
		upload->checked = upload->size + CHECK_EVERY;
	}
	if (r < 0)
		return r;
	r = io_write_all(upload->fd, data, length);
	if (r < 0)
		return packages_fail(why, r);
	if (EVP_DigestUpdate(upload->sha256, data, length) != 1)
		return packages_fail(why, -EIO);
	upload->size += length;
	return 0;
}

static void end_upload(struct packages_upload *upload)
{
	unlinkat(upload->packages->dir_fd, PART, 0);
	upload->packages->upload = NULL;
	EVP_MD_CTX_free(upload->sha256);
	close(upload->fd);
	free(upload);
}

void packages_abort(struct packages_upload *upload)
{
	if (upload)
		end_upload(upload);
}

int packages_finish(struct packages_upload *upload, const char *name, const char *signature,
	size_t signature_length, const struct packages_entry **entry, char *why)
{
	struct packages *packages = upload->packages;
	struct packages_entry made = {.size = upload->size};
	int r = packages_finish_hash(upload->sha256, made.sha256);

	if (r == 0 && fsync(upload->fd) < 0)
		r = -errno;
	if (r < 0)
		packages_fail(why, r);
	else
		r = packages_admit(packages, PART, &made, name, signature, signature_length, why);
	end_upload(upload); /* it has its name by now, or goes */
	if (r == 0)
		*entry = packages_find(packages, made.id);
	return r;
}
