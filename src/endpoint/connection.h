/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a client, as the service sees it. */
#ifndef BMCLINK_ENDPOINT_CONNECTION_H
#define BMCLINK_ENDPOINT_CONNECTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint/privilege.h"
#include "endpoint/server.h"

struct connection_peer {
	int family;			/* AF_INET or AF_INET6 */
	char address[INET6_ADDRSTRLEN]; /* the client's */
	char local[INET6_ADDRSTRLEN];	/* ours */
	unsigned char source[16];	/* what SERVER_SOURCE_SHARE is about */
	bool relayed; /* a client of the host's in-band access (base/relayed.h): not the host */
};

const struct connection_peer *connection_get_peer(const struct connection *connection);
const char *connection_family_name(const struct connection *connection); /* "IPv4", "IPv6" */
/* NULL: a plain connection. */
const SSL *connection_get_ssl(const struct connection *connection);
const struct handshake *connection_get_handshake(const struct connection *connection);
enum server_port connection_get_port(const struct connection *connection);
/* "TLS 1.3", or "not encrypted". */
const char *connection_security_name(const struct connection *connection);

/* What the rights of its last request rested on: service_rights.c ends it with them. */
struct connection_principal {
	enum role role;
	unsigned int session;	/* id; 0: none */
	unsigned int bootstrap; /* id of a bootstrap account; 0: none */
	unsigned int password;	/* generation of the administrator's, where it was given; or 0 */
};

const struct connection_principal *connection_get_principal(const struct connection *connection);
void connection_set_principal(
	struct connection *connection, const struct connection_principal *principal);

/* The status with which the credentials of this request were refused; 0: they were not. */
int connection_get_refusal(const struct connection *connection);
void connection_set_refusal(struct connection *connection, int status);

/* The client is somebody: this connection is not thrown out to make room for others. */
void connection_set_trusted(struct connection *connection);

struct http_reply {
	int status;
	const char *content_type; /* NULL: no body */
	const char *body;
	size_t length;
	const char *fields; /* further fields, each with its CRLF; NULL: none */
	bool close;
};

/* Answer the request that is being handled. The texts are copied. */
void connection_reply(struct connection *connection, const struct http_reply *reply);

/*
 * The answer comes later, within SERVER_HANDLING_MS. closed() is called once when it is not needed
 * any more: the connection ended, or its time was up. The request's texts stay until the answer.
 */
void connection_hold(struct connection *connection, void (*closed)(void *arg), void *arg);

void connection_close_after_reply(struct connection *connection);

/*
 * A body that is not to be kept in memory: to be set from within the head handler, which returns
 * SERVER_BODY_SINK then. take() gets it piece by piece, to its end: a client that is told of an
 * error before it has sent all does not always hear it. closed() is called once, after the answer
 * or when the connection ends.
 */
struct connection_sink {
	uint64_t limit; /* bytes; a longer body is refused with 413 */
	void (*take)(const char *data, size_t length, void *arg);
	void (*closed)(void *arg);
	void *arg;
};
void connection_set_sink(struct connection *connection, const struct connection_sink *sink);
/* The arg of the sink that took this request's body; NULL: there was none. */
void *connection_get_sink(const struct connection *connection);

/*
 * As connection_reply(), with length bytes of a file as its body, from offset on; body and length
 * of reply are not looked at. fd is the connection's from here on.
 */
void connection_reply_file(struct connection *connection, const struct http_reply *reply, int fd,
	uint64_t offset, uint64_t length);

struct connection_stream {
	/* What was queued has gone out: write more. */
	void (*drained)(void *arg);
	/* Once; the connection must not be used any more. */
	void (*closed)(const char *reason, void *arg);
	void *arg;
};

/* Answer 200 with a body that goes on. A client that takes nothing for SERVER_WRITE_MS is closed.
 * After a HEAD request there is only the head, -ECANCELED, and no call back. */
int connection_stream_open(struct connection *connection, const char *content_type,
	const struct connection_stream *stream);
int connection_stream_write(struct connection *connection, const char *data, size_t length);
size_t connection_stream_queued(const struct connection *connection); /* bytes not yet sent */

/* End it; reason is for the log and for closed(). Safe also from within a handler. */
void connection_close(struct connection *connection, const char *reason);

#endif
