/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log cursor's file: log.json in the worker's state directory, so that a restart neither loses
 * nor doubles a record. Durable before the function returns.
 */
#ifndef BMCLINK_HOST_LOGSTORE_H
#define BMCLINK_HOST_LOGSTORE_H

#include "host/link/logcursor.h"

#define LOG_STORE_FILE "log.json"

struct log_store {
	char bmc[64];		    /* whose log it is: its UUID, "" when it has none */
	char service[LOG_MAX_PATH]; /* the LogService; "": not known */
};

/*
 * 0; -ENOENT: there is none; -EBADMSG: it cannot be understood. Where there is an error both are
 * zeroed: the log is then begun at its end.
 */
int log_store_load(int dir_fd, struct log_store *store, struct log_cursor *cursor);
int log_store_save(int dir_fd, const struct log_store *store, const struct log_cursor *cursor);
int log_store_forget(int dir_fd);

#endif
