/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: listening sockets, connections, their number and their deadlines. What is said over
 * a connection is the handlers' business (service.c); how one connection lives is connection.c's.
 *
 * The other end is hostile: nothing waits for ever, nothing grows without a bound, and whoever is
 * not known as a host or administrator makes room for those who are.
 */
#ifndef BMCLINK_ENDPOINT_SERVER_H
#define BMCLINK_ENDPOINT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "endpoint/handshake.h"
#include "endpoint/http.h"

#define SERVER_SOURCE_SHARE  3 /* of the connections that one IPv4 address or IPv6 /64 may have */
#define SERVER_MAX_LISTENERS 4
#define SERVER_MAX_BODY	     (256 * 1024)
#define SERVER_BODY_SINK     SIZE_MAX	    /* of the head handler: connection_set_sink() */
#define SERVER_BODY_UNWANTED (SIZE_MAX - 1) /* handle it at once, without its body */
#define SERVER_HANDSHAKE_MS  3000
#define SERVER_IDLE_MS	     30000 /* for the first byte of a request */
#define SERVER_HEAD_MS	     5000  /* for the rest of its head */
#define SERVER_BODY_MS	     10000
#define SERVER_HANDLING_MS   60000 /* for our own answer */
#define SERVER_WRITE_MS	     30000 /* for a client to take what we wrote */
#define SERVER_LINGER_MS     1000

struct server;
struct connection;

enum server_port {
	SERVER_PORT_SERVICE, /* the Redfish service */
	SERVER_PORT_REFUSE,  /* plain_port of a BMC with TLS: every request is refused */
};

struct server_handlers {
	/* The head of a request is here: how long may its body be (at most SERVER_MAX_BODY), or
	 * what else is to be done with it? */
	size_t (*head)(
		struct connection *connection, const struct http_request *request, void *arg);
	/* A whole request: answer with connection_reply() or connection_stream_open(), now or
	 * within SERVER_HANDLING_MS. */
	void (*request)(struct connection *connection, const struct http_request *request,
		const char *body, size_t length, void *arg);
	/* The connection broke the protocol or a limit: answer this status; it closes then. */
	void (*error)(struct connection *connection, int status, void *arg);
	/* A handshake failed: see connection_get_handshake(). */
	void (*handshake_failed)(struct connection *connection, void *arg);
	/* A connection was turned away or thrown out because there were too many. */
	void (*too_many)(void *arg);
	struct handshake_rules rules;
	void *arg;
};

int server_new(struct event_base *base, const struct server_handlers *handlers,
	unsigned int max_connections, struct server **server);
/* Those there are beyond a smaller maximum stay until they end. Fewer, where the limit of open
 * files leaves no room for so many: said in the log. */
void server_set_maximum(struct server *server, unsigned int max_connections);
/* Closes everything, streams too. Safe with NULL. */
void server_free(struct server *server);

/*
 * Serve a listening socket, which is the server's from then on (also on failure). context NULL:
 * plain. The context is held by reference.
 */
int server_listen(struct server *server, int fd, SSL_CTX *context, enum server_port port);
/* Another certificate for the connections to come, wherever there is TLS. */
void server_set_context(struct server *server, SSL_CTX *context);
/* Stop listening and close all connections. */
void server_close_all(struct server *server, const char *reason);

/* Close those connections for which match says so. */
void server_close_matching(struct server *server,
	bool (*match)(const struct connection *connection, void *arg), const char *reason,
	void *arg);
unsigned int server_count(const struct server *server);
bool server_was_used(const struct server *server); /* by any connection, ever */

#endif
