/* SPDX-License-Identifier: Apache-2.0 */
/* What the channel probe was told on its command line, and what it sees. */
#ifndef BMCLINK_TESTS_CHANNEL_PROBE_H
#define BMCLINK_TESTS_CHANNEL_PROBE_H

#include <stdbool.h>
#include <time.h>

#include "host/link/channel.h"
#include "host/link/logcursor.h"
#include "host/link/logwalk.h"

#define MAX_REQUESTS 32

struct probe {
	struct event_base *base;
	struct channel *channel;
	struct settings settings;
	struct trust_store store;
	struct cert_pair pair;
	struct channel_environment environment;
	struct channel_target target;
	json_t *out, *pushed, *answers;
	struct timespec started;
	struct event *stop;
	const char *requests[MAX_REQUESTS]; /* "METHOD PATH [BODY]" */
	unsigned int n_requests, n_answers;
	time_t now; /* 0: the real clock */
	long stay_ms, max_pushed, max_socket_calls, socket_calls;
	bool keep_alive, sandbox, close_in_done, close_in_push, end_session;
	const char *password; /* "-ERRNO": as if the monitor refused it */
	struct channel_memory memory;
	json_t *events;	      /* the life line, as it changed */
	const char *read_log; /* path of a log's entries */
	struct log_cursor cursor;
	struct log_walk walk;
	json_t *log;
};

/* The defaults, then the options; -EINVAL for one that cannot be, and without --address. The texts
 * in probe are those of argv. */
int probe_parse_options(struct probe *probe, int argc, char **argv);

#endif
