/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/push.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/state.h"
#include "base/text.h"
#include "base/util.h"
#include "endpoint/log_entry.h"
#include "endpoint/push_send.h"
#include "endpoint/service.h"

#define PUSH_FILE "push.json"
#define VERSION	  1

struct subscription {
	struct push *push;
	unsigned int id; /* 0: free */
	char destination[PUSH_URL_MAX + 1], context[PUSH_MAX_CONTEXT + 1];
	struct push_url url;
	int64_t cursor, sent; /* ids of the last record delivered, and on its way */
	unsigned int failures;
	struct push_send *send; /* NULL: nothing is on its way */
	struct event *timer;	/* the next try */
};

struct push {
	struct service *service;
	SSL_CTX *context;
	struct subscription list[PUSH_MAX];
	unsigned int last_id;
};

static struct subscription *find(const struct push *push, unsigned int id)
{
	for (unsigned int i = 0; i < PUSH_MAX; i++) {
		if (id && push->list[i].id == id)
			return (struct subscription *)&push->list[i];
	}
	return NULL;
}

static int save(const struct push *push)
{
	json_t *list = json_array(), *object;
	int r;

	for (unsigned int i = 0; i < PUSH_MAX; i++) {
		const struct subscription *s = &push->list[i];

		if (s->id)
			json_array_append_new(
				list, json_pack("{s:i, s:s, s:s}", "Id", (int)s->id, "Destination",
					      s->destination, "Context", s->context));
	}
	object = json_pack("{s:i, s:i, s:o}", "Version", VERSION, "LastId", (int)push->last_id,
		"Subscriptions", list);
	r = object ? state_write_json(push->service->state_fd, PUSH_FILE, object, 0600) : -ENOMEM;
	json_decref(object);
	if (r < 0)
		log_error("push", PUSH_FILE ": %s", strerror(-r));
	return r;
}

static void forget_try(struct subscription *s)
{
	push_send_free(s->send);
	s->send = NULL;
}

static void stop(struct subscription *s)
{
	forget_try(s);
	if (s->timer)
		event_free(s->timer);
	*s = (struct subscription){.push = s->push};
}

/* One event with several records in it, from the cursor on. */

struct batch {
	const struct service *service;
	json_t *event;
	int64_t last;
};

static bool add_record(const struct lclog_record *record, void *arg)
{
	struct batch *batch = arg;
	json_t *event = log_entry_event(batch->service, record), *one;
	char member[12];

	if (!event)
		return false;
	batch->last = record->id;
	if (!batch->event) {
		batch->event = event;
		return true;
	}
	one = json_array_get(json_object_get(event, "Events"), 0);
	snprintf(member, sizeof(member), "%zu",
		json_array_size(json_object_get(batch->event, "Events")));
	json_object_set_new(one, "MemberId", json_string(member));
	json_array_append(json_object_get(batch->event, "Events"), one);
	json_decref(event);
	return true;
}

static char *make_body(struct subscription *s)
{
	struct batch batch = {.service = s->push->service};
	char *text = NULL;

	lclog_read_up(s->push->service->log, s->cursor, PUSH_BATCH, add_record, &batch);
	if (!batch.event)
		return NULL;
	json_object_set_new(batch.event, "Context", json_string(s->context));
	text = json_dumps(batch.event, JSON_COMPACT);
	json_decref(batch.event);
	s->sent = batch.last;
	return text;
}

static void again(struct subscription *s, int seconds)
{
	struct timeval tv = {seconds, 0};

	evtimer_add(s->timer, &tv);
}

static void fail(struct subscription *s, const char *why)
{
	char destination[PUSH_URL_MAX + 1];
	struct push *push = s->push;

	log_warning("push", "%s: %s", s->destination, why);
	if (s->failures++ < PUSH_ATTEMPTS) {
		again(s, PUSH_RETRY_SECONDS);
		return;
	}
	/* DeliveryRetryPolicy TerminateAfterRetries. */
	snprintf(destination, sizeof(destination), "%s", s->destination);
	stop(s);
	save(push);
	lclog_emit(push->service->log, MSG_ISM1077, destination, why);
}

static void on_sent(const char *why, void *arg)
{
	struct subscription *s = arg;
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", why ? why : "");
	forget_try(s);
	if (*copy) {
		fail(s, copy);
		return;
	}
	s->failures = 0;
	s->cursor = s->sent;
	again(s, 0); /* there may be more */
}

static void deliver(struct subscription *s)
{
	struct service *service = s->push->service;
	unsigned int ifindex = service->listen ? listen_get_ifindex(service->listen) : 0;
	_cleanup_free_ char *body = NULL;
	int64_t oldest, newest;
	int r;

	lclog_get_range(service->log, &oldest, &newest);
	/* Without a NIC nothing is tried, and nothing fails: it is woken when the NIC is back. */
	if (s->send || !service->events_enabled || !ifindex || s->cursor >= newest)
		return;
	body = make_body(s);
	if (!body)
		return;
	r = push_send_start(
		&(struct push_sending){
			.base = service->base,
			.context = s->push->context,
			.url = &s->url,
			.ifindex = ifindex,
			.body = body,
			.length = strlen(body),
			.done = on_sent,
			.arg = s,
		},
		&s->send);
	if (r < 0)
		fail(s, r == -EPERM ? "it is an address of this BMC" : strerror(-r));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	deliver(arg);
}

