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

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define LOG_CURSOR_MAX_ID    64 /* bytes with NUL; a longer Id is an entry that is left out */
#define LOG_CURSOR_MAX_PATH  1024
#define LOG_CURSOR_MAX_PAGES 200  /* of one reading; a BMC may have thousands of entries */
#define LOG_CURSOR_MAX_NEW   1000 /* of one reading: the newest of them, the rest is counted */

enum log_order { LOG_ORDER_UNKNOWN, LOG_ORDER_NEWEST_FIRST, LOG_ORDER_OLDEST_FIRST };

struct log_cursor {
	char last[LOG_CURSOR_MAX_ID]; /* the newest entry seen; "": none, ever */
	bool begun;		      /* the log was read once: what comes is new */
	enum log_order order;	      /* as learnt */
	unsigned int lost;	      /* new entries that were not delivered, of the last reading */
	bool cleared;		      /* the log had been cleared before the last reading */

	/* of a reading under way */
	char entries[LOG_CURSOR_MAX_PATH], next[LOG_CURSOR_MAX_PATH];
	char page[LOG_CURSOR_MAX_PATH];	  /* being read */
	char resume[LOG_CURSOR_MAX_PATH]; /* oldest first: the page that the next reading begins at
					   */
	char newest[LOG_CURSOR_MAX_ID];
	json_t *found; /* in the order of the log */
	unsigned int pages;
	bool reading, failed, done, all;
};

/* Zeroed, or with last and begun from an earlier life. */
void log_cursor_init(struct log_cursor *cursor, const char *last);
void log_cursor_clear(struct log_cursor *cursor); /* frees; safe at any time */

/* The path of the first page; valid until the next call. */
const char *log_cursor_begin(struct log_cursor *cursor, const char *entries);
/* NULL: nothing more is to be read, or this was no page (page may be NULL: it could not be had). */
const char *log_cursor_take(struct log_cursor *cursor, const json_t *page);
/*
 * Deliver what is new, the oldest first, and move on. The first reading ever delivers nothing: it
 * finds the place. -EBADMSG: the reading failed, the cursor is where it was.
 */
typedef void (*log_cursor_fn)(const json_t *entry, void *arg);
int log_cursor_end(struct log_cursor *cursor, log_cursor_fn fn, void *arg);

/* An entry came by an event. Is it new? Then the cursor is behind it from now on. */
bool log_cursor_note(struct log_cursor *cursor, const char *id);
/* Order of two Ids: numbers by number ("9" < "10", "1700000000_2" behind "1700000000_1"). 2: they
 * cannot be compared. */
int log_cursor_compare(const char *a, const char *b);

#endif
