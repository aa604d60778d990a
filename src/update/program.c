/* SPDX-License-Identifier: Apache-2.0 */
#include "update/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

static void run_child(const char *const *argv, const char *variable, int out)
{
	const char *environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
		"DEBIAN_FRONTEND=noninteractive", "HOME=/root", variable, NULL};
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
		dup2(out, STDERR_FILENO) >= 0)
		execve(argv[0], (char *const *)(const void *)argv,
			(char *const *)(const void *)environment);
	_exit(127);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* SIGCHLD is blocked: it waits to be taken here, however early it came. */
static int wait_for(pid_t pid, unsigned int seconds)
{
	time_t end = now() + (time_t)seconds;
	sigset_t child;
	int status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		struct timespec wait = {.tv_sec = end - now()};
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done == pid)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (wait.tv_sec <= 0)
			break;
		sigtimedwait(&child, NULL, &wait);
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -ETIMEDOUT;
}

int program_run(
	const char *const *argv, const char *variable, unsigned int seconds, char *out, size_t size)
{
	/* not a pipe: what a script leaves running may keep it open */
	_cleanup_close_ int fd = memfd_create("output", MFD_CLOEXEC);
	sigset_t child, old;
	ssize_t n;
	pid_t pid;
	int r;

	out[0] = '\0';
	if (fd < 0)
		return -errno;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &old);
	pid = fork();
	r = pid < 0 ? -errno : 0;
	if (pid == 0)
		run_child(argv, variable, fd);
	if (r == 0)
		r = wait_for(pid, seconds);
	sigprocmask(SIG_SETMASK, &old, NULL);
	n = pread(fd, out, size - 1, 0);
	out[n > 0 ? n : 0] = '\0';
	return r;
}
