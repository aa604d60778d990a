/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carry out what a core that knows no I/O wants to read (logfind.h, logcursor.h, logtail.h): one
 * GET after the other over a connected channel.
 */
#ifndef BMCLINK_HOST_LOGWALK_H
#define BMCLINK_HOST_LOGWALK_H

#include "host/link/channel.h"

struct log_walk {
	void *core;
	/* The answer to the last path; the next one (valid until the next call), or NULL: done.
	 * body is NULL when there is none that is JSON, status 0 when the channel is lost. */
	const char *(*take)(void *core, int status, const json_t *body);
	/* Later and once; may start the walk again, but for when the channel is being closed. */
	void (*done)(void *arg);
	void *arg;
	int status; /* of the last answer; -1: the path was none that may be asked for */
	struct channel *channel; /* while walking */
};

/* -EBUSY: it walks already; -EINVAL: path is NULL; other errors of channel_request(): done() is not
 * called. */
int log_walk_start(struct log_walk *walk, struct channel *channel, const char *path);

#endif
