/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/util.h"

/* The raw call and nothing of the C library's around it. */
static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int try_open(const struct hostile_victim *victim)
{
	return result(open(victim->file, O_RDONLY | O_CLOEXEC));
}

static int try_open_dots(const struct hostile_victim *victim)
{
	char path[512];

	snprintf(path, sizeof(path), "../../../../../../../../%s", victim->file);
	return result(open(path, O_RDONLY | O_CLOEXEC));
}

/* A descriptor of a directory that was left open would be a way out. */
static int try_open_descriptors(const struct hostile_victim *victim)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "../../../../../../../../%s", victim->file);
	for (fd = 0; fd < 64; fd++)
		if (openat(fd, path, O_RDONLY | O_CLOEXEC) >= 0)
			return 0;
	return -errno;
}

static int try_open_proc(const struct hostile_victim *victim)
{
	return result(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
}

static int try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	if (fd >= 0)
		close(fd);
	return result(fd);
}

static int try_socket_inet(const struct hostile_victim *victim)
{
	return try_socket(AF_INET, SOCK_STREAM, 0);
}

static int try_socket_inet6(const struct hostile_victim *victim)
{
	return try_socket(AF_INET6, SOCK_DGRAM, 0);
}

static int try_socket_unix(const struct hostile_victim *victim)
{
	return try_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int try_socket_packet(const struct hostile_victim *victim)
{
	return try_socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_socket_netlink(const struct hostile_victim *victim)
{
	return try_socket(AF_NETLINK, SOCK_RAW, 0);
}

static int try_socketpair_inet(const struct hostile_victim *victim)
{
	int pair[2];

	/* the allowed call with a family that is not */
	return result(socketpair(AF_INET, SOCK_STREAM, 0, pair)) == -EPERM ? -EPERM : 0;
}

/* Half of it could send to any abstract socket of the host. */
static int try_socketpair_datagrams(const struct hostile_victim *victim)
{
	int pair[2];

	return result(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
}

static int try_bind(const struct hostile_victim *victim)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = victim->tcp_fd >= 0 ? victim->tcp_fd : socket(AF_INET, SOCK_STREAM, 0);

	return result(bind(fd, (const struct sockaddr *)&address, sizeof(address)));
}

static int try_other_nic(const struct hostile_victim *victim)
{
	int fd = victim->tcp_fd >= 0 ? victim->tcp_fd : socket(AF_INET, SOCK_STREAM, 0);

	return result(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
}

static int try_no_nic(const struct hostile_victim *victim)
{
	const int none = 0;
	int fd = victim->tcp_fd >= 0 ? victim->tcp_fd : socket(AF_INET, SOCK_STREAM, 0);

	return result(setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &none, sizeof(none)));
}

static int try_mark(const struct hostile_victim *victim)
{
	const int mark = 1;
	int fd = victim->tcp_fd >= 0 ? victim->tcp_fd : socket(AF_INET, SOCK_STREAM, 0);

	return result(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
}

static int try_execve(const struct hostile_victim *victim)
{
	char *const argv[] = {"true", NULL};

	return result(execve("/bin/true", argv, NULL));
}

static int try_execveat(const struct hostile_victim *victim)
{
	char *const argv[] = {"true", NULL};

	return result(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0));
}

static int try_ptrace(const struct hostile_victim *victim)
{
	long r = ptrace(PTRACE_SEIZE, victim->monitor, NULL, NULL);

	if (r == 0)
		ptrace(PTRACE_DETACH, victim->monitor, NULL, NULL);
	return result(r);
}

static int try_read_monitor(const struct hostile_victim *victim)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {(void *)(uintptr_t)0x10000, 1};
	long r = process_vm_readv(victim->monitor, &local, 1, &remote, 1, 0);

	/* allowed to ask, but nothing there */
	return r < 0 && errno == EFAULT ? 0 : result(r);
}

static int try_kill(const struct hostile_victim *victim)
{
	return result(kill(victim->monitor, SIGCONT));
}

static int try_setuid(const struct hostile_victim *victim)
{
	return result(syscall(SYS_setresuid, 0, 0, 0));
}

static int try_setgroups(const struct hostile_victim *victim)
{
	return result(setgroups(0, NULL));
}

static int try_capset(const struct hostile_victim *victim)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	data[0].effective = data[0].permitted = 1U << CAP_NET_ADMIN;
	return result(syscall(SYS_capset, &header, data));
}

