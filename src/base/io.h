/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_BASE_IO_H
#define BMCLINK_BASE_IO_H

#include <sys/types.h>

/* Read until there is no more, or size bytes: how many, or negative errno. Goes on after signals;
 * -EAGAIN where the descriptor does not block. */
ssize_t io_read_all(int fd, void *buffer, size_t size);

#endif
