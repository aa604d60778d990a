/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is let in by in-band access, and for how long a connection may stand still. Pure: no socket,
 * and the clock is an argument.
 */
#ifndef BMCLINK_HOST_RELAY_ADMISSION_H
#define BMCLINK_HOST_RELAY_ADMISSION_H

#include "host/relay/sources.h"

#define RELAY_MAX_CONNECTIONS 512

/* A client that opens a connection and says nothing holds a place that another one wants. */
#define RELAY_FIRST_MS	 10000
#define RELAY_CONNECT_MS 5000  /* for the BMC to take the connection */
#define RELAY_STALL_MS	 60000 /* nobody takes what waits, or the other half stays open */

struct admission_rules {
	struct relay_sources sources;
	uint8_t bmc[RELAY_ADDRESS]; /* never a client */
	unsigned int max, max_per_source;
	uint64_t idle_ms;
};

enum admission_verdict {
	ADMISSION_OK,
	ADMISSION_NOT_ALLOWED,
	ADMISSION_FULL,
	ADMISSION_SOURCE_FULL,
	ADMISSION_VERDICTS
};

struct admission {
	const struct admission_rules *rules;
	unsigned int now; /* connections that were let in and have not ended */
	size_t n_keys;
	struct {
		uint8_t key[RELAY_ADDRESS];
		unsigned int count;
	} keys[RELAY_MAX_CONNECTIONS];
};

void admission_init(struct admission *admission, const struct admission_rules *rules);
/* ADMISSION_OK: the connection has its place until admission_give_back(). */
enum admission_verdict admission_take(
	struct admission *admission, const uint8_t address[RELAY_ADDRESS]);
void admission_give_back(struct admission *admission, const uint8_t address[RELAY_ADDRESS]);

enum relay_phase {
	RELAY_PHASE_FIRST,   /* the client has said nothing yet */
	RELAY_PHASE_CONNECT, /* to the BMC */
	RELAY_PHASE_OPEN,
};

struct relay_times {
	enum relay_phase phase;
	uint64_t since_ms;    /* of the phase */
	uint64_t progress_ms; /* the last byte that went on, in any direction */
	bool stalled;	      /* bytes wait, or one direction has ended */
};

/* When the connection is given up if nothing more happens; on the clock of times. */
uint64_t relay_get_deadline(const struct relay_times *times, const struct admission_rules *rules);

#endif
