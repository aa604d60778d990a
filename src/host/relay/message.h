/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor and the relay say to each other, over one SOCK_SEQPACKET socket (wire.h has the
 * rules). The monitor believes nothing of it: a relay may have been taken over by a client.
 *
 *   monitor: order   the rules, and the listening sockets; first, once
 *            socket  the answer to an ask: on its way to the BMC, or an error
 *            its end of the sending direction: stop, tell of what has ended, and exit
 *   relay:   ask     for one socket to the BMC
 *            report  a connection has ended, or was refused
 */
#ifndef BMCLINK_HOST_RELAY_MESSAGE_H
#define BMCLINK_HOST_RELAY_MESSAGE_H

#include "host/monitor/wire.h"
#include "host/relay/admission.h"

#define RELAY_MAX_MESSAGE   1024
#define RELAY_MAX_LISTENERS 2 /* IPv4, IPv6 */

enum relay_message {
	RELAY_MESSAGE_ORDER = 1,
	RELAY_MESSAGE_SOCKET,
	RELAY_MESSAGE_ASK,
	RELAY_MESSAGE_REPORT,
};

enum relay_end {	  /* why a connection ended; part of the wire format */
	RELAY_END_CLOSED, /* by both ends, in good order */
	RELAY_END_CLIENT, /* by the client, in the middle */
	RELAY_END_BMC,	  /* by the BMC, in the middle */
	RELAY_END_IDLE,
	RELAY_END_STALLED,
	RELAY_END_STOPPED,
	/* from here on: it came to nothing, and counts as refused */
	RELAY_END_SILENT,  /* the client said nothing */
	RELAY_END_NOT_TLS, /* what it said is not TLS */
	RELAY_END_NO_BMC,
	RELAY_END_NOT_ALLOWED,
	RELAY_END_FULL,
	RELAY_END_SOURCE_FULL,
	RELAY_END_LIMIT, /* descriptors, memory */
	RELAY_ENDS
};

struct relay_report {
	enum relay_end end;
	uint8_t address[RELAY_ADDRESS]; /* of the client */
	uint64_t ms;
	uint64_t to_bmc, from_bmc; /* bytes */
};

/* Counts in a page that monitor and relay share: the relay writes, the monitor reads when it is
 * asked, and nobody is woken for them. */
struct relay_counts {
	volatile uint64_t now; /* connections */
	volatile uint64_t total;
	volatile uint64_t refused, not_allowed; /* the second of the first */
	volatile uint64_t to_bmc, from_bmc;	/* bytes, of ended and living connections */
};

/* A text for people; NULL: no such reason. */
const char *relay_end_text(enum relay_end end);

void relay_put_order(struct wire_writer *out, const struct admission_rules *rules);
void relay_put_report(struct wire_writer *out, const struct relay_report *report);
/* After the kind was read. -EPROTO: it is none, or has values that no such message may have. */
int relay_get_order(struct wire_reader *in, struct admission_rules *rules);
int relay_get_report(struct wire_reader *in, struct relay_report *report);

#endif
