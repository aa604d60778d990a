/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a BMC's logs is the one that an administrator means by "the log": found by the links of
 * the manager and of its system (LogServices), never by a path that was made here. Pure: answers
 * in, the next path out.
 *
 *	path = log_find_begin(&find, manager, systems);
 *	while (path)
 *		path = log_find_take(&find, status, the answer to GET path);
 *	find.entries[0] or find.reason
 */
#ifndef BMCLINK_HOST_LOGFIND_H
#define BMCLINK_HOST_LOGFIND_H

#include "host/link/logpage.h"

#define LOG_FIND_MAX	   16 /* services that are considered */
#define LOG_FIND_MAX_TRIES 6  /* services that are asked for */

enum log_find_step {
	LOG_FIND_MANAGER,
	LOG_FIND_MANAGER_LOGS,
	LOG_FIND_SYSTEMS,
	LOG_FIND_SYSTEM,
	LOG_FIND_SYSTEM_LOGS,
	LOG_FIND_SERVICE,
	LOG_FIND_DONE,
};

struct log_find_candidate {
	char path[LOG_MAX_PATH];
	unsigned int rank; /* the lower, the better */
};

struct log_find {
	enum log_find_step step;
	char systems[LOG_MAX_PATH]; /* of the ServiceRoot; "": it has none */
	char system[LOG_MAX_PATH], system_logs[LOG_MAX_PATH], manager_logs[LOG_MAX_PATH];
	struct log_find_candidate candidates[LOG_FIND_MAX];
	unsigned int n_candidates, tried;
	char next[LOG_MAX_PATH];
	/* what came of it */
	char service[LOG_MAX_PATH], entries[LOG_MAX_PATH];
	char reason[128]; /* printable; why there is none */
	bool lost;	  /* the channel was: it says nothing about the BMC */
};

const char *log_find_begin(struct log_find *find, const char *manager, const char *systems);
const char *log_find_take(struct log_find *find, int status, const json_t *body);
/* For tests: of a LogService's path; 0: never taken. */
unsigned int log_find_rank(const char *path);

#endif
