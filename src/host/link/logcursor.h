/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where we are in a BMC's log (LogEntryCollection, DSP0266 and the LogService schema). Pure: pages
 * in, new entries and the next page's path out. Entries are ordered by their position and Id, never
 * by time (clocks of a BMC jump). Stock BMCs differ: iDRAC has the newest first, 50 a page; bmcweb
 * and iLO the oldest; iLO updates entries in place, which then are no new ones.
 *
 *	path = log_cursor_begin(&cursor, entries);
 *	while (path)
 *		path = log_cursor_take(&cursor, the answer to GET path);
 *	r = log_cursor_end(&cursor, take, arg);
 */
#ifndef BMCLINK_HOST_LOGCURSOR_H
#define BMCLINK_HOST_LOGCURSOR_H

#include "host/link/logpage.h"

#define LOG_CURSOR_MAX_PAGES 200  /* of one reading; a BMC may have thousands of entries */
#define LOG_CURSOR_MAX_NEW   1000 /* of one reading: then the next one goes on (cut) */
#define LOG_CURSOR_RECENT    8

struct log_seen {
	char id[LOG_MAX_ID];
	char created[LOG_MAX_TIME]; /* "": not known */
};

struct log_cursor {
	/* what is durable (logstore.h) */
	char entries[LOG_MAX_PATH];
	char last[LOG_MAX_ID];	    /* the newest entry seen; "": none, ever */
	char created[LOG_MAX_TIME]; /* when that was; "": not known */
	char resume[LOG_MAX_PATH];  /* oldest first: the page that the next reading begins at */
	bool begun;		    /* the end of the log was seen once: what comes is new */
	enum log_order order;	    /* as learnt */
	/* The last ones, in any order: when the newest of a log is one of them, single entries were
	 * deleted; else the log was cleared. */
	struct log_seen recent[LOG_CURSOR_RECENT];
	unsigned int n_recent;

	bool top_skip; /* to be set: the service says that it knows $skip */

	/* of the last reading */
	unsigned int lost; /* not 0: new entries lay behind more pages than are read */
	bool cleared;	   /* the log had been cleared before, or its Ids began anew */
	bool cut;	   /* there is more: read again */

	/* of a reading under way */
	char next[LOG_MAX_PATH], page[LOG_MAX_PATH], back[LOG_MAX_PATH];
	char newest[LOG_MAX_ID], newest_created[LOG_MAX_TIME], tail[LOG_MAX_ID];
	char mark[LOG_MAX_ID];
	json_t *found; /* in the order of the log */
	struct log_seen seen[LOG_CURSOR_RECENT];
	unsigned int pages, n_seen;
	bool reading, failed, done, all, resumed, jumped, tail_seen;
};

/* Zeroed, or with last and begun from an earlier life. */
void log_cursor_init(struct log_cursor *cursor, const char *last);
void log_cursor_clear(struct log_cursor *cursor); /* frees; safe at any time */

/* The path of the first page; valid until the next call. Another log than before: from its end. */
const char *log_cursor_begin(struct log_cursor *cursor, const char *entries);
/* NULL: nothing more is to be read, or this was no page (page may be NULL: it could not be had). */
const char *log_cursor_take(struct log_cursor *cursor, const json_t *page);
/*
 * Deliver what is new, the oldest first, and move on. The first reading ever delivers nothing: it
 * finds the end. -EBADMSG: the reading failed, the cursor is where it was.
 */
typedef void (*log_cursor_fn)(const json_t *entry, void *arg);
int log_cursor_end(struct log_cursor *cursor, log_cursor_fn fn, void *arg);

#endif
