/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BMC's log as the agent reads it. One cursor, durable, moves over it; each new record is
 * handed over once, by agent_log_hand_over(). The event stream is the bell and the log is the
 * truth: an event of whatever form leads to a reading, and where there is no stream, or one that
 * may leave things out, the log is read by the clock.
 *
 * agent_log.c reads; agent_log_answer.c tells people, and those who follow.
 */
#ifndef BMCLINK_HOST_AGENT_LOG_H
#define BMCLINK_HOST_AGENT_LOG_H

#include <event2/event.h>

#include "host/control.h"
#include "host/link/backoff.h"
#include "host/link/logcursor.h"
#include "host/link/logfind.h"
#include "host/link/logrecord.h"
#include "host/link/logstore.h"
#include "host/link/logtail.h"
#include "host/link/logwalk.h"

#define AGENT_LOG_BELL_MS      50     /* from an event to a reading: several come together */
#define AGENT_LOG_GAP_MS       1000   /* between two readings, whatever rings */
#define AGENT_LOG_POLL_MS      30000  /* without a stream; jitter only shortens */
#define AGENT_LOG_CARE_MS      600000 /* beside a stream that may not carry every record */
#define AGENT_LOG_RETRY_MS     30000  /* after a failure, doubling */
#define AGENT_LOG_MAX_RETRY_MS 3600000
#define AGENT_LOG_MAX_LISTS    4 /* that wait; each reads pages of the BMC's */
#define AGENT_LOG_MAX_FEEDS    CONTROL_MAX_CLIENTS

enum agent_log_job { AGENT_LOG_IDLE, AGENT_LOG_FINDS, AGENT_LOG_READS, AGENT_LOG_LISTS };

struct agent_log_list { /* bmclinkctl log, waiting */
	uint64_t client;
	size_t lines;
	bool follow;
};

struct agent_log_feed { /* bmclinkctl log --follow */
	uint64_t client;
	char last[LOG_MAX_ID]; /* the newest that its list has shown */
};

struct agent_log {
	struct log_store store;
	struct log_cursor cursor;
	struct log_find find;
	struct log_tail tail;
	struct log_walk walk;
	enum agent_log_job job;
	const struct channel *channel; /* that the job is, or was, on; compared, never used */
	bool found;		       /* store.service and cursor.entries are this BMC's */
	bool rung;		       /* there is news */
	bool unread;		       /* not read since the connection was made */
	struct event *timer;
	uint64_t read_ms; /* when the last reading ended, agent_now(); 0: never */
	time_t read_at;	  /* the same for people */
	unsigned int failures;
	struct backoff backoff; /* its jitter */
	char reason[192];	/* why it cannot be read; "" */
	uint64_t records, lost, cleared;
	struct agent_log_list lists[AGENT_LOG_MAX_LISTS];
	size_t n_lists;
	struct agent_log_feed feeds[AGENT_LOG_MAX_FEEDS];
	size_t n_feeds;
};

struct agent;

int agent_log_start(struct agent *agent); /* the cursor, from the state directory */
void agent_log_clear(struct agent *agent);
void agent_log_connected(struct agent *agent);
void agent_log_disconnected(struct agent *agent);
void agent_log_ring(struct agent *agent);   /* an event came, or the stream was opened */
void agent_log_forget(struct agent *agent); /* another BMC is trusted from now on */

/* agent_log_answer.c */
/* Each new record, once and in order. Here the records leave for whoever wants them. After a kill
 * -9 between this and the cursor's fsync those of one reading may come again, with the Ids they
 * had. */
void agent_log_hand_over(struct agent *agent, const struct log_record *record);
void agent_log_begin_feeds_anew(struct agent *agent); /* the log was cleared: all Ids are new */
enum control_exit agent_log_ask(
	struct agent *agent, const json_t *request, char error[CONTROL_MAX_ERROR]);
void agent_log_answer_list(struct agent *agent); /* the first that waits, with what was read */
void agent_log_refuse_lists(struct agent *agent, enum control_exit code, const char *why);
json_t *agent_log_get_status(const struct agent *agent);

#endif
