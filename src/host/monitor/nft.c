/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/nft.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"

#define WAIT_MS	   5000
#define MAX_SCRIPT 4096

static const char *find_program(void)
{
	static const char *const paths[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

static void run_child(const char *program, int in, int err)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	char *const argv[] = {"nft", "-f", "-", NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* the loop's signal pipe and the worker's sockets are close-on-exec */
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0 &&
		dup2(err, STDOUT_FILENO) >= 0)
		execve(program, argv, environment);
	_exit(127);
}

/* What the program says, until it closes its end or the time is up. Returns the bytes kept. */
static size_t read_output(int fd, char *out, size_t size, bool *in_time)
{
	int64_t end = clock_get_ms(CLOCK_MONOTONIC) + WAIT_MS, left;
	char rest[512];
	size_t used = 0;
	ssize_t n;

	*in_time = false;
	while ((left = end - clock_get_ms(CLOCK_MONOTONIC)) > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = used < size ? read(fd, out + used, size - used) : read(fd, rest, sizeof(rest));
		if (n <= 0) {
			*in_time = true;
			break;
		}
		if (used < size)
			used += (size_t)n;
	}
	return used;
}

static int fail(int error, char *why, size_t size)
{
	snprintf(why, size, "nft: %s", strerror(error));
	return -error;
}

static int run(const char *script, char *why, size_t size)
{
	_cleanup_close_ int in_r = -1, in_w = -1, err_r = -1, err_w = -1;
	const char *program = find_program();
	char output[256];
	int in[2], err[2], status;
	size_t length;
	bool in_time;
	pid_t pid;

	snprintf(why, size, "the program nft is missing (package nftables)");
	if (program == NULL)
		return -ENOENT;
	if (pipe2(in, O_CLOEXEC) < 0)
		return fail(errno, why, size);
	in_r = in[0], in_w = in[1];
	if (pipe2(err, O_CLOEXEC) < 0)
		return fail(errno, why, size);
	err_r = err[0], err_w = err[1];
	/* a script fits into the pipe: no need to feed it bit by bit */
	if (write(in_w, script, strlen(script)) != (ssize_t)strlen(script))
		return fail(EAGAIN, why, size);
	pid = fork();
	if (pid < 0)
		return fail(errno, why, size);
	if (pid == 0)
		run_child(program, in_r, err_w);
	close(util_steal_fd(&in_w));
	close(util_steal_fd(&err_w));
	length = read_output(err_r, output, sizeof(output), &in_time);
	if (!in_time)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0)
		return fail(errno, why, size);
	if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	snprintf(why, size, "nft: ");
	if (in_time)
		text_make_printable(output,
			strcspn(output, "\n") < length ? strcspn(output, "\n") : length, why + 5,
			size - 5);
	else
		snprintf(why, size, "nft did not end within %d ms", WAIT_MS);
	return in_time ? -EIO : -ETIMEDOUT;
}

/*
 * Reverse path for IPv6, as rp_filter is for IPv4: without it the BMC could speak in the name of
 * hosts elsewhere, into connections of other interfaces. Needs nft_fib, which small kernels lack.
 */
#define REVERSE_PATH "meta nfproto ipv6 fib saddr . iif oif missing counter drop;\n"

/* Established is by address and port, not by interface: hence the reverse path above. Related is
 * for errors only (ICMP, 1, and ICMPv6, 58: small systems have no /etc/protocols to look names up
 * in): no helper may open a way in. */
static void make_script(unsigned int ifindex, const char *reverse_path, char *out, size_t size)
{
	snprintf(out, size,
		"table inet " NFT_TABLE "\n"
		"delete table inet " NFT_TABLE "\n"
		"table inet " NFT_TABLE " {\n"
		" chain input {\n"
		"  type filter hook input priority -10; policy accept;\n"
		"  iif != %1$u accept;\n"
		"  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;\n"
		"  %2$s"
		"  ct state established accept;\n"
		"  ct state related meta l4proto { 1, 58 } accept;\n"
		"  icmp type echo-request accept;\n"
		"  icmpv6 type echo-request accept;\n"
		"  counter drop;\n"
		" }\n"
		" chain forward {\n"
		"  type filter hook forward priority -10; policy accept;\n"
		"  iif %1$u counter drop;\n"
		"  oif %1$u counter drop;\n"
		" }\n"
		"}\n",
		ifindex, reverse_path);
}

int nft_protect(unsigned int ifindex, char *why, size_t size)
{
	char script[MAX_SCRIPT];
	int r;

	make_script(ifindex, REVERSE_PATH, script, sizeof(script));
	r = run(script, why, size);
	if (r != -EIO)
		return r;
	make_script(ifindex, "", script, sizeof(script));
	r = run(script, why, size);
	if (r < 0)
		return r;
	snprintf(why, size, "this kernel has no nft_fib: no reverse path check for IPv6");
	return -EOPNOTSUPP;
}

int nft_unprotect(unsigned int ifindex, char *why, size_t size)
{
	char script[128];

	snprintf(script, sizeof(script),
		"table inet " NFT_TABLE "\ndelete table inet " NFT_TABLE "\n", ifindex);
	return run(script, why, size);
}
