/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

int64_t clock_get_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int clock_set_timer(struct event *event, uint64_t ms)
{
	const struct timeval wait = {
		.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	return event_add(event, &wait);
}

void clock_format(time_t when, char text[CLOCK_TEXT])
{
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
		strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
}
