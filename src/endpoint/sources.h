/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each source has: one small record for each that has any. */
#ifndef BMCLINK_ENDPOINT_SOURCES_H
#define BMCLINK_ENDPOINT_SOURCES_H

#include <sys/queue.h>

#define SOURCES_KEY	16 /* bytes; connection.h says what is in them */
#define SOURCES_BUCKETS 64

struct source;
SLIST_HEAD(source_list, source);

struct sources { /* zeroed at first; empty, and nothing allocated, when all are released */
	struct source_list buckets[SOURCES_BUCKETS];
	unsigned int n; /* sources that have any */
};

unsigned int sources_count(const struct sources *sources, const unsigned char key[SOURCES_KEY]);
/* One more of this source; to be given to sources_release(). NULL: no memory. */
struct source *sources_take(struct sources *sources, const unsigned char key[SOURCES_KEY]);
void sources_release(struct sources *sources, struct source *source);

#endif
