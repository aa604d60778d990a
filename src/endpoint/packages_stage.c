/* SPDX-License-Identifier: Apache-2.0 */
/* A package that the command line brings: staged by whoever may read it, taken over by the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "endpoint/packages_private.h"

static int copy_and_hash(int from, int to, EVP_MD_CTX *context, uint64_t *size)
{
	_cleanup_free_ char *piece = malloc(65536);
	ssize_t n = 0;
	int r = piece ? 0 : -ENOMEM;

	*size = 0;
	while (r == 0 && (n = read(from, piece, 65536)) > 0) {
		*size += (uint64_t)n;
		r = *size > PACKAGES_MAX_SIZE ? -EFBIG : io_write_all(to, piece, (size_t)n);
		if (r == 0 && EVP_DigestUpdate(context, piece, (size_t)n) != 1)
			r = -EIO;
	}
	if (r == 0 && n < 0)
		r = -errno;
	return r == 0 && fsync(to) < 0 ? -errno : r;
}

int packages_stage(int state_fd, int file_fd, struct packages_staged *staged, char *why)
{
	_cleanup_close_ int dir_fd = -1, fd = -1;
	EVP_MD_CTX *context;
	struct stat st;
	int r;

	if (fstat(state_fd, &st) < 0 ||
		(mkdirat(state_fd, PACKAGES_DIR, 0700) < 0 && errno != EEXIST))
		return packages_fail(why, -errno);
	dir_fd = openat(state_fd, PACKAGES_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return packages_fail(why, -errno);
	unlinkat(dir_fd, PACKAGES_STAGED, 0);
	fd = openat(dir_fd, PACKAGES_STAGED, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		0600);
	if (fd < 0)
		return packages_fail(why, -errno);
	context = EVP_MD_CTX_new();
	r = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
	/* The service's user reads it later. */
	if (r == 0 && geteuid() == 0 &&
		(fchown(fd, st.st_uid, st.st_gid) < 0 || fchown(dir_fd, st.st_uid, st.st_gid) < 0))
		r = -errno;
	if (r == 0)
		r = copy_and_hash(file_fd, fd, context, &staged->size);
	if (r == 0)
		r = packages_finish_hash(context, staged->sha256);
	EVP_MD_CTX_free(context);
	if (r < 0)
		unlinkat(dir_fd, PACKAGES_STAGED, 0);
	return r == -EFBIG ? packages_refuse(why, r, "a package has at most 64 MiB")
	       : r < 0	   ? packages_fail(why, r)
			   : 0;
}

int packages_take_staged(struct packages *packages, const struct packages_staged *staged,
	const char *name, const char *signature, char *why)
{
	struct packages_entry made = {.size = staged->size};
	struct stat st;
	int r;

	if (packages->dir_fd < 0 || packages->max_count == 0)
		return packages_refuse(why, -EDQUOT, "this BMC keeps no packages");
	if (fstatat(packages->dir_fd, PACKAGES_STAGED, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISREG(st.st_mode) || (uint64_t)st.st_size != staged->size)
		return packages_refuse(why, -EINVAL, "the file is not there as it was put there");
	snprintf(made.sha256, sizeof(made.sha256), "%s", staged->sha256);
	r = packages_check_room(packages, staged->size, 0, why);
	if (r == 0)
		r = packages_admit(
			packages, PACKAGES_STAGED, &made, name, signature, strlen(signature), why);
	unlinkat(packages->dir_fd, PACKAGES_STAGED, 0); /* where it has not its name by now */
	return r;
}
