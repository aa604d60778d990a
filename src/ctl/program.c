/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"

#define STEP 65536

struct pipes {
	int out, err;
};

static int find_program(const char *first, const char *name, char path[PATH_MAX])
{
	const char *const dirs[] = {first, "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (!dirs[i])
			continue;
		snprintf(path, PATH_MAX, "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static void run_child(const char *path, const char *const argv[], int out, int err)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
		"SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", "TZ=UTC", NULL};
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
		dup2(err, STDERR_FILENO) >= 0)
		execve(path, (char *const *)(const void *)argv, environment);
	_exit(127);
}

/* One more piece; what is beyond the bound is read and forgotten. 0 at the end. */
static ssize_t read_output(int fd, struct program_result *result, size_t *room)
{
	char rest[4096];
	ssize_t n;

	if (*room - result->length < STEP && *room < PROGRAM_MAX_OUTPUT) {
		char *bigger = realloc(result->output, *room * 2 + STEP + 1);

		if (bigger) {
			result->output = bigger;
			*room = *room * 2 + STEP;
		}
	}
	if (result->length < *room) {
		n = read(fd, result->output + result->length, *room - result->length);
		result->length += n > 0 ? (size_t)n : 0;
		return n;
	}
	n = read(fd, rest, sizeof(rest));
	result->truncated |= n > 0;
	return n;
}

static ssize_t read_error(int fd, char *error, size_t size, size_t *used)
{
	char rest[512];
	ssize_t n;

	if (*used >= size)
		return read(fd, rest, sizeof(rest));
	n = read(fd, error + *used, size - *used);
	*used += n > 0 ? (size_t)n : 0;
	return n;
}

/* Until both ends are closed: true, or the time is up. */
static bool collect(struct pipes *from, struct program_result *result)
{
	char error[256];
	size_t error_used = 0, room = 0;
	int64_t end = clock_get_ms(CLOCK_MONOTONIC) + PROGRAM_SECONDS * 1000L, left = 0;

	while ((from->out >= 0 || from->err >= 0) &&
		(left = end - clock_get_ms(CLOCK_MONOTONIC)) > 0) {
		struct pollfd fds[] = {
			{.fd = from->out, .events = POLLIN},
			     {.fd = from->err, .events = POLLIN}
		};

		if (poll(fds, 2, (int)left) <= 0)
			continue;
		if (fds[0].revents && read_output(from->out, result, &room) <= 0)
			close(util_steal_fd(&from->out));
		if (fds[1].revents && read_error(from->err, error, sizeof(error), &error_used) <= 0)
			close(util_steal_fd(&from->err));
	}
	if (error_used > 0) {
		const char *newline = memchr(error, '\n', error_used);

		text_make_printable(error, newline ? (size_t)(newline - error) : error_used,
			result->error, sizeof(result->error));
	}
	return left > 0;
}

static int start(const char *path, const char *const argv[], struct pipes *ends, pid_t *pid)
{
	int out[2], err[2], r;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) < 0) {
		r = -errno;
		close(out[0]);
		close(out[1]);
		return r;
	}
	*pid = fork();
	r = *pid < 0 ? -errno : 0;
	if (*pid == 0)
		run_child(path, argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	*ends = (struct pipes){out[0], err[0]};
	if (r < 0) {
		close(out[0]);
		close(err[0]);
	}
	return r;
}

int program_run(const char *first, const char *const argv[], struct program_result *result)
{
	char path[PATH_MAX];
	struct pipes ends = {-1, -1};
	bool in_time;
	pid_t pid = -1;
	int status, r;

	*result = (struct program_result){.output = NULL};
	r = find_program(first, argv[0], path);
	if (r == 0)
		r = start(path, argv, &ends, &pid);
	if (r < 0)
		return r;
	in_time = collect(&ends, result);
	if (!in_time)
		kill(pid, SIGKILL);
	if (ends.out >= 0)
		close(ends.out);
	if (ends.err >= 0)
		close(ends.err);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (!result->output)
		result->output = calloc(1, 1);
	if (!result->output)
		return -ENOMEM;
	result->output[result->length] = '\0';
	return in_time ? 0 : -ETIMEDOUT;
}

void program_clear(struct program_result *result)
{
	free(result->output);
	result->output = NULL;
}
