/* SPDX-License-Identifier: Apache-2.0 */
/* The Lifecycle log's database file: opened, checked, moved aside. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/state.h"
#include "base/util.h"
#include "endpoint/lclog_priv.h"

/*
 * Exclusive locking comes first: WAL then needs no shared memory file, which flash file systems do
 * not always have. The small caches are for machines of the BMC's size.
 */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
			       "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA trusted_schema = OFF;"
			       "PRAGMA cell_size_check = ON;"
			       "PRAGMA cache_size = -256;"
			       "PRAGMA wal_autocheckpoint = 64;"
			       "PRAGMA journal_size_limit = 524288;";

static const char schema[] = "CREATE TABLE IF NOT EXISTS records ("
			     "id INTEGER PRIMARY KEY AUTOINCREMENT,"
			     "created INTEGER NOT NULL,"
			     "severity INTEGER NOT NULL,"
			     "message_id TEXT NOT NULL,"
			     "message TEXT NOT NULL,"
			     "resolution TEXT NOT NULL,"
			     "args TEXT NOT NULL);"
			     "PRAGMA user_version = 1;";

static const char *const statements[LCLOG_N_STATEMENTS] = {
	[LCLOG_INSERT] = "INSERT INTO records (created, severity, message_id, message, resolution,"
			 " args) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[LCLOG_TRIM] = "DELETE FROM records WHERE id <= ?1",
	[LCLOG_BEGIN] = "BEGIN IMMEDIATE",
	[LCLOG_COMMIT] = "COMMIT",
	[LCLOG_ROLLBACK] = "ROLLBACK",
	[LCLOG_UP] = "SELECT id, created, severity, message_id, message, resolution, args"
		     " FROM records WHERE id > ?1 ORDER BY id LIMIT ?2",
	[LCLOG_DOWN] = "SELECT id, created, severity, message_id, message, resolution, args"
		       " FROM records WHERE id <= ?1 ORDER BY id DESC LIMIT ?2",
};

/* Before the first database: no pages in advance, no pool of small blocks; 130 kB less. Said again
 * later it changes nothing. */
static void configure_memory(void)
{
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}

bool lclog_file_is_corrupt(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB ||
	       (rc & 0xff) == SQLITE_MISMATCH;
}

/* One number or text of a statement without parameters; -1 when it gives none. */
static int64_t query_number(sqlite3 *db, const char *sql, int *rc)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;

	*rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (*rc == SQLITE_OK) {
		*rc = sqlite3_step(statement);
		if (*rc == SQLITE_ROW) {
			value = sqlite3_column_int64(statement, 0);
			*rc = SQLITE_OK;
		}
	}
	sqlite3_finalize(statement);
	return value;
}

/* The rows at one end, each byte of them: what a power cut may have hit is where writing was. */
static int check_end(sqlite3 *db, const char *order, int rows)
{
	char sql[256];
	int rc;

	snprintf(sql, sizeof(sql),
		"SELECT sum(length(message_id) + length(message) + length(resolution) +"
		" length(args)) FROM (SELECT * FROM records ORDER BY id %s LIMIT %d)",
		order, rows);
	query_number(db, sql, &rc);
	return rc;
}

static int check_all(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW) {
			const char *text = (const char *)sqlite3_column_text(statement, 0);

			rc = text && strcmp(text, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
		}
	}
	sqlite3_finalize(statement);
	return rc;
}

/*
 * Looking at everything takes 0.15 s for 100,000 records in memory, and ten times that on flash: a
 * BMC has its port to open. Of a long log only the ends are looked at; damage between them is found
 * when it is read (lclog.c).
 */
static int check_integrity(sqlite3 *db)
{
	int rc;
	int64_t pages = query_number(db, "PRAGMA page_count", &rc);

	if (rc == SQLITE_OK && pages <= LCLOG_CHECK_PAGES)
		return check_all(db);
	if (rc == SQLITE_OK)
		rc = check_end(db, "DESC", LCLOG_CHECK_NEWEST);
	if (rc == SQLITE_OK)
		rc = check_end(db, "ASC", LCLOG_CHECK_OLDEST);
	return rc;
}

static int prepare(struct lclog *log)
{
	int rc = SQLITE_OK;

	log->newest = query_number(log->db,
		"SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'records'), 0)",
		&rc);
	if (rc == SQLITE_OK)
		log->oldest =
			query_number(log->db, "SELECT coalesce(min(id), 0) FROM records", &rc);
	if (rc == SQLITE_OK && !log->oldest)
		log->oldest = log->newest + 1;
	for (int i = 0; rc == SQLITE_OK && i < LCLOG_N_STATEMENTS; i++)
		rc = sqlite3_prepare_v3(log->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			&log->statements[i], NULL);
	return rc;
}

