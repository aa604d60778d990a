/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that every file uses: ownership by scope, bounds, arrays. */
#ifndef BMCLINK_BASE_UTIL_H
#define BMCLINK_BASE_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Scope-owned resources: `_cleanup_free_ char *s = NULL;` */
#define _cleanup_(f)	__attribute__((cleanup(f)))
#define _cleanup_free_	_cleanup_(util_free_ptr)
#define _cleanup_close_ _cleanup_(util_close_ptr)

static inline void util_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void util_close_ptr(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

/* What is there, for it was found a moment ago: this process ends here rather than behind NULL. */
#define util_must(p)                                                                               \
	({                                                                                         \
		__typeof__(p) there_ = (p);                                                        \
		if (!there_)                                                                       \
			abort();                                                                   \
		there_;                                                                            \
	})

/* Hand a scope-owned resource on: the scope then owns nothing. */
#define util_steal_ptr(p)                                                                          \
	({                                                                                         \
		__typeof__(p) stolen_ = (p);                                                       \
		(p) = NULL;                                                                        \
		stolen_;                                                                           \
	})

static inline int util_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
