/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of fail_alloc.so that lets system calls fail: the n-th of a kind, once, with an errno.
 * As the C library's callers see them; what it does within itself does not come by here. The
 * kernel is not asked for a call that fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "fail.h"

struct epoll_event;
struct itimerspec;

static int must_fail(enum fail_kind kind)
{
	struct fail_count *count;

	if (!fail_counts)
		return 0;
	count = &fail_counts->kinds[kind].calls;
	if (atomic_fetch_add(&count->count, 1) + 1 != atomic_load(&count->at))
		return 0;
	atomic_fetch_add(&count->failed, 1);
	errno = (int)atomic_load(&fail_counts->kinds[kind].error);
	return 1;
}

static void *look_up(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

/* clang-format off */
#define CALL(kind, type, name, parameters, arguments) \
	type name parameters; \
	type name parameters \
	{ \
		static type (*real) parameters; \
		if (!real) \
			real = (type (*) parameters)look_up(#name); \
		return must_fail(kind) ? (type)-1 : real arguments; \
	}

CALL(FAIL_DESCRIPTOR, int, open64,
	(const char *path, int flags, unsigned int mode),
	(path, flags, mode))
CALL(FAIL_DESCRIPTOR, int, openat64,
	(int dir, const char *path, int flags, unsigned int mode),
	(dir, path, flags, mode))
CALL(FAIL_DESCRIPTOR, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
CALL(FAIL_DESCRIPTOR, int, socketpair,
	(int domain, int type, int protocol, int fds[2]),
	(domain, type, protocol, fds))
CALL(FAIL_DESCRIPTOR, int, accept4,
	(int fd, struct sockaddr *from, socklen_t *length, int flags),
	(fd, from, length, flags))
CALL(FAIL_DESCRIPTOR, int, pipe2, (int fds[2], int flags), (fds, flags))
CALL(FAIL_DESCRIPTOR, int, epoll_create1, (int flags), (flags))
CALL(FAIL_DESCRIPTOR, int, timerfd_create, (int clock, int flags), (clock, flags))
CALL(FAIL_DESCRIPTOR, int, memfd_create, (const char *name, unsigned int flags), (name, flags))
CALL(FAIL_DESCRIPTOR, int, dup2, (int old, int new), (old, new))
CALL(FAIL_READ, ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))
CALL(FAIL_READ, ssize_t, readv, (int fd, const struct iovec *parts, int n), (fd, parts, n))
CALL(FAIL_READ, ssize_t, pread64,
	(int fd, void *data, size_t size, int64_t at),
	(fd, data, size, at))
CALL(FAIL_READ, ssize_t, recv,
	(int fd, void *data, size_t size, int flags),
	(fd, data, size, flags))
CALL(FAIL_READ, ssize_t, recvmsg,
	(int fd, struct msghdr *message, int flags),
	(fd, message, flags))
CALL(FAIL_WRITE, ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
CALL(FAIL_WRITE, ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n))
CALL(FAIL_WRITE, ssize_t, pwrite64,
	(int fd, const void *data, size_t size, int64_t at),
	(fd, data, size, at))
CALL(FAIL_SEND, ssize_t, send,
	(int fd, const void *data, size_t size, int flags),
	(fd, data, size, flags))
CALL(FAIL_SEND, ssize_t, sendto, (int fd, const void *data, size_t size, int flags,
	const struct sockaddr *to, socklen_t length), (fd, data, size, flags, to, length))
CALL(FAIL_SEND, ssize_t, sendmsg,
	(int fd, const struct msghdr *message, int flags),
	(fd, message, flags))
CALL(FAIL_DISK, int, fsync, (int fd), (fd))
CALL(FAIL_DISK, int, fdatasync, (int fd), (fd))
CALL(FAIL_DISK, int, rename, (const char *old, const char *new), (old, new))
CALL(FAIL_DISK, int, renameat,
	(int old_dir, const char *old, int new_dir, const char *new),
	(old_dir, old, new_dir, new))
CALL(FAIL_DISK, int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
CALL(FAIL_DISK, int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
CALL(FAIL_DISK, int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(FAIL_DISK, int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
CALL(FAIL_DISK, int, ftruncate64, (int fd, int64_t size), (fd, size))
CALL(FAIL_WAIT, int, epoll_wait,
	(int fd, struct epoll_event *events, int n, int ms),
	(fd, events, n, ms))
CALL(FAIL_WAIT, int, poll, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms))
CALL(FAIL_WAIT, pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
CALL(FAIL_WAIT, int, waitid,
	(idtype_t type, id_t id, siginfo_t *info, int options),
	(type, id, info, options))
CALL(FAIL_NETWORK, int, connect,
	(int fd, const struct sockaddr *to, socklen_t length),
	(fd, to, length))
CALL(FAIL_NETWORK, int, bind,
	(int fd, const struct sockaddr *to, socklen_t length),
	(fd, to, length))
CALL(FAIL_NETWORK, int, listen, (int fd, int n), (fd, n))
CALL(FAIL_NETWORK, int, setsockopt,
	(int fd, int level, int name, const void *value, socklen_t length),
	(fd, level, name, value, length))
CALL(FAIL_NETWORK, int, epoll_ctl,
	(int fd, int what, int which, struct epoll_event *event),
	(fd, what, which, event))
CALL(FAIL_PROCESS, pid_t, fork, (void), ())
CALL(FAIL_PROCESS, int, execve,
	(const char *path, char *const arguments[], char *const environment[]),
	(path, arguments, environment))
CALL(FAIL_PROCESS, int, execv, (const char *path, char *const arguments[]), (path, arguments))
/* clang-format on */
