/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: the n-th allocation of a process fails, once; or (fail_call.c) the n-th system call
 * of a kind. The folder $FAIL_ALLOC has a file for each process that is meant: "endpoint",
 * "monitor", "worker", "installer". In it, mapped, are struct counts of fail.h.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fail.h"

struct fail_counts *fail_counts;
static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);

static const char *get_role(char *buffer, size_t size)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return NULL;
	buffer[length] = '\0';
	if (strstr(buffer, "bmclink-endpoint"))
		return "endpoint";
	if (strstr(buffer, "bmclink-update"))
		return "installer";
	if (!strstr(buffer, "bmclinkd"))
		return NULL;
	for (const char *c = buffer; c < buffer + length; c += strlen(c) + 1) {
		if (strcmp(c, "--worker") == 0)
			return "worker";
	}
	return "monitor";
}

/* Who crashed: a library, or we? Without memory of its own. */
static void on_crash(int number)
{
	static const char begin[] = "crashed; from here on: \n", end[] = "crashed; that was all\n";
	void *frames[32];
	int n = backtrace(frames, 32);

	(void)!write(STDERR_FILENO, begin, sizeof(begin) - 1);
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
	(void)!write(STDERR_FILENO, end, sizeof(end) - 1);
	raise(number); /* SA_RESETHAND: now for good */
}

static void watch_crashes(void)
{
	static char room[65536]; /* for a stack that has overflowed */
	const stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
	struct sigaction action = {
		.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK)};
	void *frames[2];

	sigaltstack(&stack, NULL);
	backtrace(frames, 2); /* loads what it needs, now */
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGABRT, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

__attribute__((constructor)) static void map_counts(void)
{
	const char *folder = getenv("FAIL_ALLOC"), *role;
	char line[4096], path[512];
	void *at;
	int fd;

	role = get_role(line, sizeof(line));
	if (!folder || !role)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, role);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*fail_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return;
	watch_crashes();
	fail_counts = at;
}

static int must_fail(void)
{
	struct fail_count *count = &fail_counts->allocations;

	if (!fail_counts || atomic_fetch_add(&count->count, 1) + 1 != atomic_load(&count->at))
		return 0;
	atomic_fetch_add(&count->failed, 1);
	errno = ENOMEM;
	return 1;
}

/* dlsym() may allocate before it has found what allocates: from here, never given back. */
static void *early(size_t size)
{
	static char room[16384];
	static size_t used;
	void *made = room + used;

	used += (size + 15) / 16 * 16;
	if (used > sizeof(room))
		abort();
	return made;
}

static int look_up(void)
{
	static int looking;

	if (real_malloc)
		return 1;
	if (looking)
		return 0;
	looking = 1;
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	looking = 0;
	return 1;
}

void *malloc(size_t size)
{
	if (!look_up())
		return early(size);
	return must_fail() ? NULL : real_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (!look_up())
		return early(n * size);
	return must_fail() ? NULL : real_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	if (!look_up())
		return early(size);
	return must_fail() ? NULL : real_realloc(old, size);
}
