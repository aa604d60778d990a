/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-Sent Events (WHATWG HTML, clause 9.2; DSP0266, clause "Server-sent events"): each record
 * of the Lifecycle log as a Redfish Event, `id:` is the record's Id. A stream is a cursor into the
 * log: a slow reader costs a few kilobytes, not a queue, and Last-Event-ID is where it begins.
 */
#ifndef BMCLINK_ENDPOINT_SSE_H
#define BMCLINK_ENDPOINT_SSE_H

#include "endpoint/resource.h"

#define SSE_MAX_STREAMS 8
#define SSE_MAX_QUEUED	65536 /* bytes on their way to one reader */

struct sse;

int sse_new(struct service *service, struct sse **sse);
void sse_free(struct sse *sse); /* the streams must be closed before; safe with NULL */

/* Answer a request with a stream. */
void sse_open(struct sse *sse, struct request *request);
unsigned int sse_count(const struct sse *sse);
/* Of hosts, not of administrators. */
unsigned int sse_count_hosts(const struct sse *sse);
/* The host whose stream has been there the longest; false: there is none. Static texts. */
struct sse_host {
	const char *protocol; /* "IPv4" */
	const char *security; /* "TLS 1.3" */
	int64_t since_ms;     /* CLOCK_REALTIME */
};
bool sse_get_host(const struct sse *sse, struct sse_host *host);
/* Streams are subscriptions: their ids, oldest first; returns how many. */
unsigned int sse_list(const struct sse *sse, unsigned int ids[SSE_MAX_STREAMS]);
/* The reader's address; NULL: there is no such stream. Valid until the stream ends. */
const char *sse_find(const struct sse *sse, unsigned int id);
void sse_close_id(struct sse *sse, unsigned int id, const char *reason);
void sse_close_all(struct sse *sse, const char *reason);

#endif
