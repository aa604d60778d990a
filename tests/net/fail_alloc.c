/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: the n-th allocation of a process fails, once; or (fail_call.c) the n-th system call
 * of a kind. The folder $FAIL_ALLOC has a file for each process that is meant: "endpoint",
 * "monitor", "worker", "installer". In it, mapped, are struct fail_counts of fail.h. With
 * "endpoint.places" and so on, struct fail_places: the first allocation from a place fails.
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
static struct fail_places *places;
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

static void *map_file(const char *folder, const char *role, const char *suffix, size_t size)
{
	char path[512];
	void *at;
	int fd;

	snprintf(path, sizeof(path), "%s/%s%s", folder, role, suffix);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

__attribute__((constructor)) static void map_counts(void)
{
	const char *folder = getenv("FAIL_ALLOC"), *role;
	char line[4096];

	role = get_role(line, sizeof(line));
	if (!folder || !role)
		return;
	watch_crashes();
	places = map_file(folder, role, ".places", sizeof(*places));
	fail_counts = map_file(folder, role, "", sizeof(*fail_counts));
}

/* The callers of who allocates. Two frames are ours. */
static uint64_t get_place(void)
{
	void *frames[FAIL_DEPTH + 3];
	int n = backtrace(frames, FAIL_DEPTH + 3);
	uint64_t hash = 14695981039346656037U;

	for (int i = 3; i < n; i++)
		hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211U;
	return hash ? hash : 1;
}

static int is_place_to_fail(void)
{
	static int looking;
	uint64_t place, old = 0;
	size_t i;

	if (!places || looking)
		return 0;
	looking = 1;
	place = get_place();
	looking = 0;
	for (i = 0; i < FAIL_PLACES; i++) {
		_Atomic uint64_t *at = &places->seen[(place + i) % FAIL_PLACES];

		old = 0;
		if (atomic_compare_exchange_strong(at, &old, place)) {
			atomic_fetch_add(&places->count, 1);
			break;
		}
		if (old == place)
			return 0; /* not the first from there */
	}
	if (place != atomic_load(&places->at))
		return 0;
	atomic_fetch_add(&places->failed, 1);
	return 1;
}

static int must_fail(void)
{
	struct fail_count *count = &fail_counts->allocations;

	if (!fail_counts)
		return 0;
	if (atomic_fetch_add(&count->count, 1) + 1 != atomic_load(&count->at) &&
		!is_place_to_fail())
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
