/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's table of acts with empty trees around it, and requests to it without a worker. */
#ifndef BMCLINK_TESTS_ACTS_HARNESS_H
#define BMCLINK_TESTS_ACTS_HARNESS_H

#include "host/monitor/acts.h"

struct harness {
	struct acts_environment environment;
	struct acts acts;
	char path[64];
	unsigned int notices, events, hellos, reloads;
	uint8_t answer[WIRE_MAX_ANSWER];
};

int set_up(void **state);
int tear_down(void **state); /* fails if an act has left a file */

/* One request; the answer must be well formed. Returns its status, 0 or errno. */
uint32_t run(struct harness *h, const void *request, size_t length);
uint32_t run_act(struct harness *h, uint16_t number, const void *data, size_t length);

#endif
