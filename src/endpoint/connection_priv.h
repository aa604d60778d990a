/* SPDX-License-Identifier: Apache-2.0 */
/* What server.c and connection.c share; nobody else includes this. */
#ifndef BMCLINK_ENDPOINT_CONNECTION_PRIV_H
#define BMCLINK_ENDPOINT_CONNECTION_PRIV_H

#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/bufferevent.h>

#include "endpoint/connection.h"
#include "endpoint/sources.h"

enum connection_state {
	CONNECTION_HANDSHAKE,
	CONNECTION_IDLE,     /* nothing of a request has come yet */
	CONNECTION_HEAD,     /* a part of its head has */
	CONNECTION_BODY,     /* its head has */
	CONNECTION_HANDLING, /* it is with the service */
	CONNECTION_REPLYING, /* the answer is long and goes out */
	CONNECTION_STREAM,
	CONNECTION_CLOSING, /* the last answer goes out */
	CONNECTION_N_STATES,
};

struct connection {
	TAILQ_ENTRY(connection) next;
	struct server *server;
	enum connection_state state;
	enum server_port port;
	bool trusted;
	bool busy;   /* in connection_process(): freed when that ends, not before */
	bool doomed; /* to be freed as soon as not busy */
	bool keep_alive;
	const char *close_reason;

	struct bufferevent *bev;
	struct event *deadline;
	SSL *ssl; /* owned by bev; NULL: plain */
	struct handshake handshake;
	struct connection_peer peer;
	struct source *source; /* where it is counted */
	struct connection_principal principal;
	int refusal; /* status; of this request's credentials */

	char *head; /* owned; what request points into */
	size_t scanned;
	size_t skipped; /* before this head */
	struct http_request request;
	struct http_chunks chunks;
	char *body;
	size_t body_length, body_size, body_limit;
	struct connection_sink sink; /* closed NULL: none */
	size_t sink_watched;	     /* bytes of the body when its deadline was last put off */
	int file_fd;		     /* that an answer goes on with; -1: none */
	uint64_t file_at, file_left;

	void (*held)(void *arg); /* whom to tell when the answer is not needed any more */
	void *held_arg;

	struct connection_stream stream;
	bool stream_chunked;
};

TAILQ_HEAD(connection_list, connection);
struct lingerer;
TAILQ_HEAD(linger_list, lingerer);

struct server_listener {
	struct server *server;
	struct evconnlistener *listener;
	SSL_CTX *context;
	enum server_port port;
};

struct server {
	struct event_base *base;
	struct server_handlers handlers;
	struct server_listener listeners[SERVER_MAX_LISTENERS];
	unsigned int n_listeners;
	struct connection_list connections; /* oldest first */
	unsigned int n_connections, max_connections, peak;
	struct sources sources; /* of the connections */
	bool paused;		/* not accepting: full, or wanting */
	bool wanting;		/* the last accept() failed: told once */
	bool used;		/* there was a connection */
	struct event *trim, *retry;
	struct linger_list lingering;
	unsigned int n_lingering;
};

/* Takes fd in every case. */
int connection_new(struct server *server, const struct server_listener *listener, int fd,
	const struct connection_peer *peer);
void connection_free(struct connection *connection, const char *reason);
/* The one place where the state changes; starts its deadline. */
void connection_set_state(struct connection *connection, enum connection_state state);
/* Free what belongs to one request. */
void connection_reset_request(struct connection *connection);
/* Called by connection_free(): there is room again. */
void server_forget_connection(struct server *server, struct connection *connection);

/* Close fd (owned from here) as soon as the client has closed too, SERVER_LINGER_MS at most, so
 * that what we sent last is not lost by a reset. */
void linger_start(struct server *server, int fd);
void linger_stop_all(struct server *server);

/* connection_reply.c: more of a file's bytes; true: there were some to be written. */
bool connection_pump_file(struct connection *connection);

/* connection_body.c: take a body from the input. 0: more to come, 1: complete, else HTTP status. */
int connection_take_body(struct connection *connection);

#endif