void push_wake(struct push *push)
{
	for (unsigned int i = 0; push && i < PUSH_MAX; i++) {
		struct subscription *s = &push->list[i];

		/* From the loop; one that waits for its next try goes on waiting. */
		if (s->id && !s->send && !evtimer_pending(s->timer, NULL))
			again(s, 0);
	}
}

void push_start_over(struct push *push)
{
	for (unsigned int i = 0; i < PUSH_MAX; i++) {
		struct subscription *s = &push->list[i];

		s->failures = 0;
		if (s->send && !push_send_is_connected(s->send))
			forget_try(s);
		if (s->id && !s->send)
			again(s, 0);
	}
}

void push_stop_sending(struct push *push)
{
	for (unsigned int i = 0; push && i < PUSH_MAX; i++)
		forget_try(&push->list[i]);
}

static int begin(struct subscription *s, unsigned int id, const char *destination,
	const char *context, const char **why)
{
	int64_t oldest, newest;
	struct push_url url;

	if (push_url_parse(destination, &url, why) < 0)
		return -EINVAL;
	*why = "its context is too long, or has control characters";
	if (*context && !text_is_printable(context, PUSH_MAX_CONTEXT))
		return -EINVAL;
	s->timer = evtimer_new(s->push->service->base, on_timer, s);
	if (!s->timer)
		return -ENOMEM;
	s->id = id;
	s->url = url;
	snprintf(s->destination, sizeof(s->destination), "%s", destination);
	snprintf(s->context, sizeof(s->context), "%s", context);
	lclog_get_range(s->push->service->log, &oldest, &newest);
	s->cursor = newest; /* what happens from now on */
	return 0;
}

int push_add(struct push *push, const char *destination, const char *context, unsigned int *id,
	const char **why)
{
	struct subscription *s = NULL;
	int r;

	for (unsigned int i = 0; i < PUSH_MAX && !s; i++)
		s = push->list[i].id ? NULL : &push->list[i];
	if (!s)
		return -ENOSPC;
	r = begin(s, push->last_id + 1, destination, context, why);
	if (r < 0)
		return r;
	push->last_id++;
	r = save(push);
	if (r < 0) {
		stop(s);
		return r;
	}
	*id = s->id;
	return 0;
}

int push_remove(struct push *push, unsigned int id)
{
	struct subscription *s = find(push, id);

	if (!s)
		return -ENOENT;
	stop(s);
	return save(push);
}

unsigned int push_list(const struct push *push, unsigned int ids[PUSH_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PUSH_MAX; i++) {
		if (push->list[i].id)
			ids[n++] = push->list[i].id;
	}
	return n;
}

const char *push_get_destination(const struct push *push, unsigned int id)
{
	const struct subscription *s = find(push, id);

	return s ? s->destination : NULL;
}

const char *push_get_context(const struct push *push, unsigned int id)
{
	const struct subscription *s = find(push, id);

	return s ? s->context : NULL;
}

/* What was on its way when the endpoint ended is not sent again: it is in the log. */
static int load(struct push *push)
{
	json_t *object = NULL, *one;
	const char *why;
	size_t i;
	int r = state_read_json(push->service->state_fd, PUSH_FILE, &object);

	if (r < 0) {
		if (r != -ENOENT)
			log_error("push", PUSH_FILE ": %s: no subscription is kept", strerror(-r));
		return state_is_passing(r) ? r : 0;
	}
	push->last_id = (unsigned int)json_integer_value(json_object_get(object, "LastId"));
	json_array_foreach(json_object_get(object, "Subscriptions"), i, one)
	{
		const char *destination = json_string_value(json_object_get(one, "Destination"));
		const char *context = json_string_value(json_object_get(one, "Context"));
		unsigned int id = (unsigned int)json_integer_value(json_object_get(one, "Id"));

		if (i >= PUSH_MAX || !id || !destination || !context ||
			begin(&push->list[i], id, destination, context, &why) < 0)
			log_error("push", PUSH_FILE ": a subscription cannot be read");
	}
	json_decref(object);
	return 0;
}

int push_new(struct service *service, struct push **push)
{
	struct push *made = calloc(1, sizeof(*made));
	int r;

	if (made)
		made->context = push_send_context();
	if (!made || !made->context) {
		free(made);
		return -ENOMEM;
	}
	made->service = service;
	for (unsigned int i = 0; i < PUSH_MAX; i++)
		made->list[i].push = made;
	r = load(made);
	if (r < 0) {
		push_free(made);
		return r;
	}
	*push = made;
	return 0;
}

void push_free(struct push *push)
{
	if (!push)
		return;
	for (unsigned int i = 0; i < PUSH_MAX; i++)
		stop(&push->list[i]);
	SSL_CTX_free(push->context);
	free(push);
}
