/* SPDX-License-Identifier: Apache-2.0 */
#include "starve.h"

#include <stdlib.h>

#include <openssl/crypto.h>

unsigned long starve_allocations, starve_fails_at;

void *starve_allocate(size_t size)
{
	return ++starve_allocations == starve_fails_at ? NULL : malloc(size);
}

void *starve_allocate_again(void *old, size_t size)
{
	return ++starve_allocations == starve_fails_at ? NULL : realloc(old, size);
}

static void *allocate(size_t size, const char *file, int line)
{
	return starve_allocate(size);
}

static void *allocate_again(void *old, size_t size, const char *file, int line)
{
	return starve_allocate_again(old, size);
}

static void release(void *old, const char *file, int line)
{
	free(old);
}

bool starve_openssl(void)
{
	return CRYPTO_set_mem_functions(allocate, allocate_again, release) == 1;
}
