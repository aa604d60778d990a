/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_fold.h"

#include <stddef.h>

static struct log_fold_line *find(struct log_fold *fold, const void *key, uint64_t now_ms)
{
	struct log_fold_line *oldest = &fold->line[0];

	for (size_t i = 0; i < LOG_FOLD_LINES; i++) {
		struct log_fold_line *line = &fold->line[i];

		if (line->key == key)
			return line;
		if (!line->key || (oldest->key && line->last_ms < oldest->last_ms))
			oldest = line;
		if (!line->key)
			break;
	}
	*oldest = (struct log_fold_line){.key = key, .last_ms = now_ms, .free = LOG_FOLD_FREE};
	return oldest;
}

bool log_fold_take(struct log_fold *fold, const void *key, uint64_t now_ms, unsigned int *held)
{
	struct log_fold_line *line = find(fold, key, now_ms);

	if (now_ms - line->last_ms >= LOG_FOLD_WINDOW_MS)
		/* quiet for that long: it may speak again. Held back: one, with the count. */
		line->free = line->held > 0 ? 1 : LOG_FOLD_FREE;
	if (line->free == 0) {
		line->held++;
		return false;
	}
	*held = line->held;
	line->held = 0;
	line->free--;
	line->last_ms = now_ms;
	return true;
}
