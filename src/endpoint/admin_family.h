/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's commands by families: the first word behind `bmclink-endpoint`, one file each
 * in the table of admin.c. A command travels as {"command": "WORD" or "WORD-VERB", ...}
 * (control.h); the answers are control.h's objects, new references.
 */
#ifndef BMCLINK_ENDPOINT_ADMIN_FAMILY_H
#define BMCLINK_ENDPOINT_ADMIN_FAMILY_H

#include <stdbool.h>

#include <jansson.h>

#include "endpoint/admin.h"

struct admin_family {
	const char *word;
	bool has_verbs; /* commands are "WORD-VERB"; else "WORD" alone */
	/* a[0] is the word. NULL: *exit_code, and it was said why; admin_say_usage() does both. */
	json_t *(*make_request)(int n, char **a, int *exit_code);
	/* Before it is sent, on the caller's side: NULL, or an answer with the error. May be NULL.
	 */
	json_t *(*prepare)(const struct admin_place *place, json_t *request);
	/* The running endpoint's. */
	json_t *(*answer)(struct service *service, const char *command, const json_t *request);
	/* Where none runs, under its lock. NULL, also as an answer: that needs it to run. */
	json_t *(*act)(int state_fd, const char *command, const json_t *request);
	void (*print)(const json_t *result); /* NULL: success has nothing to say */
};

extern const struct admin_family admin_certificate, admin_features, admin_ipmi, admin_notice,
	admin_package, admin_password, admin_trust;

/* Prints it to stderr. Returns NULL. */
json_t *admin_say_usage(int *exit_code);
/* {"command": command} */
json_t *admin_make_request(const char *command);
/* {"result": result}; takes it, NULL: an empty one. */
json_t *admin_make_result(json_t *result);
/* Of 0 or a negative errno. */
json_t *admin_make_outcome(int r);
json_t *admin_refuse_command(void); /* there is no such one */

#endif
