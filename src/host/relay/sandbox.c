/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay's list of system calls. Most of all it is what is missing: no socket, connect, bind or
 * listen, no open, no send to anywhere but what is open (sendto() and sendmsg() need an address for
 * more, and every socket here is connected).
 */
#include <fcntl.h>
#include <seccomp.h>
#include <sys/socket.h>

#include "base/util.h"
#include "host/relay/relay.h"
#include "host/worker.h"

/* clang-format off */
static const int allowed[] = {
	/* sockets, and what is between them */
	SCMP_SYS(accept4), SCMP_SYS(splice), SCMP_SYS(pipe2), SCMP_SYS(shutdown), SCMP_SYS(close),
	SCMP_SYS(recv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(send), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	/* the log */
	SCMP_SYS(write), SCMP_SYS(writev),
	/* waiting */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	/* memory; mmap and mprotect have conditions below */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* the process itself */
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(futex_time64),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrlimit),
	SCMP_SYS(ugetrlimit), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
};
/* clang-format on */

static int add_conditions(void *ctx)
{
	int r = sandbox_add_memory(ctx);

	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETPIPE_SZ));
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(fcntl64), SCMP_A1(SCMP_CMP_EQ, F_SETPIPE_SZ));
	/* limits may be read, not set */
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(setsockopt), SCMP_A2(SCMP_CMP_EQ, SO_LINGER));
	if (r == 0)
		r = sandbox_add_if(ctx, SCMP_SYS(getsockopt), SCMP_A2(SCMP_CMP_EQ, SO_ERROR));
	return r;
}

int relay_close_syscalls(void)
{
	return sandbox_load(allowed, ARRAY_SIZE(allowed), add_conditions);
}
