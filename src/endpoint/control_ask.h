/* SPDX-License-Identifier: Apache-2.0 */
/* The asking side of the control socket (control.h), which needs no event loop. */
#ifndef BMCLINK_ENDPOINT_CONTROL_ASK_H
#define BMCLINK_ENDPOINT_CONTROL_ASK_H

#include <sys/un.h>

#include <jansson.h>

#define CONTROL_SOCKET	 "endpoint-control"
#define CONTROL_MAX_LINE 65536
#define CONTROL_PATIENCE 5 /* seconds */

/* Of the socket in this directory. -ENAMETOOLONG */
int control_make_address(const char *runtime_dir, struct sockaddr_un *address);
/* Ask a running endpoint; waits for the answer. -ECONNREFUSED, -ENOENT: none is running. */
int control_ask(const char *runtime_dir, const json_t *request, json_t **answer);

#endif
