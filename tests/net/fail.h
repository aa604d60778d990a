/* SPDX-License-Identifier: Apache-2.0 */
/* What fail_alloc.so shares with the test, through a mapped file for each process. */
#ifndef BMCLINK_TESTS_FAIL_H
#define BMCLINK_TESTS_FAIL_H

#include <stdatomic.h>
#include <stdint.h>

enum fail_kind {
	FAIL_DESCRIPTOR, /* makes one: open, socket, accept, pipe, ... */
	FAIL_READ,
	FAIL_WRITE,
	FAIL_SEND,
	FAIL_DISK, /* makes something durable, or a file's name or mode */
	FAIL_WAIT,
	FAIL_NETWORK, /* connect, bind, listen, options */
	FAIL_PROCESS, /* fork, execve */
	FAIL_KINDS,
};

struct fail_count {
	_Atomic int64_t at; /* which is to fail, counted from 1; 0: none */
	_Atomic int64_t count, failed;
};

struct fail_counts {
	struct fail_count allocations;
	struct {
		struct fail_count calls;
		_Atomic int64_t error; /* errno */
	} kinds[FAIL_KINDS];
};

extern struct fail_counts *fail_counts; /* NULL: this process is not meant */

#endif