static int open_once(struct lclog *log)
{
	int64_t version;
	int rc;

	configure_memory();
	rc = sqlite3_open_v2(log->path ? log->path : ":memory:", &log->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);

	if (rc == SQLITE_OK)
		sqlite3_db_config(log->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(log->db, settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = check_integrity(log->db);
	if (rc == SQLITE_OK) {
		version = query_number(log->db, "PRAGMA user_version", &rc);
		if (rc == SQLITE_OK && version != 0 && version != 1)
			rc = SQLITE_MISMATCH;
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(log->db, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = prepare(log);
	/* Another schema under our name is not ours to read. */
	if (rc == SQLITE_ERROR)
		rc = SQLITE_MISMATCH;
	if (rc != SQLITE_OK)
		log_error(
			"lclog", "%s: %s", log->path ? log->path : "in memory", sqlite3_errstr(rc));
	return rc;
}

void lclog_file_close(struct lclog *log)
{
	for (int i = 0; i < LCLOG_N_STATEMENTS; i++) {
		sqlite3_finalize(log->statements[i]);
		log->statements[i] = NULL;
	}
	sqlite3_close_v2(log->db);
	log->db = NULL;
}

static void move(const char *from, const char *to)
{
	if (rename(from, to) < 0 && errno != ENOENT)
		log_error("lclog", "%s not moved to %s: %s", from, to, strerror(errno));
}

/* lclog.db -> .corrupt-1 -> .corrupt-2 -> ...; the write-ahead log goes with its database. */
static void move_aside(const char *path)
{
	static const char *const suffixes[] = {"", "-wal"};

	for (size_t s = 0; s < ARRAY_SIZE(suffixes); s++) {
		for (int i = LCLOG_KEEP_CORRUPT; i >= 1; i--) {
			_cleanup_free_ char *from = NULL;
			_cleanup_free_ char *to = NULL;
			int n;

			if (i > 1)
				n = asprintf(&from, "%s.corrupt-%d%s", path, i - 1, suffixes[s]);
			else
				n = asprintf(&from, "%s%s", path, suffixes[s]);
			if (n < 0 || asprintf(&to, "%s.corrupt-%d%s", path, i, suffixes[s]) < 0)
				return;
			move(from, to);
		}
	}
}

static int to_errno(int rc, int system)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_CANTOPEN:
		return state_is_passing(-system) ? -system : -EIO;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	default:
		return -EIO;
	}
}

int lclog_file_open(struct lclog *log, bool *moved)
{
	int system, rc = open_once(log);

	*moved = false;
	/* A reading that failed once, or the memory for it, is no damage. */
	if (rc != SQLITE_OK && log->path) {
		lclog_file_close(log);
		rc = open_once(log);
	}
	if (rc == SQLITE_OK)
		return 0;
	system = sqlite3_system_errno(log->db);
	lclog_file_close(log);
	if (!lclog_file_is_corrupt(rc) || !log->path)
		return to_errno(rc, system);
	move_aside(log->path);
	*moved = true;
	rc = open_once(log);
	system = sqlite3_system_errno(log->db);
	if (rc != SQLITE_OK)
		lclog_file_close(log);
	return to_errno(rc, system);
}

/* Streams, pushes and hosts have ids of the old one as their cursors: the new one goes on behind.
 */
static int go_on_behind(struct lclog *log, int64_t newest)
{
	char sql[96];
	int rc;

	snprintf(sql, sizeof(sql),
		"INSERT INTO sqlite_sequence (name, seq) VALUES ('records', %lld)",
		(long long)newest);
	rc = sqlite3_exec(log->db, sql, NULL, NULL, NULL);
	log->newest = newest;
	log->oldest = newest + 1;
	return rc;
}

int lclog_file_replace(struct lclog *log)
{
	int64_t oldest = log->oldest, newest = log->newest;
	int rc, system;

	lclog_file_close(log);
	if (log->path)
		move_aside(log->path);
	rc = open_once(log);
	if (rc == SQLITE_OK)
		rc = go_on_behind(log, newest);
	system = sqlite3_system_errno(log->db);
	if (rc != SQLITE_OK) {
		lclog_file_close(log);
		log->oldest = oldest;
		log->newest = newest;
	}
	return to_errno(rc, system);
}
