/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMCLINK_BASE_IO_H
#define BMCLINK_BASE_IO_H

#include <sys/types.h>

/* Read until there is no more, or size bytes: how many, or negative errno. Goes on after signals;
 * -EAGAIN where the descriptor does not block. */
ssize_t io_read_all(int fd, void *buffer, size_t size);

/* All of it: 0 or negative errno; then some of it may be written. Goes on after signals and short
 * writes. For descriptors that block. */
int io_write_all(int fd, const void *data, size_t length);

#endif
