/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the BMC: one attempt over one protocol, and, when it succeeds, the channel that
 * carries Redfish until it is lost. Two may live side by side (make before break).
 *
 * An attempt is: TCP connect on a socket from the monitor (700 ms), TLS (3 s), GET /redfish/v1/ and
 * the manager's resource as the known host (3 s to the first byte of each); where the BMC offers
 * enrolment and we may take it, our certificate is given to our account and the outcome is
 * OUTCOME_ENROLLED. Then the Server-Sent Events stream is the life line: its end is the loss of the
 * channel.
 *
 * A BMC that is not one of ours (no Oem.Bmclink in its ServiceRoot) may want a session log-in
 * instead of the certificate, may have no stream, or one that ends by itself: then it is asked each
 * 30 s, and info says why.
 */
#ifndef BMCLINK_HOST_CHANNEL_H
#define BMCLINK_HOST_CHANNEL_H

#include <netinet/in.h>
#include <stdbool.h>

#include <event2/event.h>
#include <jansson.h>

#include "base/tls.h"
#include "host/link/account.h"
#include "host/link/login.h"
#include "host/link/outcome.h"
#include "host/link/trust.h"
#include "host/priv.h"

#define CHANNEL_TCP_MS	     700
#define CHANNEL_TLS_MS	     3000
#define CHANNEL_ANSWER_MS    3000
#define CHANNEL_POLL_SECONDS 30
#define CHANNEL_MAX_BODY     (1024 * 1024)
#define CHANNEL_MAX_EVENT    (256 * 1024) /* one server-sent event */

#define CHANNEL_MAX_PATH  1024
#define CHANNEL_MAX_STALE 4

struct channel;

enum channel_login { CHANNEL_LOGIN_NONE, CHANNEL_LOGIN_CERTIFICATE, CHANNEL_LOGIN_SESSION };
enum channel_events { CHANNEL_EVENTS_NONE, CHANNEL_EVENTS_STREAM, CHANNEL_EVENTS_POLLING };

/* The certificate that this BMC will have next, as its manager resource tells (docs/endpoint.md).
 */
struct channel_announcement {
	bool announced;
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	char acknowledge[CHANNEL_MAX_PATH]; /* target of the action; "": none */
};

struct channel_info { /* what a channel knows; valid from done() on while the channel lives */
	int family;
	char local_address[INET6_ADDRSTRLEN];
	char bmc_address[INET6_ADDRSTRLEN];
	bool encrypted;
	enum tls_version tls_version;
	char tls_cipher[64];
	bool has_fingerprint;
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	char vendor[64], model[64], firmware_version[64]; /* of the BMC, printable */
	char uuid[64];			  /* of its ServiceRoot, printable; "": it has none */
	bool clock_unset;		  /* dates were skipped */
	struct channel_announcement next; /* when the channel was opened */
	bool ours; /* the BMC runs bmclink's endpoint, or one that says it does as much */
	enum channel_login login;
	enum channel_events events;
	char events_reason[160];    /* why no stream; "" with one */
	unsigned int stream_pauses; /* a stream brought more than is read at a time */
};

/*
 * What one BMC taught us that the next channel must know; the owner keeps it, zeroed at first and
 * at a reload. Another BMC (by its certificate) starts it afresh.
 */
struct channel_memory {
	bool has_fingerprint;
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	struct login_hold hold;
	unsigned int stream_ends; /* in a row, each right after the stream was opened */
	int64_t stream_hold_ms;	  /* CLOCK_BOOTTIME: until then no stream is opened; 0: it may be */
	char last_event_id[128];  /* of the stream, opaque: where the next one is to go on */
	unsigned int n_stale;	  /* sessions that could not be ended: the next one ends them */
	char stale[CHANNEL_MAX_STALE][CHANNEL_MAX_PATH];
};

struct channel_result {
	enum outcome outcome;
	char detail[256]; /* printable: fingerprints, alert, HTTP status, errno text */
	bool first_use;	  /* OUTCOME_ENROLLED: the pin in fingerprint was just made */
	bool has_fingerprint;
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	bool enrolled, cleaned; /* of an enrolment: we are known; the bootstrap account is gone */
	time_t peer_not_after;	/* 0: not seen */
	bool spoke_tls;		/* TLS came back: this BMC is known to have it (trust_store.h) */
	enum tls_version peer_version; /* what the BMC chose, also when we refused it; else none */
};

struct channel_target {
	int family; /* AF_INET or AF_INET6 */
	unsigned int ifindex;
	struct in_addr ipv4;
	struct in6_addr ipv6; /* link-local: the scope is ifindex */
	uint16_t port, plain_port;
};

/* What an account from IPMI is used for, once, by a channel of its own: channel_enrol.c. */
struct channel_enrolment {
	const struct cert_pair *pair; /* whose certificate our own endpoint is to know */
	/* The lasting account that a BMC of another make is to have; on disk before it is told. */
	int (*get_account)(struct account *account, void *arg);
	bool only_clean; /* delete the bootstrap account, and nothing else */
};

