/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/hosts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"

#define FILE_NAME  "hosts"
#define TEMPORARY  ".hosts.bmclink"
#define MAX_XATTRS 4096 /* bytes of all names, and of one value */
#define TRIES	   3

struct hosts_file {
	int dir_fd; /* of the folder that the file, not the link, is in */
	char name[NAME_MAX + 1];
	bool exists;
	struct stat st;
	char *text;
	size_t length;
};

static int refuse(int r, const char *text, const char **why)
{
	*why = text;
	return r;
}

/* What an errno means here; the others speak for themselves. */
static int explain(int r, const char **why)
{
	switch (r) {
	case -EROFS:
		return refuse(r, "it is on a file system that is read-only", why);
	case -ENOSPC:
	case -EDQUOT:
		return refuse(r, "the disk is full", why);
	case -EPERM:
	case -EACCES:
		return refuse(r, "it may not be replaced (is it immutable?)", why);
	case -EBUSY:
		return refuse(r,
			"it is mounted by itself, as in a container, and cannot be "
			"replaced in one step",
			why);
	case -EFBIG:
		return refuse(r, "it is larger than 1 MiB", why);
	default:
		return refuse(r, strerror(-r), why);
	}
}

static void clear(struct hosts_file *file)
{
	if (file->dir_fd >= 0)
		close(file->dir_fd);
	free(file->text);
	*file = (struct hosts_file){.dir_fd = -1};
}

