/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for information that come again and again are counted, not written: a NIC that comes and
 * goes a hundred times is to leave a few lines, not a thousand. A line is known by its format, so
 * that its numbers may differ. Warnings and events are not folded here (event.h does it for its
 * own), and nothing is with --debug.
 */
#ifndef BMCLINK_BASE_LOG_FOLD_H
#define BMCLINK_BASE_LOG_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_FOLD_LINES 32

/* Of one kind so many are written at once, then one in the window with the others' number. */
#define LOG_FOLD_FREE	   4
#define LOG_FOLD_WINDOW_MS 60000

struct log_fold {
	struct log_fold_line {
		const void *key;
		uint64_t last_ms; /* when one of them was last let through */
		unsigned int free, held;
	} line[LOG_FOLD_LINES];
};

/*
 * May this line be written at now_ms (any monotonic clock)? If so, *held is the number of those
 * held back before it. Of more kinds than the table has places, the one let through longest ago
 * gives its place, and its count is lost.
 */
bool log_fold_take(struct log_fold *fold, const void *key, uint64_t now_ms, unsigned int *held);

#endif