static int try_mount(const struct hostile_victim *victim)
{
	/* a flag that is refused by whoever may mount at all, so that nothing is mounted */
	long r = mount("none", "/nowhere", "tmpfs", 0, NULL);

	return r < 0 && errno == ENOENT ? 0 : result(r);
}

static int try_chroot(const struct hostile_victim *victim)
{
	return result(chroot("/"));
}

static int try_unshare(const struct hostile_victim *victim)
{
	return result(unshare(CLONE_NEWUSER));
}

static int try_bpf(const struct hostile_victim *victim)
{
	long r = syscall(SYS_bpf, 9999, NULL, 0);

	return r < 0 && (errno == EINVAL || errno == E2BIG) ? 0 : result(r);
}

static int try_io_uring(const struct hostile_victim *victim)
{
	long r = syscall(SYS_io_uring_setup, 1, NULL);

	return r < 0 && errno == EFAULT ? 0 : result(r);
}

static int try_fork(const struct hostile_victim *victim)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return result(pid);
}

static int try_mmap_exec(const struct hostile_victim *victim)
{
	void *p = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

static int try_mprotect_exec(const struct hostile_victim *victim)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -errno : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_raise_limit(const struct hostile_victim *victim)
{
	const struct rlimit limit = {100, 100};

	return result(setrlimit(RLIMIT_NPROC, &limit));
}

static int try_dumpable(const struct hostile_victim *victim)
{
	return result(prctl(PR_SET_DUMPABLE, 1));
}

static int try_outlive(const struct hostile_victim *victim)
{
	return result(prctl(PR_SET_PDEATHSIG, 0));
}

static int try_mknod(const struct hostile_victim *victim)
{
	return result(mknod("fifo", S_IFIFO | 0600, 0)) == 0 ? unlink("fifo") : -errno;
}

static int try_terminal(const struct hostile_victim *victim)
{
	char c = '\n';
	long r = ioctl(0, 0x5412 /* TIOCSTI */, &c);

	return r < 0 && errno != EPERM ? 0 : result(r);
}

static const struct attempt {
	const char *name;
	int (*run)(const struct hostile_victim *);
} attempts[] = {
	{"open",		 try_open		 },
	{"open-dots",	      try_open_dots	   },
	{"open-descriptors",     try_open_descriptors	 },
	{"open-proc-mem",	  try_open_proc	       },
	{"socket-inet",		try_socket_inet	       },
	{"socket-inet6",	 try_socket_inet6	 },
	{"socket-unix",		try_socket_unix	       },
	{"socket-packet",	  try_socket_packet	   },
	{"socket-netlink",	   try_socket_netlink	     },
	{"socketpair-inet",	    try_socketpair_inet     },
	{"socketpair-datagrams", try_socketpair_datagrams},
	{"bind",		 try_bind		 },
	{"other-nic",	      try_other_nic	   },
	{"no-nic",		   try_no_nic		     },
	{"mark",		 try_mark		 },
	{"execve",		   try_execve		     },
	{"execveat",	     try_execveat		 },
	{"ptrace",		   try_ptrace		     },
	{"read-monitor",	 try_read_monitor	 },
	{"kill-monitor",	 try_kill		 },
	{"setuid",		   try_setuid		     },
	{"setgroups",	      try_setgroups	   },
	{"capset",		   try_capset		     },
	{"mount",		  try_mount		   },
	{"chroot",		   try_chroot		     },
	{"unshare",		    try_unshare	       },
	{"bpf",		  try_bpf		       },
	{"io-uring",	     try_io_uring		 },
	{"fork",		 try_fork		 },
	{"mmap-exec",	      try_mmap_exec	   },
	{"mprotect-exec",	  try_mprotect_exec	   },
	{"raise-limit",		try_raise_limit	       },
	{"dumpable",	     try_dumpable		 },
	{"outlive",		    try_outlive	       },
	{"mknod",		  try_mknod		   },
	{"terminal",	     try_terminal		 },
};

const char *hostile_get_name(size_t index)
{
	return index < ARRAY_SIZE(attempts) ? attempts[index].name : NULL;
}

int hostile_try(const char *name, const struct hostile_victim *victim)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attempts); i++)
		if (strcmp(attempts[i].name, name) == 0)
			return attempts[i].run(victim);
	return -ENOTSUP;
}
