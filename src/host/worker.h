/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker process: `bmclinkd --worker`, started by the monitor with its sockets at fixed
 * descriptors. It gives up every privilege, closes the sandbox around itself, and runs the agent.
 */
#ifndef BMCLINK_HOST_WORKER_H
#define BMCLINK_HOST_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
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
 * them. The relay (relay/relay.h) closes its own with the same parts.
 */
/* Signals of the terminal and of the init system are for the monitor, which tells us by a notice:
 * two answers to one signal would race. */
void sandbox_ignore_signals(void);
/* Become uid and gid, with CAP_SYS_CHROOT alone. -EINVAL: uid or gid do not exist in this user
 * namespace. */
int sandbox_drop_user(uid_t uid, gid_t gid);
/* Killed with the parent. A change of user clears this mark, so it comes after; the parent may be
 * gone by then: -ESRCH. */
int sandbox_bind_to_parent(pid_t parent);

struct sandbox_limits {
	rlim_t files;
	rlim_t file_bytes; /* of one file */
	rlim_t data_bytes; /* of memory */
};

/* dir (NULL: where we are) becomes the root; the last privilege goes; limits (at most what we
 * have); no way to gain anything by exec. */
int sandbox_close_files(const char *dir, const struct sandbox_limits *limits);
extern const struct sandbox_limits sandbox_worker_limits;
int sandbox_close_syscalls(void); /* sandbox_seccomp.c: the worker's list */

/*
 * For another list: those allowed, and conditions that call sandbox_add_*() with ctx. What no
 * library asks for kills, anything else is EPERM. compare: as of seccomp_rule_add_array(3).
 */
struct scmp_arg_cmp;
int sandbox_load(const int *calls, size_t n, int (*add_conditions)(void *ctx));
int sandbox_add_if(void *ctx, int call, struct scmp_arg_cmp compare);
int sandbox_add_memory(void *ctx); /* memory that is never executable; abort() */

#endif
