/* SPDX-License-Identifier: Apache-2.0 */
/* A LogEntry (schema LogEntry) as the agent hands it on: bounded, and harmless to print. */
#ifndef BMCLINK_HOST_LOGRECORD_H
#define BMCLINK_HOST_LOGRECORD_H

#include "host/link/logpage.h"

struct log_record {
	char id[LOG_MAX_ID];	    /* in its log */
	char created[LOG_MAX_TIME]; /* as the BMC says it; "": it does not */
	char severity[16];	    /* "OK", "Warning", "Critical"; "": not said */
	char message_id[96];	    /* as the BMC has it: "USR0030", "Base.1.8.Success", "33.1" */
	char message[1024];
	unsigned int repeated; /* iLO counts an entry up in place; 0: it does not say */
};

/* Every text printable (text.h), cut where it is too long. */
void log_record_read(const json_t *entry, struct log_record *record);
/* {"id", "created", "severity", "message_id", "message", "repeated"}; null for what is "" or 0. New
 * reference. */
json_t *log_record_to_json(const struct log_record *record);

#endif
