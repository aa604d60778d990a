/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust: who is the BMC, may we go on, and what did a failed handshake mean. Pure (the store's file
 * is read and written by trust_store.c). Section "Trust" of docs/architecture.md is the table; the
 * unit test walks it row by row.
 */
#ifndef BMCLINK_HOST_TRUST_H
#define BMCLINK_HOST_TRUST_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/cert.h"
#include "host/link/outcome.h"
#include "host/settings.h"

/* How a pin came about. */
enum trust_how { TRUST_HOW_NONE, TRUST_HOW_FIRST_USE, TRUST_HOW_KCS, TRUST_HOW_ADMINISTRATOR };

struct trust_store { /* durable: trust.json in the worker's state directory */
	bool pinned;
	unsigned char pin[CERT_FINGERPRINT_SIZE];
	/* The certificate that the pinned BMC has announced as its next, over a channel that was
	 * verified with pin: it is as good as pin, until it takes its place. */
	bool has_next;
	unsigned char next_pin[CERT_FINGERPRINT_SIZE];
	bool window_open; /* a pin may be made on first use: from installation to the first
			     connection */
	bool seen_tls;	  /* this BMC has spoken TLS: plain is a downgrade from now on */
	time_t pinned_at;
	enum trust_how how; /* pinned: by what; NONE: by a version that did not note it */
	bool enrolling;	    /* this pin was made, and no connection with it yet: an account may
			       be asked for over IPMI */
	bool no_kcs;  /* not durable: there is no trust over IPMI to be had, first use it is */
	bool damaged; /* the file is there and cannot be read: trusts nobody, and opens no window */
};

struct trust_peer { /* what the peer's certificate says */
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	time_t not_before, not_after;
};

struct trust_clock {
	time_t now;
	time_t build; /* a clock before this was never set: dates are skipped */
};

enum trust_verdict {
	TRUST_VERDICT_OK,
	TRUST_VERDICT_FIRST_USE, /* go on; pin this certificate once the BMC has taken ours */
	TRUST_VERDICT_CHANGED,
	TRUST_VERDICT_EXPIRED,
	TRUST_VERDICT_NOT_PINNED,
	TRUST_VERDICT_NO_CERTIFICATE,
};

/* A configured pin (settings.pin) goes before the stored one. */
enum trust_verdict trust_check_peer(const struct trust_store *store,
	const struct settings *settings, const struct trust_peer *peer,
	const struct trust_clock *clock);
bool trust_clock_unset(const struct trust_clock *clock);
bool trust_own_expired(time_t own_not_after, const struct trust_clock *clock);

/* Everything that one attempt showed; -1 in an alert: none. */
struct trust_facts {
	bool plain;	    /* no TLS was tried on this attempt */
	int connect_errno;  /* of connect(); 0 when it succeeded; ETIMEDOUT for our own deadline */
	bool timed_out;	    /* one of our deadlines after connect */
	bool local_failure; /* our own trouble */
	bool verify_called;
	enum trust_verdict verdict;
	int alert_in, alert_out; /* TLS alert description, RFC 8446 clause 6 */
	bool handshake_done;
	bool bytes_not_tls;   /* the first bytes that came back on the service port are not a TLS
				 record */
	bool version_error;   /* our side found the peer's version unsupported */
	int http_status;      /* of the first answer; 0: none, -1: one that is not HTTP */
	bool answer_valid;    /* it was a Redfish ServiceRoot */
	bool principal_known; /* the BMC answered us as its known host (authenticated resource
				 readable) */
	bool own_expired;     /* our certificate, by our clock */
	bool tls_enabled;     /* settings.tls */
	bool tls_demanded;    /* ... and nothing without: settings_allow_plain() */
};

enum outcome trust_classify(const struct trust_facts *facts);

enum trust_plain {
	TRUST_PLAIN_NO,
	TRUST_PLAIN_TRY_PLAIN_PORT, /* only a look: a refused port is no proof of anything */
	TRUST_PLAIN_SAME_PORT,
	TRUST_PLAIN_DOWNGRADE,
	TRUST_PLAIN_OK, /* the look found a ServiceRoot, and plain is allowed */
};
/*
 * May the attempt go on without TLS after these facts? A time-out, reset or alert never leads
 * there. Asked twice: with the facts of the TLS attempt, and, once a ServiceRoot came back on the
 * plain port, with the facts of the plain one (plain and answer_valid set): OK or DOWNGRADE.
 */
enum trust_plain trust_plain_decide(const struct trust_store *store,
	const struct settings *settings, const struct trust_facts *facts);

#endif
