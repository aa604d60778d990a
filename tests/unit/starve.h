/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation of a library fails: in processes of their own, for OpenSSL keeps its functions. */
#ifndef BMCLINK_TEST_STARVE_H
#define BMCLINK_TEST_STARVE_H

#include <stdbool.h>
#include <stddef.h>

extern unsigned long starve_allocations; /* until now */
extern unsigned long starve_fails_at;	 /* the one that fails; 0: none */

/* For event_set_mem_functions(). */
void *starve_allocate(size_t size);
void *starve_allocate_again(void *old, size_t size);
/* Before anything of OpenSSL was used; false: too late. */
bool starve_openssl(void);

#endif
