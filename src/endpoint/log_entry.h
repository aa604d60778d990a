/* SPDX-License-Identifier: Apache-2.0 */
/* A record of the Lifecycle log as JSON: as a LogEntry and as an Event. New references. */
#ifndef BMCLINK_ENDPOINT_LOG_ENTRY_H
#define BMCLINK_ENDPOINT_LOG_ENTRY_H

#include "endpoint/resource.h"

json_t *log_entry_json(const struct service *service, const struct lclog_record *record);
json_t *log_entry_event(const struct service *service, const struct lclog_record *record);
/* Tells a reader that records between its cursor and the next one are no longer there. */
json_t *log_entry_gap_event(int64_t id);

/* "2026-01-31T12:00:00.123Z" */
#define LOG_ENTRY_TIME_SIZE 32
void log_entry_format_time(int64_t ms, char out[LOG_ENTRY_TIME_SIZE]);

#endif
