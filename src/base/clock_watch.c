/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock_watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"

struct clock_watch {
	int fd;
	struct event *event;
	void (*fn)(void *arg);
	void *arg;
};

static int arm(int fd)
{
	/* It never expires; being cancelled is all that it is for. */
	struct itimerspec never = {
		.it_value.tv_sec = sizeof(time_t) > 4 ? (time_t)8000000000LL : INT32_MAX};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
		       ? -errno
		       : 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct clock_watch *watch = arg;
	uint64_t expirations;

	/* ECANCELED: it was set. Anything else is as good a reason to look. */
	if (read(watch->fd, &expirations, sizeof(expirations)) < 0 && errno == EAGAIN)
		return;
	arm(watch->fd);
	log_info("clock", "the clock was set");
	watch->fn(watch->arg);
}

int clock_watch_new(
	struct event_base *base, void (*fn)(void *arg), void *arg, struct clock_watch **watch)
{
	struct clock_watch *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	*made = (struct clock_watch){.fn = fn, .arg = arg};
	made->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	r = made->fd < 0 ? -errno : arm(made->fd);
	if (r == 0) {
		made->event = event_new(base, made->fd, EV_READ | EV_PERSIST, on_readable, made);
		if (!made->event || event_add(made->event, NULL) < 0)
			r = -ENOMEM;
	}
	if (r < 0) {
		clock_watch_free(made);
		return r;
	}
	*watch = made;
	return 0;
}

void clock_watch_free(struct clock_watch *watch)
{
	if (!watch)
		return;
	if (watch->event)
		event_free(watch->event);
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch);
}
