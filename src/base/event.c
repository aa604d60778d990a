/* SPDX-License-Identifier: Apache-2.0 */
#include "base/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"

#define LISTENERS_MAX 4

/* An event as the ring keeps it: arguments end to end, for 512 struct event would be 0.8 MB. */
struct entry {
	uint64_t sequence;
	struct timespec time, last;
	enum message_id id;
	bool flapping;
	unsigned int count, logged; /* logged: the count at the last log line */
	time_t logged_at, last_at;  /* s, CLOCK_MONOTONIC */
	char *args;		    /* n_args texts, each with its NUL; NULL: no memory was left */
	size_t args_length;
};

struct event_log {
	struct entry ring[EVENT_RING]; /* sequence n is at (n - 1) % EVENT_RING */
	uint64_t last;		       /* sequence of the newest, 0: none */
	event_clock_fn clock;
	void *clock_arg;
	unsigned int n_listeners;
	struct {
		event_listener_fn fn;
		void *arg;
	} listeners[LISTENERS_MAX];
};

static void read_clock(struct timespec *realtime, time_t *monotonic, void *arg)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, realtime);
	clock_gettime(CLOCK_MONOTONIC, &now);
	*monotonic = now.tv_sec;
}

int event_log_new(struct event_log **log)
{
	struct event_log *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->clock = read_clock;
	*log = made;
	return 0;
}

void event_log_set_clock(struct event_log *log, event_clock_fn clock, void *arg)
{
	log->clock = clock;
	log->clock_arg = arg;
}

uint64_t event_log_get_oldest(const struct event_log *log)
{
	return log->last > EVENT_RING ? log->last - EVENT_RING + 1 : 1;
}

uint64_t event_log_get_last(const struct event_log *log)
{
	return log->last;
}

static struct entry *get_entry(const struct event_log *log, uint64_t sequence)
{
	return (struct entry *)&log->ring[(sequence - 1) % EVENT_RING];
}

void event_log_listen(struct event_log *log, event_listener_fn fn, void *arg)
{
	if (log->n_listeners == LISTENERS_MAX) {
		log_error("event", "more than %d listeners: one is left out", LISTENERS_MAX);
		return;
	}
	log->listeners[log->n_listeners].fn = fn;
	log->listeners[log->n_listeners].arg = arg;
	log->n_listeners++;
}

void event_log_forget(struct event_log *log, event_listener_fn fn, void *arg)
{
	for (unsigned int i = 0; i < log->n_listeners; i++) {
		if (log->listeners[i].fn != fn || log->listeners[i].arg != arg)
			continue;
		log->listeners[i] = log->listeners[--log->n_listeners];
		return;
	}
}

static void unpack_entry(const struct entry *entry, struct event *event)
{
	unsigned int n = message_get(entry->id)->n_args;
	const char *at = entry->args;

	memset(event, 0, sizeof(*event));
	event->sequence = entry->sequence;
	event->time = entry->time;
	event->last = entry->last;
	event->id = entry->id;
	event->count = entry->count;
	for (unsigned int i = 0; at && i < n; i++) {
		size_t length = strlen(at);

		memcpy(event->args[i], at, length + 1);
		at += length + 1;
	}
}

static void get_args(const struct event *event, const char *args[MESSAGE_MAX_ARGS])
{
	for (unsigned int i = 0; i < MESSAGE_MAX_ARGS; i++)
		args[i] = event->args[i];
}

static enum log_level get_level(enum message_id id)
{
	switch (message_get(id)->severity) {
	case SEVERITY_CRITICAL:
		return LOG_LEVEL_ERR;
	case SEVERITY_WARNING:
		return LOG_LEVEL_WARNING;
	case SEVERITY_OK:
		break;
	}
	return LOG_LEVEL_NOTICE;
}

