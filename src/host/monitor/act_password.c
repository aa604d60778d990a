/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The password of the BMC's account, from the file that the configuration names. The worker gets it
 * each time it logs in and keeps it no longer; nothing of it is ever logged.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "host/monitor/acts.h"

#define MODULE "acts"

/* Who may read the file may be the BMC's administrator: nobody but root. */
static int check_file(int fd, const char **why)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		*why = "it cannot be looked at";
		return -errno;
	}
	if (!S_ISREG(st.st_mode)) {
		*why = "it is not a regular file";
		return -EINVAL;
	}
	if (st.st_uid != geteuid()) {
		*why = "it is not owned by root";
		return -EACCES;
	}
	if ((st.st_mode & 077) != 0) {
		*why = "group or others have rights on it: chmod 0600";
		return -EACCES;
	}
	return 0;
}

static ssize_t read_whole(int fd, char *out, size_t size)
{
	size_t used = 0;
	ssize_t n = 1;

	while (used < size && n != 0) {
		n = read(fd, out + used, size - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		used += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)used;
}

/* One line: editors end it with a newline, which is no part of the password. */
static int take_line(char *text, size_t length, const char **why)
{
	if (length > 0 && text[length - 1] == '\n')
		length--;
	if (length > 0 && text[length - 1] == '\r')
		length--;
	text[length] = '\0';
	if (length == 0) {
		*why = "it is empty";
		return -ENODATA;
	}
	if (length > PRIV_MAX_PASSWORD) {
		*why = "it is longer than a password may be";
		return -EFBIG;
	}
	if (strlen(text) != length || !text_is_printable(text, length)) {
		*why = "it is not one line of printable text";
		return -EILSEQ;
	}
	return 0;
}

static int read_password(const char *path, char *out, size_t size, const char **why)
{
	/* O_NONBLOCK: a pipe in its place must not hold up the monitor. */
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	ssize_t n;
	int r;

	if (fd < 0) {
		*why = strerror(errno);
		return errno == EPERM ? -EACCES : -errno;
	}
	r = check_file(fd, why);
	if (r < 0)
		return r;
	n = read_whole(fd, out, size - 1);
	if (n < 0) {
		*why = "it cannot be read";
		return (int)n;
	}
	return take_line(out, (size_t)n, why);
}

int act_get_password(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	char password[PRIV_MAX_PASSWORD + 4]; /* CR, LF, one byte too many, NUL */
	const char *path = acts->settings.login_password_file, *why = "";
	int r;

	if (!wire_is_done(in) || path[0] == '\0')
		return -EPERM;
	r = read_password(path, password, sizeof(password), &why);
	if (r == 0)
		wire_put_string(out, password);
	else
		log_error(MODULE, "password_file %s is not used: %s", path, why);
	explicit_bzero(password, sizeof(password));
	return r;
}
