/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/util.h"
#include "host/worker.h"

#define MODULE "monitor"

void child_init(struct child *child)
{
	*child = (struct child){
		.request_fd = -1, .notice_fd = -1, .backoff_ms = CHILD_BACKOFF_FIRST_MS};
}

void child_close(struct child *child)
{
	if (child->request_fd >= 0)
		close(child->request_fd);
	if (child->notice_fd >= 0)
		close(child->notice_fd);
	child->request_fd = child->notice_fd = -1;
	child->up = false;
}

/* Whatever we were started with is not for the worker: a directory's descriptor would be a way out
 * of its root. */
static void close_from(unsigned int first)
{
	long fd, end;

	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
	end = sysconf(_SC_OPEN_MAX); /* kernels before 5.9 */
	for (fd = (long)first; fd < end; fd++)
		close((int)fd);
}

/* To the numbers from CHILD_FIRST_FD on, first out of each other's way; all else is closed. */
static int place_descriptors(const int *from, size_t n)
{
	const int end = CHILD_FIRST_FD + (int)n;
	int high[CHILD_MAX_FDS];
	size_t i;

	for (i = 0; i < n; i++) {
		high[i] = fcntl(from[i], F_DUPFD, end);
		if (high[i] < 0)
			return -errno;
	}
	for (i = 0; i < n; i++)
		if (dup2(high[i], CHILD_FIRST_FD + (int)i) < 0)
			return -errno;
	close_from((unsigned int)end);
	return 0;
}

void child_exec(const char *const argv[], const int *fds, size_t n)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* bridges the time until the process binds itself again after its change of user */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (n <= CHILD_MAX_FDS && place_descriptors(fds, n) == 0)
		execv("/proc/self/exe", (char *const *)(const void *)argv);
	_exit(127);
}

static void run_child(const struct child_spec *spec, int request, int notice)
{
	const char *argv[] = {"bmclinkd", "--worker", "--user", spec->user_text, "--group",
		spec->group_text, "--state-dir", spec->dir, NULL, NULL, NULL};
	const int fds[] = {request, notice, spec->control_fd};
	size_t n = 8;

	if (spec->foreground)
		argv[n++] = "--foreground";
	if (spec->debug)
		argv[n++] = "--debug";
	child_exec(argv, fds, ARRAY_SIZE(fds));
}

int child_start(struct child *child, const struct child_spec *spec, uint64_t now_ms)
{
	int request[2], notice[2];
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, request) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, notice) < 0) {
		r = -errno;
		close(request[0]);
		close(request[1]);
		return r;
	}
	pid = fork();
	r = pid < 0 ? -errno : 0;
	if (pid == 0)
		run_child(spec, request[1], notice[1]);
	close(request[1]);
	close(notice[1]);
	child->request_fd = request[0];
	child->notice_fd = notice[0];
	if (r < 0) {
		child_close(child);
		return r;
	}
	child->pid = pid;
	child->started_ms = now_ms;
	log_debug(MODULE, "worker %d is started", (int)pid);
	return 0;
}

void child_notify(
	const struct child *child, enum priv_notice notice, const void *data, size_t length)
{
	uint8_t buffer[WIRE_MAX_NOTICE];
	struct wire_writer out;

	if (child->notice_fd < 0)
		return;
	wire_writer_init(&out, buffer, sizeof(buffer));
	wire_put_u16(&out, (uint16_t)notice);
	wire_put_fixed(&out, data, length);
	if (out.failed || send(child->notice_fd, buffer, out.used, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug(MODULE, "a notice to the worker was lost");
}

unsigned int child_get_wait(struct child *child, uint64_t now_ms)
{
	unsigned int wait;

	if (now_ms - child->started_ms >= CHILD_BACKOFF_RESET_MS)
		child->backoff_ms = CHILD_BACKOFF_FIRST_MS;
	wait = child->backoff_ms;
	child->backoff_ms = wait * 2 > CHILD_BACKOFF_MAX_MS ? CHILD_BACKOFF_MAX_MS : wait * 2;
	return wait;
}

void child_describe_end(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "exit code %d", WEXITSTATUS(status));
}
