/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For MSan (-Dfuzz_sanitizers=memory). jansson, OpenSSL and libevent are Debian's and not
 * instrumented: MSan does not see what they write. So what they allocate counts as written from the
 * start; memory of our own is watched as ever.
 */
#include <stdlib.h>

#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <sanitizer/msan_interface.h>

#include "fuzz.h"

static void *allocate(size_t size)
{
	void *p = malloc(size);

	if (p)
		__msan_unpoison(p, size);
	return p;
}

static void *reallocate(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (p)
		__msan_unpoison(p, size);
	return p;
}

static void *allocate_for_crypto(size_t size, const char *file, int line)
{
	return size > 0 ? allocate(size) : NULL;
}

static void *reallocate_for_crypto(void *old, size_t size, const char *file, int line)
{
	if (size > 0)
		return reallocate(old, size);
	free(old);
	return NULL;
}

static void free_for_crypto(void *p, const char *file, int line)
{
	free(p);
}

/* Before main(): nothing may have been allocated by then. */
static __attribute__((constructor)) void set_allocators(void)
{
	json_set_alloc_funcs(allocate, free);
	event_set_mem_functions(allocate, reallocate, free);
	FUZZ_CHECK(CRYPTO_set_mem_functions(
			   allocate_for_crypto, reallocate_for_crypto, free_for_crypto) == 1);
}
