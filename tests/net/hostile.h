/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker that was taken over would try. Each attempt is one name. */
#ifndef BMCLINK_TEST_HOSTILE_H
#define BMCLINK_TEST_HOSTILE_H

#include <sys/types.h>

struct hostile_victim {
	pid_t monitor;
	const char *file; /* that the attacker wants: outside of his root */
	int tcp_fd;	  /* a socket that is bound to the NIC; -1: none */
};

/* 0: it worked; negative errno: refused; -ENOTSUP: no such attempt. */
int hostile_try(const char *name, const struct hostile_victim *victim);
/* NULL behind the last. */
const char *hostile_get_name(size_t index);

#endif
