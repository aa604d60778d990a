/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when CLOCK_REALTIME was set: timers that wait for a date run on another clock, and a date
 * can so pass, or be far away again, within a moment (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
 */
#ifndef BMCLINK_BASE_CLOCK_WATCH_H
#define BMCLINK_BASE_CLOCK_WATCH_H

#include <event2/event.h>

struct clock_watch;

/* fn may be called without need. Negative errno where the kernel has no such timer. */
int clock_watch_new(
	struct event_base *base, void (*fn)(void *arg), void *arg, struct clock_watch **watch);
void clock_watch_free(struct clock_watch *watch); /* safe with NULL */

#endif
