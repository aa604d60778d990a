/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's end of the control socket: who may connect (the socket's mode says: root and the
 * group) may read, and root (by SO_PEERCRED) may act. docs/control-protocol.md is the
 * specification: JSON objects, one a line, both ways.
 *
 * The commands are the agent's table. Two are known here because they stream: `events` is answered
 * here alone (from the event log, also as it grows), and `status`, when asked with "watch", is
 * answered again at each change (control_publish_status()).
 *
 * A client is not trusted and need not read: lines, clients and what waits to be sent are bounded.
 * Needs SIGPIPE ignored; of system calls, beyond those of the loop, accept4 and getsockopt.
 */
#ifndef BMCLINK_HOST_CONTROL_H
#define BMCLINK_HOST_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <event2/event.h>
#include <jansson.h>

#include "base/event.h"

#define CONTROL_MAX_LINE    65536  /* bytes of a request or an answer, with its newline */
#define CONTROL_MAX_CLIENTS 64	   /* all; others than root get half of it */
#define CONTROL_MAX_PER_UID 16	   /* not for root */
#define CONTROL_MAX_BACKLOG 131072 /* bytes not yet taken by a client; then it is not read from */
#define CONTROL_MAX_ERROR   512	   /* bytes of an error text */
#define CONTROL_MAX_QUEUED  2000   /* items that wait for one client */

enum control_exit { /* exit code that bmclinkctl shall end with */
	CONTROL_DONE = 0,
	CONTROL_FAILED = 1,
	CONTROL_USAGE = 2,
	CONTROL_NOT_CONNECTED = 3,
	CONTROL_UNAVAILABLE = 5, /* a feature, with the reason */
	CONTROL_LATER = 100,	 /* not an exit code: the answer comes by control_answer() */
};

struct control;

/*
 * Do a command. CONTROL_DONE: *result is a new reference (or NULL: an empty object). Else error (of
 * CONTROL_MAX_ERROR bytes, "" on entry) is a sentence for people. Must not free the control.
 * request is NULL (which jansson takes for an object without members) when `status` is run for
 * those who watch.
 */
typedef enum control_exit (*control_run_fn)(
	const json_t *request, json_t **result, char *error, void *arg);

struct control_command {
	const char *name;
	bool needs_root;
	control_run_fn run;
};

struct control_environment { /* copied; what it points to is borrowed and outlives the control */
	struct event_base *base;
	const struct control_command *commands;
	size_t n_commands;
	struct event_log *events; /* for `events`; the control listens to it by itself */
	void *arg;		  /* of the commands' functions */
};

/* listen_fd (listening, any mode) is the control's from then on, also on failure; -1: none. */
int control_new(
	const struct control_environment *environment, int listen_fd, struct control **control);
void control_free(struct control *control); /* safe with NULL */

/* The status has changed: those who watch get it, if it differs from what they had. */
void control_publish_status(struct control *control);

/*
 * Answers that take their time, and lists (control_later.c). From within a command that then
 * returns CONTROL_LATER: the number of its client, which is never 0 and never used again. A client
 * may go meanwhile; what is said to one that is gone is dropped.
 */
uint64_t control_get_client(const struct control *control);
/*
 * A list: {"NAME": item} for each of items (or NULL), as the client takes them; then the result,
 * or, with CONTROL_LATER, more of the list by control_append(), for ever. Another code: the error.
 * items and result are taken.
 */
void control_answer(struct control *control, uint64_t number, enum control_exit code,
	const char *name, json_t *items, json_t *result, const char *error);
/* One item more (taken). False: the client is gone. Where it does not keep up, items are dropped,
 * and it is told how many. */
bool control_append(struct control *control, uint64_t client, json_t *item);

/* A connected socket of a client with this uid, which is the control's from then on, also on
 * failure. For the accepting side, and for tests. */
int control_adopt(struct control *control, int fd, uid_t uid);
unsigned int control_count(const struct control *control);

#endif
