/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: a wall clock that a test sets while the program runs. The folder $FAKE_CLOCK has the
 * file "offset" (seconds, 64 bits) and the FIFO "set", which stands for the kernel's word that the
 * clock was set (TFD_TIMER_CANCEL_ON_SET). Mapped at the start, for the program may lock itself up.
 * With $FAKE_CLOCK_RUNS it is time that passes instead: the monotonic clock goes with it, and what
 * is due is done at the next wake-up.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;
static int fifo = -1;
static int runs;

static int open_in_folder(const char *name, int flags)
{
	const char *folder = getenv("FAKE_CLOCK");
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "", name);
	return open(path, flags | O_CLOEXEC);
}

__attribute__((constructor)) static void map_offset(void)
{
	int fd = open_in_folder("offset", O_RDONLY);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		offset = at;
	runs = getenv("FAKE_CLOCK_RUNS") != NULL;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int r = (int)syscall(SYS_clock_gettime, clock, out);

	if (r == 0 && offset &&
		(clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
			(runs && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
					 clock == CLOCK_BOOTTIME))))
		out->tv_sec += (time_t)*offset;
	return r;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

int timerfd_create(int clock, int flags)
{
	if (clock != CLOCK_REALTIME)
		return (int)syscall(SYS_timerfd_create, clock, flags);
	fifo = open_in_folder("set", O_RDWR | O_NONBLOCK);
	return fifo;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	if (fd == fifo)
		return 0;
	return (int)syscall(SYS_timerfd_settime, fd, flags, value, old);
}