static int open_dir(struct hosts_file *file, const char *etc)
{
	char path[PATH_MAX], *target, *slash;

	snprintf(path, sizeof(path), "%s/" FILE_NAME, etc);
	target = realpath(path, NULL);
	if (target == NULL && errno != ENOENT)
		return -errno;
	slash = target != NULL ? strrchr(target, '/') : NULL;
	snprintf(file->name, sizeof(file->name), "%s", slash != NULL ? slash + 1 : FILE_NAME);
	if (slash != NULL)
		slash[slash == target ? 1 : 0] = '\0';
	file->dir_fd = open(slash != NULL ? target : etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(target);
	return file->dir_fd < 0 ? -errno : 0;
}

static int read_text(struct hosts_file *file, const char **why)
{
	_cleanup_close_ int fd =
		openat(file->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0; /* also a link that leads nowhere: nothing is made where it leads to */
	if (fd < 0 || fstat(fd, &file->st) < 0)
		return explain(-errno, why);
	if (!S_ISREG(file->st.st_mode))
		return refuse(-EINVAL, "it is not a file", why);
	if (file->st.st_nlink > 1)
		return refuse(-EMLINK,
			"it has several names (hard links), which a new file would "
			"not have",
			why);
	if (file->st.st_size > HOSTS_MAX_FILE)
		return explain(-EFBIG, why);
	file->text = malloc((size_t)file->st.st_size + 1);
	if (file->text == NULL)
		return explain(-ENOMEM, why);
	n = io_read_all(fd, file->text, (size_t)file->st.st_size);
	if (n < 0)
		return explain((int)n, why);
	file->length = (size_t)n;
	file->exists = true;
	return 0;
}

static int load(struct hosts_file *file, const char *etc, const char **why)
{
	int r;

	*file = (struct hosts_file){.dir_fd = -1};
	r = open_dir(file, etc);
	if (r < 0)
		return explain(r, why);
	return read_text(file, why);
}

/* --- the new file --- */

static int copy_xattr(int from, int to, const char *name)
{
	char value[MAX_XATTRS], now[MAX_XATTRS];
	ssize_t n = fgetxattr(from, name, value, sizeof(value)), m;

	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	/* A label that the new file got by the same rules need not be set, which may be forbidden.
	 */
	m = fgetxattr(to, name, now, sizeof(now));
	if (m == n && memcmp(value, now, (size_t)n) == 0)
		return 0;
	return fsetxattr(to, name, value, (size_t)n, 0) < 0 ? -errno : 0;
}

static int copy_xattrs(int from, int to)
{
	char names[MAX_XATTRS];
	ssize_t n = flistxattr(from, names, sizeof(names));
	int r = 0;

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = names; r == 0 && name < names + n; name += strlen(name) + 1)
		r = copy_xattr(from, to, name);
	return r;
}

static int copy_rights(const struct hosts_file *file, int to, const char **why)
{
	_cleanup_close_ int from = -1;
	int r;

	if (!file->exists)
		return fchmod(to, 0644) < 0 ? explain(-errno, why) : 0;
	if ((file->st.st_uid != geteuid() || file->st.st_gid != getegid()) &&
		fchown(to, file->st.st_uid, file->st.st_gid) < 0)
		return refuse(-errno, "its owner cannot be kept", why);
	if (fchmod(to, file->st.st_mode & 07777) < 0)
		return explain(-errno, why);
	from = openat(file->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	r = from < 0 ? -errno : copy_xattrs(from, to);
	return r < 0 ? refuse(r, "its extended attributes or its label cannot be kept", why) : 0;
}

static int make_temporary(
	const struct hosts_file *file, const struct hosts_result *result, const char **why)
{
	_cleanup_close_ int fd = -1;
	int r;

	/* one that a kill left behind */
	if (unlinkat(file->dir_fd, TEMPORARY, 0) < 0 && errno != ENOENT)
		return explain(-errno, why);
	fd = openat(file->dir_fd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		0600);
	if (fd < 0)
		return explain(-errno, why);
	r = io_write_all(fd, result->text, result->length);
	if (r < 0)
		return explain(r, why);
	r = copy_rights(file, fd, why);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || close(util_steal_fd(&fd)) < 0)
		return explain(-errno, why);
	return 0;
}

/* Somebody else wrote it since it was read: his change must not be lost. */
static bool has_changed(const struct hosts_file *file)
{
	struct stat st;

	if (fstatat(file->dir_fd, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return file->exists;
	return !file->exists || st.st_dev != file->st.st_dev || st.st_ino != file->st.st_ino ||
	       st.st_size != file->st.st_size || st.st_mtim.tv_sec != file->st.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != file->st.st_mtim.tv_nsec ||
	       st.st_ctim.tv_sec != file->st.st_ctim.tv_sec ||
	       st.st_ctim.tv_nsec != file->st.st_ctim.tv_nsec;
}

static int replace(
	const struct hosts_file *file, const struct hosts_result *result, const char **why)
{
	int r = make_temporary(file, result, why);

	if (r == 0 && has_changed(file))
		r = -EAGAIN;
	if (r == 0 && renameat(file->dir_fd, TEMPORARY, file->dir_fd, file->name) < 0)
		r = explain(-errno, why);
	if (r < 0)
		unlinkat(file->dir_fd, TEMPORARY, 0);
	else if (fsync(file->dir_fd) < 0 && errno != EINVAL)
		r = explain(-errno, why);
	return r;
}

static int try_once(const char *etc, const struct hosts_block *wanted, struct hosts_result *result,
	const char **why)
{
	struct hosts_file file;
	int r = load(&file, etc, why);

	if (r == 0) {
		r = hosts_text_change(
			file.text != NULL ? file.text : "", file.length, wanted, result);
		if (r < 0)
			explain(r, why);
	}
	if (r == 0) {
		if (!result->same)
			r = replace(&file, result, why);
		else /* a kill may have left it */
			unlinkat(file.dir_fd, TEMPORARY, 0);
		free(result->text);
		result->text = NULL;
	}
	clear(&file);
	return r;
}

int hosts_file_change(const char *etc, const struct hosts_block *wanted,
	struct hosts_result *result, const char **why)
{
	struct hosts_result made = {.same = false};
	int r = -EAGAIN;

	*why = "somebody else writes it at this moment";
	for (unsigned int i = 0; i < TRIES && r == -EAGAIN; i++)
		r = try_once(etc, wanted, &made, why);
	if (r == 0 && result != NULL)
		*result = made;
	return r;
}
