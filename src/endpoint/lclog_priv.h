/* SPDX-License-Identifier: Apache-2.0 */
/* What lclog.c and lclog_file.c share. */
#ifndef BMCLINK_ENDPOINT_LCLOG_PRIV_H
#define BMCLINK_ENDPOINT_LCLOG_PRIV_H

#include <sqlite3.h>

#include "endpoint/lclog.h"

enum lclog_statement {
	LCLOG_INSERT,
	LCLOG_TRIM,
	LCLOG_BEGIN,
	LCLOG_COMMIT,
	LCLOG_ROLLBACK,
	LCLOG_UP,
	LCLOG_DOWN,
	LCLOG_N_STATEMENTS,
};

struct lclog {
	char *path; /* NULL: in memory */
	sqlite3 *db;
	sqlite3_stmt *statements[LCLOG_N_STATEMENTS];
	unsigned int max_records;
	int64_t oldest, newest;
	uint64_t lost;	 /* since the last record that could be written */
	int lost_reason; /* SQLite's result code */
	bool clearing;	 /* the next commit keeps its last record only */
	bool telling;	 /* the record about lost ones is being written */
	void (*listener)(void *arg);
	void *listener_arg;
	struct event *timer; /* NULL: each record has a commit of its own */
	int64_t window_ms, last_commit_ms;
	unsigned int pending;	/* records in the open transaction; 0: none is open */
	int64_t pending_newest; /* id of the last of them */
	uint64_t commits;
};

/* lclog_group.c; SQLite's result codes. */
int lclog_step(struct lclog *log, enum lclog_statement which);
int lclog_group_begin(struct lclog *log);
/* rc: of the insertion between. Commits, or lets the record wait. */
int lclog_group_end(struct lclog *log, int rc);
/* own: records of these that the caller counts as lost himself when it fails. */
int lclog_group_commit(struct lclog *log, unsigned int own);
void lclog_group_stop(struct lclog *log);

/* Open log->path, moving a broken database aside; *moved says whether that was needed. Negative
 * errno: no database. */
int lclog_file_open(struct lclog *log, bool *moved);
void lclog_file_close(struct lclog *log);
/* Close, move aside, open a new one. */
int lclog_file_replace(struct lclog *log);
bool lclog_file_is_corrupt(int rc); /* of an SQLite result code */

#endif
