/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Push subscriptions: events delivered by POST to a destination that the administrator names, over
 * the pass-through NIC alone. Each has a cursor into the Lifecycle log, so nothing is queued in
 * memory. One that cannot be delivered to is tried PUSH_ATTEMPTS times more and then ended.
 */
#ifndef BMCLINK_ENDPOINT_PUSH_H
#define BMCLINK_ENDPOINT_PUSH_H

#include "endpoint/resource.h"

#define PUSH_MAX	   4
#define PUSH_ATTEMPTS	   3  /* after the first that failed */
#define PUSH_RETRY_SECONDS 30 /* between them */
#define PUSH_MAX_CONTEXT   256
#define PUSH_BATCH	   16 /* records in one event */

struct push;

/* Loads what was subscribed to before. */
int push_new(struct service *service, struct push **push);
void push_free(struct push *push); /* safe with NULL */
void push_wake(struct push *push); /* there are new records, or events were switched on */
/* The NIC or an address of it came: what failed before says nothing, nor does a try that has not
 * connected yet: it may have begun with another NIC's address as its source. */
void push_start_over(struct push *push);
void push_stop_sending(struct push *push); /* the NIC is gone; safe with NULL */

/* 0 and *id, -EINVAL with *why (static text): not a destination; -ENOSPC: too many; else not
 * saved. */
int push_add(struct push *push, const char *destination, const char *context, unsigned int *id,
	const char **why);
int push_remove(struct push *push, unsigned int id); /* durable; -ENOENT */
unsigned int push_list(const struct push *push, unsigned int ids[PUSH_MAX]);
/* NULL: there is none. Valid until it is removed. */
const char *push_get_destination(const struct push *push, unsigned int id);
const char *push_get_context(const struct push *push, unsigned int id);

#endif
