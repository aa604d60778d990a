/* SPDX-License-Identifier: Apache-2.0 */
#include "base/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"

#define NAME_LENGTH_MAX 200 /* leaves room for the temporary name within NAME_MAX */

static bool name_is_valid(const char *name)
{
	size_t length = strnlen(name, NAME_LENGTH_MAX + 1);

	return length > 0 && length <= NAME_LENGTH_MAX && !strchr(name, '/') &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int sync_dir(int dir_fd)
{
	/* EINVAL: a file system whose directories cannot be synced has nothing to sync. */
	if (fsync(dir_fd) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

/* A file with the content, on the disk under a temporary name. */
static int write_temporary(
	int dir_fd, const char *temporary, const void *data, size_t length, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	int r;

	/* One that a crash left may have another owner or mode: never written into. */
	if (unlinkat(dir_fd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = io_write_all(fd, data, length);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return close(util_steal_fd(&fd)) < 0 ? -errno : 0;
}

int state_write_file(int dir_fd, const char *name, const void *data, size_t length, mode_t mode)
{
	char temporary[NAME_LENGTH_MAX + 8];
	int r;

	if (!name_is_valid(name))
		return -EINVAL;
	if (length > STATE_MAX_FILE)
		return -EFBIG;
	snprintf(temporary, sizeof(temporary), ".%s.tmp", name);
	r = write_temporary(dir_fd, temporary, data, length, mode);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, temporary, 0);
		return r;
	}
	return sync_dir(dir_fd);
}

bool state_is_passing(int error)
{
	switch (-error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EINTR:
	case EAGAIN:
		return true;
	default:
		return false;
	}
}

static int read_once(int dir_fd, const char *name, char **data, size_t *length)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *buffer = NULL;
	ssize_t used;
	size_t size;
	struct stat st;

	/* O_NONBLOCK: opening a FIFO that somebody put there must not stop the program. */
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	if (st.st_size > STATE_MAX_FILE)
		return -EFBIG;
	size = (size_t)st.st_size;
	buffer = malloc(size + 1);
	if (!buffer)
		return -ENOMEM;
	used = io_read_all(fd, buffer, size);
	if (used < 0)
		return (int)used;
	buffer[used] = '\0';
	*data = util_steal_ptr(buffer);
	*length = (size_t)used;
	return 0;
}

int state_read_file(int dir_fd, const char *name, char **data, size_t *length)
{
	int r;

	if (!name_is_valid(name))
		return -EINVAL;
	r = read_once(dir_fd, name, data, length);
	return r == -EIO ? read_once(dir_fd, name, data, length) : r;
}

int state_remove_file(int dir_fd, const char *name)
{
	if (!name_is_valid(name))
		return -EINVAL;
	if (unlinkat(dir_fd, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return sync_dir(dir_fd);
}

void state_clean_file(int dir_fd, const char *name)
{
	char temporary[NAME_LENGTH_MAX + 8];

	if (!name_is_valid(name))
		return;
	snprintf(temporary, sizeof(temporary), ".%s.tmp", name);
	unlinkat(dir_fd, temporary, 0);
}

int state_write_json(int dir_fd, const char *name, const json_t *object, mode_t mode)
{
	_cleanup_free_ char *text = NULL;
	size_t length;

	if (!json_is_object(object))
		return -EINVAL;
	text = json_dumps(object, JSON_INDENT(2));
	if (!text)
		return -ENOMEM;
	length = strlen(text);
	text[length] = '\n'; /* in the place of the NUL: the length goes with it */
	return state_write_file(dir_fd, name, text, length + 1, mode);
}

int state_read_json(int dir_fd, const char *name, json_t **object)
{
	_cleanup_free_ char *data = NULL;
	json_error_t error;
	size_t length;
	json_t *json;
	int r;

	r = state_read_file(dir_fd, name, &data, &length);
	if (r < 0)
		return r;
	json = json_loadb(data, length, JSON_REJECT_DUPLICATES, &error);
	if (!json && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!json_is_object(json)) {
		json_decref(json);
		return -EBADMSG;
	}
	*object = json;
	return 0;
}

int state_open_dir(const char *path, mode_t mode)
{
	int fd;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
