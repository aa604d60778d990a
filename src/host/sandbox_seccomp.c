/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's list of system calls. Three classes (docs/decisions.md says why):
 *   listed              allowed, some with a condition on their arguments
 *   no library's doing  the process is killed: nobody asks for these but an attacker
 *   anything else       EPERM, and a line in the kernel's audit log: a library update that tries
 *                       something new must not take the daemon down
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <termios.h>

#include "base/util.h"
#include "host/worker.h"

#define LOAD_SECONDS 10

/* clang-format off */
static const int allowed[] = {
	/* files below the root directory, and descriptors */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(close),
	SCMP_SYS(close_range), SCMP_SYS(lseek), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(creat),
	SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(fstat64), SCMP_SYS(stat64), SCMP_SYS(lstat64), SCMP_SYS(statx), SCMP_SYS(statfs),
	SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(getdents64),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate), SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(flock), SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64), SCMP_SYS(_llseek), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
	SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(eventfd2), SCMP_SYS(memfd_create),
	/* sockets that the monitor made, or that were made before */
	SCMP_SYS(connect), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(shutdown),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(send), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recv),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
	/* waiting */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(_newselect),
	SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(ppoll_time64), SCMP_SYS(pselect6_time64),
	SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(recvmmsg_time64), SCMP_SYS(timerfd_settime64),
	/* memory; mmap and mprotect have conditions below */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(membarrier),
	/* the process itself */
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(futex_time64),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getuid32), SCMP_SYS(geteuid32),
	SCMP_SYS(getgid32), SCMP_SYS(getegid32), SCMP_SYS(getrusage), SCMP_SYS(getrlimit),
	SCMP_SYS(ugetrlimit), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(times),
	SCMP_SYS(getrandom), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres), SCMP_SYS(clock_getres_time64),
};

static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(mount),
	SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
	SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(bpf),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
	SCMP_SYS(personality), SCMP_SYS(open_by_handle_at),
};
/* clang-format on */

/* A call that this architecture does not have cannot be listed, and cannot be made. */
static int add(scmp_filter_ctx ctx, uint32_t action, int call)
{
	int r = seccomp_rule_add(ctx, action, call, 0);

	return r == -EDOM ? 0 : r;
}

int sandbox_add_if(void *ctx, int call, struct scmp_arg_cmp compare)
{
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &compare);

	return r == -EDOM ? 0 : r;
}

int sandbox_add_memory(void *ctx)
{
	int r;

	/* no page becomes executable: code that was not there at start cannot run */
	r = sandbox_add_if(ctx, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(mmap2), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = sandbox_add_if(
			ctx, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA));
	/* abort() */
	if (r == 0)
		r = sandbox_add_if(
			ctx, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return r;
}

static int add_conditions(void *ctx)
{
	static const unsigned long ioctls[] = {FIONBIO, FIONREAD, FIOCLEX, TCGETS, TIOCGWINSZ};
	size_t i;
	int r = sandbox_add_memory(ctx);

	for (i = 0; i < ARRAY_SIZE(ioctls) && r == 0; i++)
		r = sandbox_add_if(ctx, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	/* a pair of streams leads nowhere (libcurl and libevent wake themselves by it); one of
	 * datagrams could be sent elsewhere from */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
			SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
	/* limits may be read, not set */
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	return r;
}

/*
 * libseccomp 2.5 can loop for ever where it gets no memory: then SIGALRM ends this process, and the
 * monitor starts the next one.
 */
static void limit_time(time_t seconds)
{
	const struct itimerval limit = {.it_value.tv_sec = seconds};

	setitimer(ITIMER_REAL, &limit, NULL);
}

int sandbox_load(const int *calls, size_t n, int (*conditions)(void *ctx))
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	size_t i;
	int r;

	if (ctx == NULL)
		return -ENOMEM;
	limit_time(LOAD_SECONDS);
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* seen in the audit log where the kernel (4.14) can; a quieter filter is as good a wall */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	for (i = 0; i < n && r == 0; i++)
		r = add(ctx, SCMP_ACT_ALLOW, calls[i]);
	for (i = 0; i < ARRAY_SIZE(deadly) && r == 0; i++)
		r = add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i]);
	if (r == 0)
		r = add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setitimer)); /* of limit_time() */
	if (r == 0)
		r = conditions(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	limit_time(0);
	seccomp_release(ctx);
	return r;
}

int sandbox_close_syscalls(void)
{
	return sandbox_load(allowed, ARRAY_SIZE(allowed), add_conditions);
}
