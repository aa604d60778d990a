/* SPDX-License-Identifier: Apache-2.0 */
/* The BMC's log for people: `bmclinkctl log`, those who follow it, and the status. */
#include <stdio.h>
#include <string.h>

#include "host/agent_private.h"

#define LINES_DEFAULT 20

/* --- those who follow --- */

/* Was it in the list that this follower has had? */
static bool has_shown(const struct agent_log_feed *feed, const struct log_record *record)
{
	int r = feed->last[0] != '\0' ? log_id_compare(record->id, feed->last) : LOG_INCOMPARABLE;

	return r == 0 || r == -1;
}

void agent_log_begin_feeds_anew(struct agent *agent)
{
	for (size_t i = 0; i < agent->log.n_feeds; i++)
		agent->log.feeds[i].last[0] = '\0';
}

void agent_log_hand_over(struct agent *agent, const struct log_record *record)
{
	struct agent_log *log = &agent->log;
	size_t kept = 0;

	for (size_t i = 0; i < log->n_feeds; i++) {
		struct agent_log_feed *feed = &log->feeds[i];
		bool there = true;

		if (!has_shown(feed, record)) {
			there = control_append(
				agent->control, feed->client, log_record_to_json(record));
			feed->last[0] = '\0'; /* from here on all is new, also of a cleared log */
		}
		if (there)
			log->feeds[kept++] = *feed;
	}
	log->n_feeds = kept;
}

static void add_feed(struct agent *agent, uint64_t client, const json_t *entries)
{
	struct agent_log *log = &agent->log;
	const json_t *newest = json_array_get(entries, json_array_size(entries) - 1);
	const char *id = log_entry_get_id(newest);
	struct agent_log_feed *feed;

	/* More than there can be clients: the oldest is one that is gone. */
	if (log->n_feeds == AGENT_LOG_MAX_FEEDS)
		memmove(log->feeds, log->feeds + 1, --log->n_feeds * sizeof(log->feeds[0]));
	feed = &log->feeds[log->n_feeds++];
	feed->client = client;
	snprintf(feed->last, sizeof(feed->last), "%s", id != NULL ? id : "");
}

/* --- those who ask --- */

static struct agent_log_list take_list(struct agent_log *log)
{
	struct agent_log_list first = log->lists[0];

	memmove(log->lists, log->lists + 1, --log->n_lists * sizeof(log->lists[0]));
	return first;
}

static json_t *make_lines(const json_t *entries)
{
	json_t *lines = json_array(), *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		struct log_record record;

		log_record_read(entry, &record);
		json_array_append_new(lines, log_record_to_json(&record));
	}
	return lines;
}

void agent_log_answer_list(struct agent *agent)
{
	struct agent_log *log = &agent->log;
	struct agent_log_list list = take_list(log);
	bool partial = log->tail.partial;
	json_t *entries = log_tail_end(&log->tail);
	json_t *result = list.follow ? NULL
				     : json_pack("{s:s, s:b}", "service", log->store.service,
					       "partial", partial);

	if (list.follow)
		add_feed(agent, list.client, entries);
	control_answer(agent->control, list.client, list.follow ? CONTROL_LATER : CONTROL_DONE,
		"entry", make_lines(entries), result, "");
	json_decref(entries);
}

void agent_log_refuse_lists(struct agent *agent, enum control_exit code, const char *why)
{
	struct agent_log *log = &agent->log;
	char text[CONTROL_MAX_ERROR];

	if (code == CONTROL_UNAVAILABLE)
		snprintf(text, sizeof(text), "the BMC's log is unavailable: %s", why);
	else
		snprintf(text, sizeof(text), "the BMC's log could not be read: %s", why);
	while (log->n_lists > 0)
		control_answer(agent->control, take_list(log).client, code, "", NULL, NULL, text);
}

enum control_exit agent_log_ask(
	struct agent *agent, const json_t *request, char error[CONTROL_MAX_ERROR])
{
	struct agent_log *log = &agent->log;
	const json_t *number = json_object_get(request, "lines");
	json_int_t lines = number != NULL ? json_integer_value(number) : LINES_DEFAULT;

	if ((number != NULL && !json_is_integer(number)) || lines < 1 || lines > LOG_TAIL_MAX) {
		snprintf(error, CONTROL_MAX_ERROR, "'lines' is to be a number from 1 to %d",
			LOG_TAIL_MAX);
		return CONTROL_USAGE;
	}
	if (agent->current.channel == NULL) {
		snprintf(error, CONTROL_MAX_ERROR,
			"not connected to the BMC: `bmclinkctl status` says why");
		return CONTROL_NOT_CONNECTED;
	}
	if (log->n_lists == AGENT_LOG_MAX_LISTS) {
		snprintf(error, CONTROL_MAX_ERROR,
			"the BMC's log is being read for others: try again");
		return CONTROL_FAILED;
	}
	log->lists[log->n_lists++] =
		(struct agent_log_list){.client = control_get_client(agent->control),
			.lines = (size_t)lines,
			.follow = json_is_true(json_object_get(request, "follow"))};
	evtimer_add(log->timer, &(struct timeval){0});
	return CONTROL_LATER;
}

/* --- the status --- */

static const char *get_way(const struct agent *agent)
{
	if (agent->current.channel == NULL || agent->log.failures > 0 || agent->log.unread)
		return NULL;
	return channel_get_info(agent->current.channel)->events == CHANNEL_EVENTS_STREAM
		       ? "stream"
		       : "polling";
}

json_t *agent_log_get_status(const struct agent *agent)
{
	const struct agent_log *log = &agent->log;
	const char *way = get_way(agent), *reason = log->reason;

	if (agent->current.channel == NULL)
		reason = "not connected";
	else if (way == NULL && reason[0] == '\0')
		reason = "it was not read yet";
	return json_pack("{s:b, s:s?, s:s?, s:s?, s:o, s:I, s:I, s:I, s:s?}", "available",
		way != NULL, "service", log->store.service[0] ? log->store.service : NULL, "by",
		way, "last", log->cursor.last[0] ? log->cursor.last : NULL, "read",
		agent_make_time(log->read_at), "records", (json_int_t)log->records, "lost",
		(json_int_t)log->lost, "cleared", (json_int_t)log->cleared, "reason",
		way == NULL ? reason : NULL);
}
