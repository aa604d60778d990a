/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of in-band access: where clients come in, and those that lead to the BMC. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/relayed.h"
#include "base/util.h"
#include "host/monitor/access.h"
#include "host/monitor/acts.h"

#define BACKLOG	   128
#define PORT_TRIES 64

/* Seconds: a client that is gone is found out, though nobody speaks. */
#define CLIENT_KEEPALIVE_IDLE	  60
#define CLIENT_KEEPALIVE_INTERVAL 10
#define BMC_KEEPALIVE_IDLE	  4
#define BMC_KEEPALIVE_INTERVAL	  1
#define KEEPALIVE_COUNT		  3
/* A BMC that writes firmware to its flash may take nothing for a while. */
#define BMC_USER_TIMEOUT_MS 30000

struct option {
	int level, option, value;
};

static int set_options(int fd, const struct option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (setsockopt(fd, options[i].level, options[i].option, &options[i].value,
			    sizeof(options[i].value)) < 0)
			return -errno;
	}
	return 0;
}

/*
 * What comes in through the pass-through NIC is dropped before the socket sees it: a SYN from the
 * BMC is not even refused. A bound address would not do it (any interface takes what is for any of
 * the host's addresses), nor would a rule of nftables that is not there everywhere.
 */
static int make_deaf(int fd, unsigned int ifindex)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ifindex, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int bind_any(int fd, int family, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int r;

	if (family == AF_INET)
		r = bind(fd, (const struct sockaddr *)&in, sizeof(in));
	else
		r = bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
	return r < 0 ? -errno : 0;
}

int access_open_listener(int family, uint16_t port, unsigned int ifindex, int *fd)
{
	static const struct option options[] = {
		{SOL_SOCKET,  SO_REUSEADDR,  1			    },
		{SOL_SOCKET,  SO_KEEPALIVE,  1			    },
		{IPPROTO_TCP, TCP_KEEPIDLE,  CLIENT_KEEPALIVE_IDLE	 },
		{IPPROTO_TCP, TCP_KEEPINTVL, CLIENT_KEEPALIVE_INTERVAL},
		{IPPROTO_TCP, TCP_KEEPCNT,   KEEPALIVE_COUNT	  },
		{IPPROTO_TCP, TCP_NODELAY,   1			    },
	};
	static const struct option v6only = {IPPROTO_IPV6, IPV6_V6ONLY, 1};
	_cleanup_close_ int made =
		socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int r;

	if (made < 0)
		return -errno;
	r = set_options(made, options, ARRAY_SIZE(options));
	if (r == 0 && family == AF_INET6)
		r = set_options(made, &v6only, 1);
	if (r == 0)
		r = make_deaf(made, ifindex);
	if (r == 0)
		r = bind_any(made, family, port);
	if (r == 0 && listen(made, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		*fd = util_steal_fd(&made);
	return r;
}

static uint16_t get_some_port(void)
{
	uint16_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return (uint16_t)(RELAYED_FIRST_PORT +
			  random % (RELAYED_LAST_PORT - RELAYED_FIRST_PORT + 1));
}

static int begin_connect(int fd, struct in_addr bmc, uint16_t port)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = bmc};

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS)
		return 0;
	return -errno;
}

/* -EADDRINUSE, -EADDRNOTAVAIL: from has a connection with the BMC, or had one just now. */
static int open_from(
	unsigned int ifindex, struct in_addr bmc, uint16_t port, uint16_t from, int *fd)
{
	static const struct option options[] = {
		{SOL_SOCKET,  SO_REUSEADDR,	   1			    },
		{SOL_SOCKET,  SO_KEEPALIVE,	   1			    },
		{IPPROTO_TCP, TCP_KEEPIDLE,	    BMC_KEEPALIVE_IDLE    },
		{IPPROTO_TCP, TCP_KEEPINTVL,    BMC_KEEPALIVE_INTERVAL},
		{IPPROTO_TCP, TCP_KEEPCNT,	   KEEPALIVE_COUNT	  },
		{IPPROTO_TCP, TCP_USER_TIMEOUT, BMC_USER_TIMEOUT_MS   },
		{IPPROTO_TCP, TCP_NODELAY,	   1			    },
	};
	_cleanup_close_ int made =
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int r;

	if (made < 0)
		return -errno;
	r = act_nic_bind(made, ifindex);
	if (r == 0)
		r = set_options(made, options, ARRAY_SIZE(options));
	if (r == 0)
		r = bind_any(made, AF_INET, from);
	if (r == 0)
		r = begin_connect(made, bmc, port);
	if (r == 0)
		*fd = util_steal_fd(&made);
	return r;
}

int access_open_bmc(unsigned int ifindex, struct in_addr bmc, uint16_t port, int *fd)
{
	int r = -EADDRNOTAVAIL;

	for (unsigned int i = 0; i < PORT_TRIES; i++) {
		r = open_from(ifindex, bmc, port, get_some_port(), fd);
		if (r != -EADDRINUSE && r != -EADDRNOTAVAIL)
			return r;
	}
	return r;
}
