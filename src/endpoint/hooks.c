/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "endpoint/hook_exec.h"
#include "endpoint/hook_output.h"

#define MAX_PATH   512
#define MAX_REASON 256

struct job {
	TAILQ_ENTRY(job) next;
	char name[HOOKS_MAX_ARG];
	char args[2][HOOKS_MAX_ARG];
	unsigned int n_args;
	void (*done)(const struct hook_result *result, void *arg);
	void *arg;
	bool (*wanted)(void *arg);
};

TAILQ_HEAD(job_list, job);

struct hooks {
	struct event_base *base;
	char folder[MAX_PATH - HOOKS_MAX_ARG];
	unsigned int seconds;
	struct job_list waiting;
	unsigned int n_waiting;
	unsigned long refused;

	struct job *running; /* NULL: nothing runs */
	pid_t pid;	     /* its process group too */
	bool timed_out;
	struct hook_output output, error;
	struct event *child, *deadline, *start;
};

/* Is it root's, and only root's to change? */
static bool is_safe(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int hooks_check(const struct hooks *hooks, const char *name, const char **why)
{
	_cleanup_close_ int folder = -1;
	struct stat st;

	*why = "";
	if (!hooks->folder[0])
		return -ENOENT;
	folder = open(hooks->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 && errno == ENOENT)
		return -ENOENT;
	*why = "its folder cannot be read";
	if (folder < 0 || fstat(folder, &st) < 0)
		return -EPERM;
	*why = "its folder is not root's, or others may write to it";
	if (!is_safe(&st))
		return -EPERM;
	*why = "";
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -ENOENT;
	*why = "it is not a plain file";
	if (!S_ISREG(st.st_mode))
		return -EPERM;
	*why = "it is not root's, or others may write to it";
	if (!is_safe(&st))
		return -EPERM;
	*why = "it cannot be run";
	if (!(st.st_mode & 0111) || faccessat(folder, name, X_OK, AT_EACCESS) < 0)
		return -EPERM;
	*why = "";
	return 0;
}

static void kill_group(struct hooks *hooks)
{
	if (kill(-hooks->pid, SIGKILL) < 0 && errno == ESRCH)
		kill(hooks->pid, SIGKILL); /* it has not come to setsid() yet */
}

/* A program that writes more than its bound is ended. */
static void drain(struct hooks *hooks, struct hook_output *output)
{
	if (hook_output_drain(output) == -EFBIG)
		kill_group(hooks);
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;

	drain(hooks, &hooks->output);
}

static void on_error(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;

	drain(hooks, &hooks->error);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;

	hooks->timed_out = true;
	kill_group(hooks);
}

static int start_program(struct hooks *hooks, const struct job *job)
{
	_cleanup_close_ int out = -1;
	_cleanup_close_ int err = -1;
	const char *arguments[4] = {job->name, job->n_args > 0 ? job->args[0] : NULL,
		job->n_args > 1 ? job->args[1] : NULL, NULL};
	struct timeval limit = {(time_t)hooks->seconds, 0};
	char path[MAX_PATH];
	int r = hook_output_open(
		&hooks->output, hooks->base, HOOKS_MAX_OUTPUT, on_output, hooks, &out);

	if (r == 0)
		r = hook_output_open(
			&hooks->error, hooks->base, HOOKS_MAX_ERROR, on_error, hooks, &err);
	if (r < 0)
		return r;
	hooks->timed_out = false;
	snprintf(path, sizeof(path), "%s/%s", hooks->folder, job->name);
	hooks->pid = hook_exec(path, arguments, out, err);
	if (hooks->pid < 0)
		return hooks->pid;
	event_add(hooks->deadline, &limit);
	return 0;
}

static void explain(const struct hooks *hooks, int status, char *reason)
{
	size_t line = strcspn(hooks->error.data ? hooks->error.data : "", "\r\n");
	char first[MAX_REASON / 2] = "";

	if (hooks->error.data)
		text_make_printable(hooks->error.data, line, first, sizeof(first));
	if (hooks->timed_out)
		snprintf(reason, MAX_REASON, "it did not end within %u s", hooks->seconds);
	else if (hooks->output.flooded || hooks->error.flooded)
		snprintf(reason, MAX_REASON, "it wrote more than %d bytes",
			hooks->output.flooded ? HOOKS_MAX_OUTPUT : HOOKS_MAX_ERROR);
	else if (WIFSIGNALED(status))
		snprintf(reason, MAX_REASON, "it died of signal %d", WTERMSIG(status));
	else
		snprintf(reason, MAX_REASON, "it ended with %d%s%s", WEXITSTATUS(status),
			first[0] ? ": " : "", first);
}

static void wake(struct hooks *hooks)
{
	static const struct timeval now = {0, 0};

	if (!hooks->running && hooks->n_waiting)
		event_add(hooks->start, &now);
}

static void finish(struct hooks *hooks, const char *failure, int status)
{
	struct job *job = hooks->running;
	char reason[MAX_REASON] = "";
	struct hook_result result = {.reason = reason, .output = ""};

	result.ok = !failure && !hooks->timed_out && !hooks->output.flooded &&
		    !hooks->error.flooded && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (hooks->output.data) {
		hooks->output.data[hooks->output.length] = '\0';
		result.output = hooks->output.data;
		result.length = hooks->output.length;
	}
	if (hooks->error.data)
		hooks->error.data[hooks->error.length] = '\0';
	if (failure)
		snprintf(reason, sizeof(reason), "%s", failure);
	else if (!result.ok)
		explain(hooks, status, reason);
	if (result.ok)
		log_debug("hooks", "%s: done", job->name);
	else
		log_warning("hooks", "%s: %s", job->name, reason);
	event_del(hooks->deadline);
	hooks->running = NULL;
	job->done(&result, job->arg);
	hook_output_close(&hooks->output);
	hook_output_close(&hooks->error);
	free(job);
	wake(hooks);
}

/* The leader first as a zombie: as long as it is one, its process group's number is nobody else's.
 */
static void on_child(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;
	siginfo_t info = {0};
	int status;

	if (!hooks->running ||
		waitid(P_PID, (id_t)hooks->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		info.si_pid != hooks->pid)
		return;
	kill(-hooks->pid, SIGKILL); /* whatever it has left behind */
	if (waitpid(hooks->pid, &status, WNOHANG) != hooks->pid)
		return;
	drain(hooks, &hooks->output);
	drain(hooks, &hooks->error);
	finish(hooks, NULL, status);
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;
	struct job *job = TAILQ_FIRST(&hooks->waiting);
	const char *why;
	int r;

	if (!job || hooks->running)
		return;
	TAILQ_REMOVE(&hooks->waiting, job, next);
	hooks->n_waiting--;
	hooks->running = job;
	r = hooks_check(hooks, job->name, &why); /* it may have changed while it waited */
	if (job->wanted && !job->wanted(job->arg)) {
		r = -ECANCELED;
		why = "when its turn came, nobody with the right to it was there";
	} else if (r == 0) {
		r = start_program(hooks, job);
		why = strerror(-r);
	} else if (r == -ENOENT) {
		why = "it is not there any more";
	}
	if (r < 0)
		finish(hooks, why, 0);
}

int hooks_run(struct hooks *hooks, const struct hook_call *call)
{
	const char *why;
	struct job *job;
	int r = hooks_check(hooks, call->name, &why);

	if (r < 0)
		return r;
	if (hooks->n_waiting >= HOOKS_MAX_QUEUED) {
		hooks->refused++;
		log_warning("hooks", "%s: too many calls wait (%lu refused so far)", call->name,
			hooks->refused);
		return -ENOBUFS;
	}
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	snprintf(job->name, sizeof(job->name), "%s", call->name);
	while (job->n_args < ARRAY_SIZE(job->args) && call->args[job->n_args]) {
		snprintf(job->args[job->n_args], HOOKS_MAX_ARG, "%s", call->args[job->n_args]);
		job->n_args++;
	}
	job->done = call->done;
	job->arg = call->arg;
	job->wanted = call->wanted;
	TAILQ_INSERT_TAIL(&hooks->waiting, job, next);
	hooks->n_waiting++;
	wake(hooks);
	return 0;
}

unsigned long hooks_get_refused(const struct hooks *hooks)
{
	return hooks->refused;
}

void hooks_set_folder(struct hooks *hooks, const char *folder, unsigned int seconds)
{
	snprintf(hooks->folder, sizeof(hooks->folder), "%s", folder);
	hooks->seconds = seconds;
}

int hooks_new(struct event_base *base, struct hooks **hooks)
{
	struct hooks *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->base = base;
	made->output.fd = made->error.fd = -1;
	TAILQ_INIT(&made->waiting);
	made->child = evsignal_new(base, SIGCHLD, on_child, made);
	made->deadline = evtimer_new(base, on_deadline, made);
	made->start = evtimer_new(base, on_start, made);
	if (!made->child || !made->deadline || !made->start || event_add(made->child, NULL) < 0) {
		hooks_free(made);
		return -ENOMEM;
	}
	*hooks = made;
	return 0;
}

static void cancel(struct job *job)
{
	static const struct hook_result result = {
		.cancelled = true, .reason = "the endpoint stops", .output = ""};

	job->done(&result, job->arg);
	free(job);
}

void hooks_free(struct hooks *hooks)
{
	struct job *job;

	if (!hooks)
		return;
	hooks->folder[0] = '\0'; /* nobody starts another one from its done() */
	if (hooks->running) {
		kill_group(hooks);
		waitpid(hooks->pid, NULL, 0);
		hook_output_close(&hooks->output);
		hook_output_close(&hooks->error);
		cancel(hooks->running);
	}
	while ((job = TAILQ_FIRST(&hooks->waiting))) {
		TAILQ_REMOVE(&hooks->waiting, job, next);
		cancel(job);
	}
	if (hooks->child)
		event_free(hooks->child);
	if (hooks->deadline)
		event_free(hooks->deadline);
	if (hooks->start)
		event_free(hooks->start);
	free(hooks);
}
