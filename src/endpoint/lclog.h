/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Lifecycle log: records that outlive the process and a power cut, in SQLite (WAL, exclusive,
 * synchronous = FULL). It holds at most a maximum of records; the newest overwrite the oldest. Ids
 * grow by one and are never used again, so that they are cursors.
 *
 * A database that cannot be read is moved aside, not deleted, and a record says so, whether that is
 * seen when it is opened, read or written. Records that
 * could not be written (disk full) are counted, and the next one that can be is preceded by one
 * that tells how many were lost.
 */
#ifndef BMCLINK_ENDPOINT_LCLOG_H
#define BMCLINK_ENDPOINT_LCLOG_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/message.h"

#define LCLOG_FILE	   "lclog.db"
#define LCLOG_KEEP_CORRUPT 3 /* copies moved aside: lclog.db.corrupt-1 is the newest */

/* At the start a file of so many pages of 4 KiB is checked whole; of a longer one these records. */
#define LCLOG_CHECK_PAGES  2048
#define LCLOG_CHECK_NEWEST 5000
#define LCLOG_CHECK_OLDEST 500

struct lclog_record {
	int64_t id;	    /* from 1 */
	int64_t created_ms; /* CLOCK_REALTIME */
	enum message_severity severity;
	char message_id[16]; /* "ISM0050" */
	char message[MESSAGE_MAX_TEXT];
	char resolution[MESSAGE_MAX_TEXT];
	unsigned int n_args;
	char args[MESSAGE_MAX_ARGS][MESSAGE_MAX_ARG];
};

struct lclog;

/*
 * Open or make the log in a directory. -EBUSY: another process has it. Where the disk gives no
 * database at all, the log lives in memory and an error line says so: the service must go on.
 */
int lclog_open(const char *directory, unsigned int max_records, struct lclog **log);
void lclog_close(struct lclog *log); /* safe with NULL */
/* Takes effect at the next record. */
void lclog_set_maximum(struct lclog *log, unsigned int max_records);

/*
 * Group commit: at most one commit each window_ms by itself, beside those that lclog_flush() asks
 * for. Without it each record has a commit of its own. What has been appended and not committed is
 * lost by a power cut, but nobody has seen it either: it is in no answer and in no stream.
 */
#define LCLOG_GROUP_MAX 64
int lclog_set_group(struct lclog *log, struct event_base *base, unsigned int window_ms);
/* All that was appended is durable, or counted as lost (-EIO). To be called before an answer that
 * says so. */
int lclog_flush(struct lclog *log);
uint64_t lclog_get_commits(const struct lclog *log);

/* Called after each commit, from within the caller of lclog_append() or from the loop. One. */
void lclog_listen(struct lclog *log, void (*fn)(void *arg), void *arg);

/* As many const char * as the message has arguments. 0, or negative errno: counted as lost. */
int lclog_emit(struct lclog *log, enum message_id id, ...);
int lclog_append(struct lclog *log, enum message_id id, const char *const *args);

/* All records go but one that says who cleared it; ids go on. */
int lclog_clear(struct lclog *log, const char *by);

/* *oldest = 1 and *newest = 0 when there are none. */
void lclog_get_range(const struct lclog *log, int64_t *oldest, int64_t *newest);
int lclog_get(struct lclog *log, int64_t id, struct lclog_record *record); /* -ENOENT */

/*
 * Records one by one, valid only during the call; fn returns false to end. Up: those with id >
 * from, oldest first. Down: those with id <= from, newest first. Returns 0 or negative errno.
 */
typedef bool (*lclog_fn)(const struct lclog_record *record, void *arg);
int lclog_read_up(struct lclog *log, int64_t from, unsigned int limit, lclog_fn fn, void *arg);
int lclog_read_down(struct lclog *log, int64_t from, unsigned int limit, lclog_fn fn, void *arg);

/* For tests: no more than this many pages of 4 KiB, as if the disk were full behind them. */
int lclog_limit_pages(struct lclog *log, int pages);

#endif
