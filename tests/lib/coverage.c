/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into every program of a coverage build (tests/coverage): lets gcov's counts out of
 * processes that have closed themselves in. The sandbox itself stays as it is.
 *
 *   open    a file of counts lies below the machine's root directory, not below that of a worker
 *           which has changed its own; and it is writable for whoever runs the next process
 *   _exit   writes the counts, as exit() does
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOT_FD 200 /* out of the way of those that programs count and pass on */

/* Weak: there is none where meson tries whether the compiler works at all. */
__attribute__((weak)) void __gcov_exit(void);

static int root = -1;

/* In the beginning, before anything closed itself in. */
__attribute__((constructor)) static void keep_root(void)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	root = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ROOT_FD);
	if (fd >= 0)
		close(fd);
}

static int is_count(const char *path)
{
	size_t length = strlen(path);

	return path[0] == '/' && length > 5 && strcmp(path + length - 5, ".gcda") == 0;
}

__attribute__((weak)) int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;
	int fd;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	if (root < 0 || !is_count(path)) {
		int (*next)(const char *, int, ...) =
			(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");

		return next(path, flags, mode); /* of what a test has preloaded, or the real one */
	}
	fd = (int)syscall(SYS_openat, root, path + 1, flags, mode);
	if (fd < 0 && errno == EBADF) /* a child that has closed all, but is still in our place */
		fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (fd >= 0)
		(void)!fchmod(fd, 0666);
	return fd;
}

__attribute__((weak)) void _exit(int status)
{
	if (__gcov_exit)
		__gcov_exit();
	for (;;)
		syscall(SYS_exit_group, status);
}
