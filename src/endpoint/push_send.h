/* SPDX-License-Identifier: Apache-2.0 */
/* One delivery of an event: a connection over the NIC and over nothing else, TLS, a POST, the
 * status of its answer. */
#ifndef BMCLINK_ENDPOINT_PUSH_SEND_H
#define BMCLINK_ENDPOINT_PUSH_SEND_H

#include <stdbool.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "endpoint/push_url.h"

#define PUSH_SEND_SECONDS 10 /* for all of it */

struct push_send;

struct push_sending {
	struct event_base *base;
	SSL_CTX *context;
	const struct push_url *url; /* borrowed during the call */
	unsigned int ifindex;
	const char *body; /* borrowed during the call */
	size_t length;
	/* Once, from the loop: why is NULL when it was taken (2xx), else why not, printable. */
	void (*done)(const char *why, void *arg);
	void *arg;
};

SSL_CTX *push_send_context(void); /* NULL: no memory */
/* -EPERM: the destination is an address of this machine. Then, and on failure, done() is not
 * called. */
int push_send_start(const struct push_sending *sending, struct push_send **send);
bool push_send_is_connected(const struct push_send *send); /* with TLS: it may have been taken */
void push_send_free(struct push_send *send); /* done() is not called any more; safe with NULL */

#endif
