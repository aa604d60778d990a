/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client that has taken the relay over would get: each attempt in a process of its own that
 * is the relay up to the moment when its sandbox is closed and its order read (relay_main() itself;
 * the linker sends its epoll_create1() here). Usage: hostile_relay UID GID FOLDER FILE [free]; with
 * "free" the same attempts without the sandbox. Prints "NAME RESULT" lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "host/relay/message.h"
#include "host/relay/relay.h"
#include "hostile.h"

#define TCP_FD 60 /* a client's socket */

static struct hostile_victim victim = {.tcp_fd = TCP_FD};
static const char *attempt;

/* Beyond what a worker may not either: the worker connects its own sockets. */
static int try_connect(void)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	/* nobody is there: that it was tried is enough */
	if (connect(TCP_FD, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != ECONNREFUSED)
		return -errno;
	return 0;
}

static int try_listen(void)
{
	return listen(TCP_FD, 1) < 0 ? -errno : 0;
}

static int try_option(void)
{
	const int on = 1;

	return setsockopt(TCP_FD, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int try_rename(void)
{
	return rename("nothing", "else") < 0 && errno != ENOENT ? -errno : 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} own[] = {
	{"connect",	    try_connect},
	  {"listen",	     try_listen },
	  {"socket-option", try_option },
	{"rename",	   try_rename }
};

static const char *get_name(size_t index)
{
	if (index < ARRAY_SIZE(own))
		return own[index].name;
	return hostile_get_name(index - ARRAY_SIZE(own));
}

_Noreturn static void run_attempt(void)
{
	int r = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own) && strcmp(own[i].name, attempt) != 0; i++)
		;
	r = i < ARRAY_SIZE(own) ? own[i].run() : hostile_try(attempt, &victim);
	_exit(-r);
}

/* The first call of the relay behind its sandbox and its order. */
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
	run_attempt();
}

static int send_order(int fd)
{
	struct admission_rules rules = {.max = 8, .max_per_source = 8, .idle_ms = 60000};
	uint8_t buffer[RELAY_MAX_MESSAGE];
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = buffer};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct wire_writer out;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *expected;

	if (relay_sources_parse("192.0.2.0/24", &rules.sources, &expected) < 0)
		return -1;
	wire_writer_init(&out, buffer, sizeof(buffer));
	relay_put_order(&out, &rules);
	iov.iov_len = out.used;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &listener, sizeof(listener));
	if (out.failed || listen(listener, 1) < 0 || sendmsg(fd, &message, 0) < 0)
		return -1;
	close(listener);
	return 0;
}

/* What the monitor gives its relay: three descriptors, and an order that waits. */
static int give(const char *folder)
{
	int pair[2], counts, root;

	counts = memfd_create("counts", 0);
	root = open(folder, O_RDONLY | O_DIRECTORY);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 || counts < 0 || root < 0 ||
		ftruncate(counts, sizeof(struct relay_counts)) < 0 || send_order(pair[0]) < 0)
		return -1;
	if (dup2(pair[0], TCP_FD + 1) < 0 || dup2(pair[1], TCP_FD + 2) < 0 ||
		dup2(counts, TCP_FD + 3) < 0 || dup2(root, TCP_FD + 4) < 0)
		return -1;
	for (int fd = 3; fd < TCP_FD; fd++)
		close(fd);
	if (dup2(TCP_FD + 2, RELAY_MONITOR_FD) < 0 || dup2(TCP_FD + 3, RELAY_COUNTS_FD) < 0 ||
		dup2(TCP_FD + 4, RELAY_ROOT_FD) < 0)
		return -1;
	for (int fd = TCP_FD + 2; fd <= TCP_FD + 4; fd++)
		close(fd);
	return 0;
}

static int try_one(char **argv, bool unbound)
{
	struct relay_options options = {.foreground = true};
	pid_t pid = fork();
	int status, fd;

	if (pid == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || dup2(fd, TCP_FD) < 0)
			_exit(255);
		if (unbound) {
			if (open("/", O_RDONLY | O_DIRECTORY) < 0) /* a careless parent's */
				_exit(255);
			run_attempt();
		}
		options.uid = (uid_t)strtoul(argv[1], NULL, 10);
		options.gid = (gid_t)strtoul(argv[2], NULL, 10);
		if (give(argv[3]) < 0)
			_exit(255);
		relay_main(&options);
		_exit(254); /* it never came so far */
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	if (WIFSIGNALED(status))
		printf("%s killed\n", attempt);
	else if (WEXITSTATUS(status) >= 254)
		return -1;
	else
		printf("%s %s\n", attempt,
			WEXITSTATUS(status) == 0 ? "worked" : strerror(WEXITSTATUS(status)));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	victim.monitor = getpid();
	victim.file = argv[4];
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; (attempt = get_name(i)) != NULL; i++)
		if (try_one(argv, argc > 5) < 0)
			return 1;
	return 0;
}
