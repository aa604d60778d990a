/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read what is new in a BMC's log over a connected channel: the cursor (logcursor.h) says which
 * page, the channel fetches it, one at a time.
 */
#ifndef BMCLINK_HOST_LOGREADER_H
#define BMCLINK_HOST_LOGREADER_H

#include "host/link/channel.h"
#include "host/link/logcursor.h"

struct log_reader {
	struct log_cursor cursor; /* lives on from reading to reading */
	struct channel *channel;  /* while reading */
	log_cursor_fn entry;
	/* After the last entry: 0, or -EBADMSG (a page could not be had; nothing was delivered). */
	void (*done)(struct log_reader *reader, int result, void *arg);
	void *arg;
};

/*
 * entries: the path that the LogService names. Calls entry() for each new one, the oldest first,
 * then done(), later and once, also when the channel ends before. -EBUSY: a reading is under way;
 * other errors of channel_request().
 */
int log_reader_start(struct log_reader *reader, struct channel *channel, const char *entries);

#endif
