/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message catalogue. data/messages.json (a Redfish MessageRegistry, DSP0266) is the one source:
 * the build makes message-table.h from it (enum message_id and the table behind message_get()), the
 * endpoint serves it, and the manual's list is printed from it.
 */
#ifndef BMCLINK_BASE_MESSAGE_H
#define BMCLINK_BASE_MESSAGE_H

#include <stddef.h>

#include "message-table.h" /* enum message_id { MSG_ISM0003, ..., MSG_COUNT }; made by the build */

#define MESSAGE_MAX_ARGS 6
#define MESSAGE_MAX_ARG	 256 /* bytes with NUL */
#define MESSAGE_MAX_TEXT 1024

enum message_severity { SEVERITY_OK, SEVERITY_WARNING, SEVERITY_CRITICAL };

struct message {
	const char *id; /* "ISM0004" */
	enum message_severity severity;
	unsigned int n_args;
	const char *text;	/* with %1 .. %n_args */
	const char *resolution; /* what to do; "None." when nothing */
};

const struct message *message_get(enum message_id id);
/* -ENOENT when there is no such id text ("ISM0004"). */
int message_find(const char *id, enum message_id *found);
const char *message_severity_name(enum message_severity severity); /* "OK", "Warning", "Critical" */

/* The text with its arguments put in, made printable. args has the message's n_args entries.
 * Returns length. */
size_t message_format(enum message_id id, const char *const *args, char *out, size_t size);
/* The same for what to do about it: some resolutions take an argument too. */
size_t message_format_resolution(
	enum message_id id, const char *const *args, char *out, size_t size);

#endif
