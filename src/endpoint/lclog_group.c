/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: what a record costs the flash. The first record after a quiet window is durable at
 * once. What comes within the window after a commit shares the next one: at its end, at
 * LCLOG_GROUP_MAX records, or when somebody asks for it (lclog_flush()), whichever is first. Nobody
 * sees a record before its commit.
 */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "endpoint/lclog_priv.h"

int lclog_step(struct lclog *log, enum lclog_statement which)
{
	sqlite3_stmt *s = log->statements[which];
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int lclog_group_begin(struct lclog *log)
{
	return log->pending ? SQLITE_OK : lclog_step(log, LCLOG_BEGIN);
}

/* The records and the end of the oldest ones, all or none. */
static int trim_and_commit(struct lclog *log, int64_t newest, int64_t *keep_from)
{
	int rc = SQLITE_OK;

	*keep_from = log->clearing ? newest : newest - (int64_t)log->max_records + 1;
	if (*keep_from > log->oldest) {
		sqlite3_bind_int64(log->statements[LCLOG_TRIM], 1, *keep_from - 1);
		rc = lclog_step(log, LCLOG_TRIM);
	}
	return rc == SQLITE_OK ? lclog_step(log, LCLOG_COMMIT) : rc;
}

/* The transaction is gone, and all that was in it. */
static void lose(struct lclog *log, unsigned int others, int rc)
{
	if (!sqlite3_get_autocommit(log->db))
		lclog_step(log, LCLOG_ROLLBACK);
	if (others && log->lost == 0)
		log_error(
			"lclog", "%u records could not be written: %s", others, sqlite3_errstr(rc));
	log->lost += others;
	log->lost_reason = rc;
	log->pending = 0;
}

int lclog_group_commit(struct lclog *log, unsigned int own)
{
	int64_t keep_from;
	int rc = trim_and_commit(log, log->pending_newest, &keep_from);

	if (log->timer)
		evtimer_del(log->timer);
	if (rc != SQLITE_OK) {
		lose(log, log->pending - own, rc);
		return rc;
	}
	log->newest = log->pending_newest;
	if (keep_from > log->oldest)
		log->oldest = keep_from;
	log->pending = 0;
	log->commits++;
	log->last_commit_ms = clock_get_ms(CLOCK_MONOTONIC);
	if (log->listener)
		log->listener(log->listener_arg);
	return SQLITE_OK;
}

/* May this record wait for others? */
static bool may_wait(struct lclog *log)
{
	int64_t left = log->last_commit_ms + log->window_ms - clock_get_ms(CLOCK_MONOTONIC);
	struct timeval tv = {(time_t)(left / 1000), (suseconds_t)(left % 1000) * 1000};

	if (!log->timer || left <= 0 || left > log->window_ms || log->pending >= LCLOG_GROUP_MAX)
		return false;
	return evtimer_pending(log->timer, NULL) || evtimer_add(log->timer, &tv) == 0;
}

int lclog_group_end(struct lclog *log, int rc)
{
	if (rc == SQLITE_OK) {
		log->pending++;
		log->pending_newest = sqlite3_last_insert_rowid(log->db);
		return may_wait(log) ? SQLITE_OK : lclog_group_commit(log, 1);
	}
	/* SQLite takes the whole transaction back, or only this record: the others may be saved. */
	if (log->pending && !sqlite3_get_autocommit(log->db))
		lclog_group_commit(log, 0);
	else
		lose(log, log->pending, rc);
	return rc;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	lclog_flush(arg);
}

int lclog_flush(struct lclog *log)
{
	if (!log->pending)
		return 0;
	return lclog_group_commit(log, 0) == SQLITE_OK ? 0 : -EIO;
}

int lclog_set_group(struct lclog *log, struct event_base *base, unsigned int window_ms)
{
	lclog_group_stop(log);
	log->timer = evtimer_new(base, on_timer, log);
	log->window_ms = window_ms;
	return log->timer ? 0 : -ENOMEM;
}

void lclog_group_stop(struct lclog *log)
{
	lclog_flush(log);
	if (log->timer)
		event_free(log->timer);
	log->timer = NULL;
}

uint64_t lclog_get_commits(const struct lclog *log)
{
	return log->commits;
}
