/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Lifecycle log says of clients that were refused: agents without TLS (ISM0050),
 * certificates (ISM1016), and the sum of all other refusals (ISM1034). The other end cannot push
 * out older records with these: see limiter.h.
 */
#ifndef BMCLINK_ENDPOINT_REFUSALS_H
#define BMCLINK_ENDPOINT_REFUSALS_H

#include <event2/event.h>

#include "endpoint/connection.h"
#include "endpoint/lclog.h"

struct refusals;

enum refusals_kind {	      /* of those that are only counted */
	REFUSALS_RIGHTS,      /* 401, 403, wrong passwords */
	REFUSALS_PROTOCOL,    /* malformed, too long, too slow */
	REFUSALS_CONNECTIONS, /* too many at a time */
	REFUSALS_ENROLMENTS,  /* too many in a short time */
	REFUSALS_N_KINDS,
};

int refusals_new(struct event_base *base, struct lclog *log, struct refusals **refusals);
/* What is held back is recorded first. Safe with NULL. */
void refusals_free(struct refusals *refusals);

void refusals_add_without_tls(struct refusals *refusals, const struct connection *connection);
void refusals_add_certificate(struct refusals *refusals, const struct connection *connection);
void refusals_count(struct refusals *refusals, enum refusals_kind kind);

#endif
