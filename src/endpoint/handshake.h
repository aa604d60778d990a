/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of a TLS handshake: who is the client? A certificate is asked for and not
 * required. None: the connection goes on without a name (ServiceRoot, log-in). One that is refused
 * ends the handshake with an alert that says why: certificate_expired (45) or unknown_ca (48), RFC
 * 8446 clause 6.2.
 */
#ifndef BMCLINK_ENDPOINT_HANDSHAKE_H
#define BMCLINK_ENDPOINT_HANDSHAKE_H

#include <stdbool.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>

#include "base/tls.h"
#include "endpoint/trust.h"

enum handshake_client {
	HANDSHAKE_CLIENT_NONE, /* no certificate */
	HANDSHAKE_CLIENT_KNOWN,
	HANDSHAKE_CLIENT_ENROLLING,
};

struct handshake_rules { /* borrowed by every handshake */
	enum trust_verdict (*judge)(const struct trust_certificate *certificate, void *arg);
	void *arg;
	/* What a client that speaks plain HTTP to the TLS port gets, ready to send. */
	const char *plain_answer;
};

struct handshake {
	const struct handshake_rules *rules;
	int fd; /* borrowed */
	enum handshake_client client;
	struct trust_certificate certificate; /* unless client is NONE and nothing was refused */
	bool refused;			      /* the certificate was, for this verdict: */
	enum trust_verdict verdict;
	bool plain; /* not TLS: an HTTP request came, and was answered */
	bool first_record_seen;
	unsigned int barren; /* records in a row that brought nothing to read */
};

/* A context for all connections; the caller frees it. */
int handshake_context_new(
	const struct tls_policy *policy, const struct cert_pair *pair, SSL_CTX **context);

/* handshake_check.c: 0: handshakes work with it. -EIO: nobody can connect (logged), and a fresh
 * process may be what it needs. */
int handshake_context_check(SSL_CTX *context);

/* A server's SSL for one connection. handshake must outlive it, or handshake_forget() be called. */
SSL *handshake_start(SSL_CTX *context, struct handshake *handshake);
void handshake_forget(SSL *ssl);

/* The bufferevent that speaks TLS with it on fd, callbacks deferred. It owns both; on failure
 * (NULL: no memory) ssl is freed, and fd stays the caller's. */
struct bufferevent *handshake_wrap(
	struct event_base *base, int fd, SSL *ssl, enum bufferevent_ssl_state state);

#endif
