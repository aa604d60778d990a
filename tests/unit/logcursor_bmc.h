/* SPDX-License-Identifier: Apache-2.0 */
/* A BMC's log as it is served, in pages, for the tests of the log cursor. */
#ifndef BMCLINK_TESTS_LOGCURSOR_BMC_H
#define BMCLINK_TESTS_LOGCURSOR_BMC_H

#include "host/link/logcursor.h"

#define ENTRIES "/redfish/v1/Log/Entries"

struct bmc { /* a log of numbers first..last, in pages */
	unsigned int first, last, page;
	bool newest_first;
	unsigned int asked;    /* pages */
	unsigned int grows_by; /* entries, after each page */
	unsigned int fails_at; /* page that cannot be had, counted from 1; 0: none */
	const char *prefix;    /* of an Id; NULL: none */
	const char *entries;   /* NULL: ENTRIES */
};

/* A log_cursor_end() callback: the entry's Id, behind a blank, to the text at arg. */
void take(const json_t *entry, void *arg);
/* One reading; out gets the Ids that were told. Returns what log_cursor_end() returns. */
int read_log(struct log_cursor *cursor, struct bmc *bmc, char *out);
/* One reading that tells these Ids, from so many pages; pages 0: any number. */
void assert_read(
	struct log_cursor *cursor, struct bmc *bmc, const char *expected, unsigned int pages);

/* A page of these Ids; the caller owns it. next: the link in it, or NULL. */
json_t *make_page(const char *const *ids, size_t n, const char *created, const char *next);
/* Such a page to the cursor, which then wants the page at expected; NULL: none. */
void take_page(struct log_cursor *cursor, const char *const *ids, size_t n, const char *created,
	const char *next, const char *expected);

#endif
