/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logreader.h"

#include <errno.h>

static void on_page(int status, const json_t *page, void *arg);

static void finish(struct log_reader *reader)
{
	int r = log_cursor_end(&reader->cursor, reader->entry, reader->arg);

	reader->channel = NULL;
	reader->done(reader, r, reader->arg);
}

static void on_page(int status, const json_t *page, void *arg)
{
	struct log_reader *reader = arg;
	const char *next = log_cursor_take(&reader->cursor, status == 200 ? page : NULL);

	/* A link that is none of a service's, or a channel that ends: as a page that is not there.
	 */
	if (next && channel_request(reader->channel, "GET", next, NULL, on_page, reader) < 0) {
		log_cursor_take(&reader->cursor, NULL);
		next = NULL;
	}
	if (!next)
		finish(reader);
}

int log_reader_start(struct log_reader *reader, struct channel *channel, const char *entries)
{
	const char *path;
	int r;

	if (reader->channel)
		return -EBUSY;
	path = log_cursor_begin(&reader->cursor, entries);
	r = path ? channel_request(channel, "GET", path, NULL, on_page, reader) : -EINVAL;
	if (r < 0)
		log_cursor_clear(&reader->cursor);
	else
		reader->channel = channel;
	return r;
}
