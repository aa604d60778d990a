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

/* Where allocations come from: of the callers' return addresses (no random layout, so that they are
 * the same in each life). In a file of its own, for it costs a look at the stack each time. */
#define FAIL_PLACES (1 << 16) /* the table's size */
#define FAIL_DEPTH  16	      /* callers that are told apart */

struct fail_places {
	_Atomic uint64_t at; /* the first allocation from there is to fail; 0: none */
	_Atomic int64_t count, failed;
	_Atomic uint64_t seen[FAIL_PLACES]; /* at (place % FAIL_PLACES), or behind; 0: free */
};

extern struct fail_counts *fail_counts; /* NULL: this process is not meant */

#endif
