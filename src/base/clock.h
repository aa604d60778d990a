/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_BASE_CLOCK_H
#define BMCLINK_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include <event2/event.h>

/* ms of CLOCK_MONOTONIC, or of CLOCK_BOOTTIME: what lasts while the machine is suspended, too. */
int64_t clock_get_ms(clockid_t clock);
/* The event is active in so many ms, again or for the first time; 0 or -1, as event_add(). */
int clock_set_timer(struct event *event, uint64_t ms);

#define CLOCK_TEXT 40
/* UTC, as RFC 3339 writes it: "2026-11-23T03:00:59Z". "": a time that has no date. */
void clock_format(time_t when, char text[CLOCK_TEXT]);

#endif
