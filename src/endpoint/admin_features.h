/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_ENDPOINT_ADMIN_FEATURES_H
#define BMCLINK_ENDPOINT_ADMIN_FEATURES_H

#include <jansson.h>

struct service;

/* The words behind `bmclink-endpoint` as a request; NULL: they are wrong. */
json_t *admin_features_request(int n, char **arguments);
json_t *admin_features_answer(struct service *service, const json_t *request);
json_t *admin_features_offline(int state_fd, const json_t *request); /* no endpoint runs */
void admin_features_print(const json_t *result);

#endif
