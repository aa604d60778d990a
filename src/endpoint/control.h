/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the command line reaches a running endpoint: a unix stream socket in the runtime directory,
 * for root only; one JSON object in a line asks, one answers.
 *   {"command": NAME, ...}  ->  {"result": {...}} or {"error": {"exit": N, "text": "..."}}
 * The endpoint alone writes its state while it runs.
 */
#ifndef BMCLINK_ENDPOINT_CONTROL_H
#define BMCLINK_ENDPOINT_CONTROL_H

#include <event2/event.h>
#include <jansson.h>

#include "endpoint/control_ask.h"

enum {
	CONTROL_EXIT_OK = 0,
	CONTROL_EXIT_FAILED = 1,
	CONTROL_EXIT_USAGE = 2,
	CONTROL_EXIT_NOT_RUNNING = 4
};

struct control;

/* The answer's "result" or "error" object: {"result": ...}; new reference. */
typedef json_t *(*control_fn)(const json_t *request, void *arg);

int control_new(struct event_base *base, const char *runtime_dir, control_fn fn, void *arg,
	struct control **control);
void control_free(struct control *control); /* safe with NULL */

json_t *control_make_error(int exit_code, const char *text);

#endif
