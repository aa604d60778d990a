/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: what an administrator must know. A bounded ring in memory (read by `bmclinkctl events`),
 * each also a line in the log with structured fields. The same event repeated without another
 * between is one log line at once, then one line with a count before another event is told of, or
 * after EVENT_REPEAT_SECONDS; the ring keeps one entry with its count.
 */
#ifndef BMCLINK_BASE_EVENT_H
#define BMCLINK_BASE_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <jansson.h>

#include "base/message.h"

#define EVENT_RING	     512
#define EVENT_REPEAT_SECONDS 60

struct event {
	uint64_t sequence;    /* from 1, no gaps */
	struct timespec time; /* CLOCK_REALTIME of the first */
	struct timespec last; /* of the last repeat; the same as time when count is 1 */
	enum message_id id;
	unsigned int count;			      /* how often, for an event that repeats */
	char args[MESSAGE_MAX_ARGS][MESSAGE_MAX_ARG]; /* printable */
};

struct event_log;

/* Listeners (at most 4) must not emit. Called for each new event and each change of a count; the
 * event is valid only during the call. */
typedef void (*event_listener_fn)(const struct event *event, void *arg);

int event_log_new(struct event_log **log);
void event_log_free(struct event_log *log);
void event_log_listen(struct event_log *log, event_listener_fn fn, void *arg);
void event_log_forget(struct event_log *log, event_listener_fn fn, void *arg);

/* Variadic: as many const char * as the message has arguments. NULL counts as "". Never fails. */
void event_emit(struct event_log *log, enum message_id id, ...);
/* As event_emit; flapping is for events of a link that comes and goes: repeats are counted even
 * with others between, and only time leads to a line with the count. */
void event_emit_flapping(struct event_log *log, enum message_id id, ...);

/* Log lines for counts that no line has told of yet (at a stop). */
void event_log_flush(struct event_log *log);
/* The same for those whose EVENT_REPEAT_SECONDS are over; returns the seconds until the next of
 * them is, 0: no count is pending. The owner's timer need run only then. */
unsigned int event_log_flush_due(struct event_log *log);

/* For tests in virtual time; seconds. */
typedef void (*event_clock_fn)(struct timespec *realtime, time_t *monotonic, void *arg);
void event_log_set_clock(struct event_log *log, event_clock_fn clock, void *arg);

uint64_t event_log_get_oldest(const struct event_log *log); /* sequence; 1 when there is none */
uint64_t event_log_get_last(const struct event_log *log);   /* sequence; 0 when there is none */
/* Oldest first, those with sequence > after. fn returns false to end. */
void event_log_each(const struct event_log *log, uint64_t after,
	bool (*fn)(const struct event *event, void *arg), void *arg);

/* {"sequence", "time" (RFC 3339, UTC, ms), "id", "severity", "text", "args", "count",
 * "last" (as "time"), "resolution"}; new reference. */
json_t *event_to_json(const struct event *event);

#endif
