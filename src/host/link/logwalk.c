/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/logwalk.h"

#include <errno.h>

static void on_answer(int status, const json_t *body, void *arg)
{
	struct log_walk *walk = arg;
	const char *next;

	walk->status = status;
	next = walk->take(walk->core, status, body);
	/* A link that is none of a service's, or a channel that ends: as a page that is not there.
	 * Again, for a core may have another way. */
	while (next && channel_request(walk->channel, "GET", next, NULL, on_answer, walk) < 0) {
		walk->status = -1;
		next = walk->take(walk->core, 0, NULL);
	}
	if (next)
		return;
	walk->channel = NULL;
	walk->done(walk->arg);
}

int log_walk_start(struct log_walk *walk, struct channel *channel, const char *path)
{
	int r;

	if (walk->channel)
		return -EBUSY;
	r = path ? channel_request(channel, "GET", path, NULL, on_answer, walk) : -EINVAL;
	if (r == 0)
		walk->channel = channel;
	return r;
}
