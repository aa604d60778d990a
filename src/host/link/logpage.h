/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One page of a LogEntryCollection (DSP0266, "Paging"; LogService and LogEntry schemas): what it
 * says of its order, its end and its next page. Pure; all of it was written by the other end.
 */
#ifndef BMCLINK_HOST_LOGPAGE_H
#define BMCLINK_HOST_LOGPAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define LOG_MAX_ID   64 /* bytes with NUL; a longer Id is an entry that is left out */
#define LOG_MAX_TIME 48
#define LOG_MAX_PATH 1024

enum log_order { LOG_ORDER_UNKNOWN, LOG_ORDER_NEWEST_FIRST, LOG_ORDER_OLDEST_FIRST };

#define LOG_INCOMPARABLE 2
/* Order of two Ids: numbers by number ("9" < "10", "1700000000_2" behind "1700000000_1"); -1, 0, 1,
 * or LOG_INCOMPARABLE. */
int log_id_compare(const char *a, const char *b);

/* Valid while the entry is; NULL: it has none that could be used. */
const char *log_entry_get_id(const json_t *entry);
const char *log_entry_get_created(const json_t *entry); /* "" when there is none */
/* Are these two moments known, and not the same? Offsets are reckoned with (RFC 3339). */
bool log_time_differs(const char *a, const char *b);

/* By the Ids; UNKNOWN with fewer than two. */
enum log_order log_page_get_order(const json_t *page);
/* The link as the service gives it; NULL: this is the last page. */
const char *log_page_get_next(const json_t *page);
/*
 * Pages that come round again (a service's mistake, or its malice): called for each page, with its
 * number from 1; mark is "" at first, and between. Finds a circle in a few rounds of it.
 */
bool log_page_is_repeated(const json_t *page, unsigned int number, char mark[LOG_MAX_ID]);
/*
 * The page that holds the last `keep` entries of the collection, without those between: by $skip
 * (DSP0266, "Query parameters"), where the service's own link pages by it or where it says that it
 * knows it (top_skip). -ENOENT: there is no such short cut.
 */
int log_page_jump(const json_t *page, const char *entries, bool top_skip, size_t keep, char *path,
	size_t size);

#endif