struct channel_environment { /* borrowed; outlives every channel */
	struct event_base *base;
	const struct settings *settings;
	const struct trust_store *store;
	const struct cert_pair *pair; /* ours; NULL members when tls is off */
	time_t build_epoch;
	/* A TCP socket bound to the NIC, non-blocking (from the monitor); negative errno on
	 * failure. */
	int (*open_socket)(int family, void *arg);
	/* The password of settings.login_user; negative errno as of priv_get_password(). NULL: no
	 * session is ever made. */
	int (*get_password)(char password[PRIV_MAX_PASSWORD + 1], void *arg);
	/* Whom get_password() is for; NULL: settings.login_user. */
	const char *account;
	/* NULL: an ordinary channel. Else it ends, with OUTCOME_ENROLLED when all was done, with
	 * OUTCOME_LOGIN when something was refused; account is the bootstrap account. */
	const struct channel_enrolment *enrolment;
	struct channel_memory *memory; /* NULL: each channel starts without one */
	unsigned int poll_ms;	       /* 0: CHANNEL_POLL_SECONDS; for tests */
	/* CLOCK_REALTIME seconds; replaceable by tests. */
	time_t (*now)(void *arg);
	void *arg;
};

struct channel_handlers {
	/* Once, unless channel_close() comes first. Connected: the channel lives on. Else: to be
	 * closed by the owner. */
	void (*done)(struct channel *channel, const struct channel_result *result, void *arg);
	/* Once, after OUTCOME_CONNECTED; to be closed by the owner. */
	void (*lost)(struct channel *channel, const struct channel_result *result, void *arg);
	/* A Redfish Event payload that the BMC pushed; borrowed. May be NULL. */
	void (*pushed)(struct channel *channel, const json_t *payload, void *arg);
	/* info changed while connected. May be NULL. */
	void (*changed)(struct channel *channel, void *arg);
	void *arg;
};

int channel_open(const struct channel_environment *environment, const struct channel_target *target,
	const struct channel_handlers *handlers, struct channel **opened);
/* Stop whatever it does and free it. Safe in every state, also from within its handlers, and with
 * NULL. */
void channel_close(struct channel *channel);
/*
 * End the session with the BMC in good order, where there is one: true, and ended() is called later
 * (within CHANNEL_END_MS, never from within this call), then close the channel. No other handler is
 * called any more. false: there is nothing to end, close it at once.
 */
#define CHANNEL_END_MS 2000
bool channel_end_session(
	struct channel *channel, void (*ended)(struct channel *channel, void *arg), void *arg);
/* The clock was set: a connection whose certificates have expired by it is lost at once. Safe with
 * NULL and in every state. */
void channel_recheck_dates(struct channel *channel);
const struct channel_info *channel_get_info(const struct channel *channel);

/*
 * A Redfish request over a connected channel; answer is called once with the HTTP status (0: lost,
 * or the channel was closed: then from within channel_close()) and the JSON body (borrowed, may be
 * NULL). At most 16 wait at a time, else -EBUSY. -ENOTCONN: not connected, or NULL; -EINVAL: not a
 * method or path of ours.
 */
#define CHANNEL_MAX_REQUESTS 16
typedef void (*channel_answer_fn)(int status, const json_t *body, void *arg);
int channel_request(struct channel *channel, const char *method, const char *path,
	const json_t *body, channel_answer_fn fn, void *arg);

/*
 * The same for a piece of a file: bytes first to last, as a GET with a Range. answer gets what
 * came, also of another status (206 is the piece, 200 the whole file when that was short); status 0
 * as above. A piece has at most CHANNEL_MAX_PIECE bytes.
 */
#define CHANNEL_MAX_PIECE (512 * 1024)
typedef void (*channel_piece_fn)(int status, const char *bytes, size_t length, void *arg);
int channel_request_piece(struct channel *channel, const char *path, uint64_t first, uint64_t last,
	channel_piece_fn fn, void *arg);

/* The manager's resource; "" before it was found. Valid while the channel is. */
const char *channel_get_manager_path(const struct channel *channel);
/* What a manager's resource announces; nothing where it is not understood. */
void channel_read_announcement(const json_t *manager, struct channel_announcement *announcement);
/* What the ServiceRoot leads to; "" where it does not. Valid while the channel is. */
struct channel_links {
	const char *systems;
	bool top_skip; /* it says that it knows $top and $skip */
};
struct channel_links channel_get_links(const struct channel *channel);

/* The collection that takes our certificates; NULL: this BMC offers none. Valid while the channel
 * is. */
const char *channel_get_certificates_path(const struct channel *channel);

/*
 * Once per process, before the sandbox closes: libcurl, OpenSSL and what they read from files.
 * Ignores SIGPIPE for the process, which OpenSSL's writes would raise.
 */
int channel_init_library(void);

#endif
