/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker process: `bmclinkd --worker`, started by the monitor with its sockets at fixed
 * descriptors. It gives up every privilege, closes the sandbox around itself, and runs the agent.
 */
#ifndef BMCLINK_HOST_WORKER_H
#define BMCLINK_HOST_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#define WORKER_REQUEST_FD 3
#define WORKER_NOTICE_FD  4
#define WORKER_CONTROL_FD 5

/* gcc and clang say differently that the address sanitizer is in */
#if defined(__SANITIZE_ADDRESS__)
#define WORKER_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WORKER_SANITIZED 1
#endif
#endif

/* Exit codes that the monitor understands: started again is no cure for these. */
#define WORKER_EXIT_SANDBOX 77 /* the sandbox could not be closed on this system */

struct worker_options {
	uid_t uid;
	gid_t gid;
	const char *dir; /* <state-dir>/worker */
	bool foreground, debug;
};

/* Returns the exit code. */
int worker_main(const struct worker_options *options);

/*
 * The parts of the sandbox, in this order; each 0 or negative errno. A test runs hostile code after
 * them.
 */
/* Become uid and gid, with CAP_SYS_CHROOT alone. -EINVAL: uid or gid do not exist in this user
 * namespace. */
int sandbox_drop_user(uid_t uid, gid_t gid);
/* dir becomes the root; the last privilege goes; limits; no way to gain anything by exec. */
int sandbox_close_files(const char *dir);
int sandbox_close_syscalls(void); /* sandbox_seccomp.c */

#endif
