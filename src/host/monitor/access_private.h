/* SPDX-License-Identifier: Apache-2.0 */
/* access.c starts and ends the relay; access_message.c hears it. */
#ifndef BMCLINK_HOST_ACCESS_PRIVATE_H
#define BMCLINK_HOST_ACCESS_PRIVATE_H

#include <event2/event.h>

#include "base/log_fold.h"
#include "host/monitor/access.h"
#include "host/monitor/acts.h"
#include "host/relay/message.h"

struct access_plan { /* compared by its bytes */
	unsigned int ifindex;
	struct in_addr bmc;
	uint16_t bmc_port, port;
	struct admission_rules rules;
};

struct access {
	struct acts *acts;
	enum access_state state;
	bool wanted;
	struct access_plan plan;
	pid_t pid; /* 0: none */
	int fd;	   /* of the relay; -1: none */
	struct event *readable, *timer;
	int counts_fd;
	struct relay_counts *counts;
	uint64_t started_ms;
	unsigned int backoff_ms; /* the next wait */
	char problem[96];
	unsigned int asks; /* that may be answered at asks_ms */
	uint64_t asks_ms;
	struct log_fold fold; /* connections and refusals that are no event of their own */
};

uint64_t access_now(void); /* ms, CLOCK_MONOTONIC */

/* access_message.c */
void access_on_message(evutil_socket_t fd, short what, void *arg /* struct access */);
void access_read_messages(struct access *access);

#endif
