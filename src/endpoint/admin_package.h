/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's `bmclink-endpoint package ...`; admin.h has the frame. */
#ifndef BMCLINK_ENDPOINT_ADMIN_PACKAGE_H
#define BMCLINK_ENDPOINT_ADMIN_PACKAGE_H

#include <stdbool.h>

#include "endpoint/admin.h"

bool admin_package_is(const char *command);
/* a[0] is what stands behind "package". NULL: *exit_code, and it was said why. */
json_t *admin_package_make_request(int n, char **a, const char *usage, int *exit_code);
/*
 * Whoever asks reads the file and puts it where the endpoint finds it, for the endpoint may not
 * read what root may. Does nothing with other commands. NULL, or an answer with the error.
 */
json_t *admin_package_stage(const struct admin_place *place, json_t *request);
/* The running endpoint's answer, and what is done where none runs. */
json_t *admin_package_answer(struct service *service, const char *command, const json_t *request);
json_t *admin_package_act(int state_fd, const char *command, const json_t *request);
void admin_package_print(const json_t *result);

#endif
