/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one attempt to connect ended, or why a connection was lost. One list for the channel (which
 * finds out), the ladder (which decides what next) and the status (which tells people).
 */
#ifndef BMCLINK_HOST_OUTCOME_H
#define BMCLINK_HOST_OUTCOME_H

#include "base/message.h"

enum outcome {
	OUTCOME_NONE = 0,  /* nothing tried yet */
	OUTCOME_CONNECTED, /* the BMC answered, authenticated where there is TLS */
	OUTCOME_ENROLLED,  /* trust was just made: connect again at once, now with it */

	/* network: quick retry */
	OUTCOME_PORT_REFUSED,	/* TCP reset on connect: the BMC is there, its service is not */
	OUTCOME_NO_ANSWER,	/* no SYN-ACK within the deadline */
	OUTCOME_UNREACHABLE,	/* no neighbour (ARP or ND dead), no route */
	OUTCOME_TLS_TIMEOUT,	/* connected, no complete handshake within the deadline */
	OUTCOME_TLS_BROKEN,	/* connection closed or reset, or garbage, within the handshake */
	OUTCOME_ANSWER_TIMEOUT, /* handshake done, no answer within the deadline */
	OUTCOME_BAD_ANSWER,	/* answered, but not as a Redfish service does */
	OUTCOME_CLOSED,		/* the BMC closed or reset an established connection */
	OUTCOME_KEEPALIVE,	/* an established connection went silent */
	OUTCOME_ADDRESS_GONE,	/* our address was removed, or the NIC went down or away */
	OUTCOME_LOCAL,		/* our own trouble: no socket, no memory */
	OUTCOME_RESTARTED,	/* ended by us: settings, trust or certificate are others now */

	/* trust: long retry */
	OUTCOME_OWN_EXPIRED,
	OUTCOME_PEER_EXPIRED,
	OUTCOME_NOT_KNOWN, /* the BMC does not know our certificate, and its window is closed */
	OUTCOME_IDENTITY_CHANGED, /* another certificate than the pinned one */
	OUTCOME_NOT_PINNED,   /* no pin, and none may be made: trust = pinned, or window closed */
	OUTCOME_VERSION,      /* TLS version negotiation failed */
	OUTCOME_DOWNGRADE,    /* no TLS, but seen with TLS before */
	OUTCOME_TLS_REQUIRED, /* our tls = off and the BMC answered 426 */
	OUTCOME_LOGIN,	      /* the BMC wants a log-in, and there is none, or it failed */
	OUTCOME_REFUSED,      /* any other refusal of our certificate or rights (alert, 401, 403) */
	OUTCOME_IMPOSTOR,     /* a certificate that is not the BMC's, by the BMC's word over IPMI */
	OUTCOME_KCS,	      /* the BMC's word over IPMI is needed, and cannot be had */
	OUTCOME_COUNT,
};

enum outcome_class { OUTCOME_CLASS_OK, OUTCOME_CLASS_NETWORK, OUTCOME_CLASS_TRUST };

enum outcome_class outcome_get_class(enum outcome outcome);
/* Short stable name for status and logs: "port-refused", "identity-changed". */
const char *outcome_name(enum outcome outcome);
/* A sentence for people, without a full stop: "the BMC refused the connection to its port". */
const char *outcome_text(enum outcome outcome);
/* The catalogue's message for this outcome as a reason. */
enum message_id outcome_message(enum outcome outcome);

#endif
