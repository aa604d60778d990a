/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest entries of a BMC's log, for people to read: pure, as logcursor.h, and with no memory
 * of its own. At most LOG_TAIL_MAX_PAGES pages are asked for.
 */
#ifndef BMCLINK_HOST_LOGTAIL_H
#define BMCLINK_HOST_LOGTAIL_H

#include "host/link/logpage.h"

#define LOG_TAIL_MAX	   1000 /* entries */
#define LOG_TAIL_MAX_PAGES 50

struct log_tail {
	size_t wanted;
	bool top_skip;
	char entries[LOG_MAX_PATH], next[LOG_MAX_PATH], page[LOG_MAX_PATH], back[LOG_MAX_PATH];
	char mark[LOG_MAX_ID];
	enum log_order order;
	unsigned int pages;
	bool jumped, done;
	bool partial;  /* there were more pages than are read: not the newest, or not all */
	json_t *found; /* in the order of the log */
};

/* The path of the first page; NULL: it is none. */
const char *log_tail_begin(
	struct log_tail *tail, const char *entries, size_t wanted, bool top_skip);
const char *log_tail_take(struct log_tail *tail, const json_t *page);
/* The entries, oldest first: a new reference; NULL: the reading failed. Ends the reading. */
json_t *log_tail_end(struct log_tail *tail);
void log_tail_clear(struct log_tail *tail);

#endif
