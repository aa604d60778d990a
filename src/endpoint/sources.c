/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/sources.h"

#include <stdlib.h>
#include <string.h>

struct source {
	SLIST_ENTRY(source) next;
	unsigned char key[SOURCES_KEY];
	unsigned int n;
};

/* Nothing secret in it: whoever makes all fall into one bucket has a list of as many as there are
 * connections, which is what there was before. */
static unsigned int find_bucket(const unsigned char key[SOURCES_KEY])
{
	unsigned int hash = 2166136261u; /* FNV-1a */

	for (unsigned int i = 0; i < SOURCES_KEY; i++)
		hash = (hash ^ key[i]) * 16777619u;
	return hash % SOURCES_BUCKETS;
}

static struct source *find(const struct sources *sources, const unsigned char key[SOURCES_KEY])
{
	struct source *source = SLIST_FIRST(&sources->buckets[find_bucket(key)]);

	while (source && memcmp(source->key, key, SOURCES_KEY) != 0)
		source = SLIST_NEXT(source, next);
	return source;
}

unsigned int sources_count(const struct sources *sources, const unsigned char key[SOURCES_KEY])
{
	const struct source *source = find(sources, key);

	return source ? source->n : 0;
}

struct source *sources_take(struct sources *sources, const unsigned char key[SOURCES_KEY])
{
	struct source *source = find(sources, key);

	if (!source) {
		source = calloc(1, sizeof(*source));
		if (!source)
			return NULL;
		memcpy(source->key, key, SOURCES_KEY);
		SLIST_INSERT_HEAD(&sources->buckets[find_bucket(key)], source, next);
		sources->n++;
	}
	source->n++;
	return source;
}

void sources_release(struct sources *sources, struct source *source)
{
	if (--source->n)
		return;
	SLIST_REMOVE(&sources->buckets[find_bucket(source->key)], source, source, next);
	sources->n--;
	free(source);
}