/* One log line for what of this entry was not logged yet. */
static void write_line(struct entry *entry, time_t now)
{
	static const char *const names[MESSAGE_MAX_ARGS] = {"BMCLINK_ARG1", "BMCLINK_ARG2",
		"BMCLINK_ARG3", "BMCLINK_ARG4", "BMCLINK_ARG5", "BMCLINK_ARG6"};
	const struct message *message = message_get(entry->id);
	struct log_field fields[4 + MESSAGE_MAX_ARGS];
	char text[MESSAGE_MAX_TEXT], line[MESSAGE_MAX_TEXT + 64], count[16], sequence[24];
	const char *args[MESSAGE_MAX_ARGS];
	struct event event;
	unsigned int n = 0, times = entry->count - entry->logged;

	unpack_entry(entry, &event);
	get_args(&event, args);
	message_format(entry->id, args, text, sizeof(text));
	if (entry->logged > 0)
		snprintf(line, sizeof(line), "%s: %s (%u more %s)", message->id, text, times,
			times == 1 ? "time" : "times");
	else
		snprintf(line, sizeof(line), "%s: %s", message->id, text);
	snprintf(count, sizeof(count), "%u", entry->count);
	snprintf(sequence, sizeof(sequence), "%llu", (unsigned long long)entry->sequence);
	fields[n++] = (struct log_field){"BMCLINK_EVENT", message->id};
	fields[n++] =
		(struct log_field){"BMCLINK_SEVERITY", message_severity_name(message->severity)};
	fields[n++] = (struct log_field){"BMCLINK_COUNT", count};
	fields[n++] = (struct log_field){"BMCLINK_SEQUENCE", sequence};
	for (unsigned int i = 0; i < message->n_args; i++)
		fields[n++] = (struct log_field){names[i], args[i]};
	entry->logged = entry->count;
	entry->logged_at = now;
	log_write_fields(get_level(entry->id), "event", fields, n, line);
}

enum flush {
	FLUSH_DUE,     /* what is told of once a minute */
	FLUSH_REPEATS, /* and what has repeated up to now; what flaps goes on behind others */
	FLUSH_ALL,
};

/* Repeats that no line has told of yet. */
static void flush_counts(struct event_log *log, enum flush what, time_t now)
{
	for (uint64_t s = event_log_get_oldest(log); s <= log->last; s++) {
		struct entry *entry = get_entry(log, s);

		if (entry->count > entry->logged &&
			(what == FLUSH_ALL || (what == FLUSH_REPEATS && !entry->flapping) ||
				now - entry->logged_at >= EVENT_REPEAT_SECONDS))
			write_line(entry, now);
	}
}

void event_log_flush(struct event_log *log)
{
	struct timespec realtime;
	time_t now;

	log->clock(&realtime, &now, log->clock_arg);
	flush_counts(log, FLUSH_ALL, now);
}

unsigned int event_log_flush_due(struct event_log *log)
{
	struct timespec realtime;
	unsigned int wait = 0;
	time_t now;

	log->clock(&realtime, &now, log->clock_arg);
	flush_counts(log, FLUSH_DUE, now);
	for (uint64_t s = event_log_get_oldest(log); s <= log->last; s++) {
		const struct entry *entry = get_entry(log, s);
		time_t left = entry->logged_at + EVENT_REPEAT_SECONDS - now;

		if (entry->count > entry->logged && (wait == 0 || left < (time_t)wait))
			wait = left > 0 ? (unsigned int)left : 1;
	}
	return wait;
}

void event_log_free(struct event_log *log)
{
	if (!log)
		return;
	event_log_flush(log);
	for (int i = 0; i < EVENT_RING; i++)
		free(log->ring[i].args);
	free(log);
}

static bool is_same(const struct entry *entry, enum message_id id, const char *args, size_t length)
{
	return entry->id == id && entry->args && entry->args_length == length &&
	       memcmp(entry->args, args, length) == 0;
}

/* The entry that this event repeats, or NULL. A flapping one is looked for behind others too, but
 * only as long as it still flaps: the same hours later is news. */
static struct entry *find_repeated(const struct event_log *log, enum message_id id,
	const char *args, size_t length, bool flapping, time_t now)
{
	for (uint64_t s = log->last; s >= event_log_get_oldest(log); s--) {
		struct entry *entry = get_entry(log, s);

		if (is_same(entry, id, args, length) &&
			(!flapping || s == log->last ||
				now - entry->last_at <= EVENT_REPEAT_SECONDS))
			return entry;
		if (!flapping)
			break;
	}
	return NULL;
}

