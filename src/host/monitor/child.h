/* SPDX-License-Identifier: Apache-2.0 */
/* The worker as the monitor sees it: a process, two sockets, and when to start it again. */
#ifndef BMCLINK_HOST_CHILD_H
#define BMCLINK_HOST_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/monitor/acts.h"
#include "host/worker.h"

#define CHILD_BACKOFF_FIRST_MS 100
#define CHILD_BACKOFF_MAX_MS   30000
#define CHILD_BACKOFF_RESET_MS 60000 /* of life */

#define CHILD_FIRST_FD WORKER_REQUEST_FD /* where a child finds its descriptors, in a row */
#define CHILD_MAX_FDS  4

struct child_spec {			    /* borrowed */
	const char *user_text, *group_text; /* numbers, in decimal */
	const char *dir;		    /* <state-dir>/worker */
	int control_fd;
	bool foreground, debug;
};

struct child {
	pid_t pid;		   /* 0: none */
	int request_fd, notice_fd; /* ours; -1: none */
	bool up;		   /* it said hello */
	uint64_t started_ms;	   /* CLOCK_MONOTONIC */
	unsigned int backoff_ms;   /* the next wait */
};

void child_init(struct child *child);
/* fork and exec of this very program with --worker. 0 or negative errno. */
int child_start(struct child *child, const struct child_spec *spec, uint64_t now_ms);
/* In the forked child: this very program with these arguments and descriptors, and nothing else
 * that was open. Does not return. */
void child_exec(const char *const argv[], const int *fds, size_t n) __attribute__((noreturn));
/* Close our ends; the process is not touched. */
void child_close(struct child *child);
/* A notice for the worker: lost when it is not there or does not read. */
void child_notify(
	const struct child *child, enum priv_notice notice, const void *data, size_t length);
/* It ended at now_ms: how long to wait before it is started again. Pure but for *child. */
unsigned int child_get_wait(struct child *child, uint64_t now_ms);
/* "exit code 1", "killed by signal 9 (Killed)" */
void child_describe_end(int status, char *out, size_t size);

#endif
