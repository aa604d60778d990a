/* SPDX-License-Identifier: Apache-2.0 */
/* What a hook's program writes, as far as a maximum: the reading end of a pipe, and what came. */
#ifndef BMCLINK_ENDPOINT_HOOK_OUTPUT_H
#define BMCLINK_ENDPOINT_HOOK_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

struct hook_output {
	int fd; /* -1: closed */
	struct event *event;
	char *data;
	size_t length, size; /* size: a byte more than may come, for the NUL */
	bool flooded;	     /* more came than may */
};

/*
 * fn(arg) is called when there is something to drain. *writing_end: the program's, the caller
 * closes it. Negative errno: *output is to be closed all the same.
 */
int hook_output_open(struct hook_output *output, struct event_base *base, size_t maximum,
	event_callback_fn fn, void *arg, int *writing_end);
/* Take what there is now, without waiting. -EFBIG: it has just become more than may come; what came
 * before is kept, and the rest is not read any more. Safe with one that is closed. */
int hook_output_drain(struct hook_output *output);
void hook_output_close(struct hook_output *output); /* safe with one that is closed */

#endif