static void tell_listeners(const struct event_log *log, const struct entry *entry)
{
	struct event event;

	unpack_entry(entry, &event);
	for (unsigned int i = 0; i < log->n_listeners; i++)
		log->listeners[i].fn(&event, log->listeners[i].arg);
}

static struct entry *add_entry(
	struct event_log *log, enum message_id id, const char *args, size_t length)
{
	struct entry *entry = get_entry(log, ++log->last);

	free(entry->args);
	memset(entry, 0, sizeof(*entry));
	entry->sequence = log->last;
	entry->id = id;
	entry->args = malloc(length + 1);
	if (entry->args) {
		memcpy(entry->args, args, length);
		entry->args_length = length;
	}
	return entry;
}

static void emit(struct event_log *log, enum message_id id, bool flapping, va_list list)
{
	char args[MESSAGE_MAX_ARGS * MESSAGE_MAX_ARG];
	size_t length = 0;
	struct timespec realtime;
	struct entry *entry;
	time_t now;

	for (unsigned int i = 0; i < message_get(id)->n_args; i++) {
		const char *arg = va_arg(list, const char *);

		arg = arg ? arg : "";
		length += text_make_printable(arg, strlen(arg), args + length, MESSAGE_MAX_ARG) + 1;
	}
	log->clock(&realtime, &now, log->clock_arg);
	entry = find_repeated(log, id, args, length, flapping, now);
	if (!entry) {
		/* What flaps is not said at each of its changes, or it would be a line each again.
		 */
		flush_counts(log, flapping ? FLUSH_DUE : FLUSH_REPEATS, now);
		entry = add_entry(log, id, args, length);
		entry->flapping = flapping;
		entry->time = realtime;
	}
	entry->last = realtime;
	entry->last_at = now;
	entry->count++;
	if (entry->logged == 0 || now - entry->logged_at >= EVENT_REPEAT_SECONDS)
		write_line(entry, now);
	tell_listeners(log, entry);
}

void event_emit(struct event_log *log, enum message_id id, ...)
{
	va_list list;

	va_start(list, id);
	emit(log, id, false, list);
	va_end(list);
}

void event_emit_flapping(struct event_log *log, enum message_id id, ...)
{
	va_list list;

	va_start(list, id);
	emit(log, id, true, list);
	va_end(list);
}

void event_log_each(const struct event_log *log, uint64_t after,
	bool (*fn)(const struct event *event, void *arg), void *arg)
{
	uint64_t oldest = event_log_get_oldest(log);
	struct event event;

	for (uint64_t s = after >= oldest ? after + 1 : oldest; s <= log->last; s++) {
		unpack_entry(get_entry(log, s), &event);
		if (!fn(&event, arg))
			return;
	}
}

static void format_time(const struct timespec *time, char *out, size_t size)
{
	struct tm tm;
	char seconds[32];

	gmtime_r(&time->tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, size, "%s.%03ldZ", seconds, time->tv_nsec / 1000000);
}

json_t *event_to_json(const struct event *event)
{
	const struct message *message = message_get(event->id);
	char text[MESSAGE_MAX_TEXT], resolution[MESSAGE_MAX_TEXT], first[64], last[64];
	const char *args[MESSAGE_MAX_ARGS];
	json_t *list = json_array();

	get_args(event, args);
	for (unsigned int i = 0; i < message->n_args; i++)
		json_array_append_new(list, json_string(args[i]));
	message_format(event->id, args, text, sizeof(text));
	message_format_resolution(event->id, args, resolution, sizeof(resolution));
	format_time(&event->time, first, sizeof(first));
	format_time(&event->last, last, sizeof(last));
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:i, s:s, s:s}", "sequence",
		(json_int_t)event->sequence, "time", first, "id", message->id, "severity",
		message_severity_name(message->severity), "text", text, "args", list, "count",
		(int)event->count, "last", last, "resolution", resolution);
}
