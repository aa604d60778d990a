/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/connection_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "base/log.h"
#include "base/util.h"

#define MAX_SKIPPED 64			/* bytes of empty lines before a request */
#define INPUT_HIGH  (2 * HTTP_MAX_HEAD) /* bytes read ahead; bodies are taken out as they come */

static const struct {
	const char *name;
	int deadline_ms; /* 0: none */
} states[CONNECTION_N_STATES] = {
	[CONNECTION_HANDSHAKE] = {"handshake", SERVER_HANDSHAKE_MS},
	[CONNECTION_IDLE] = {"idle",	     SERVER_IDLE_MS	   },
	[CONNECTION_HEAD] = {"head",	     SERVER_HEAD_MS	   },
	[CONNECTION_BODY] = {"body",	     SERVER_BODY_MS	   },
	[CONNECTION_HANDLING] = {"handling",  SERVER_HANDLING_MS },
	[CONNECTION_REPLYING] = {"replying",  SERVER_WRITE_MS    },
	[CONNECTION_STREAM] = {"stream",	 0		  },
	[CONNECTION_CLOSING] = {"closing",   SERVER_WRITE_MS	  },
};

void connection_set_state(struct connection *c, enum connection_state state)
{
	int ms = states[state].deadline_ms;
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	log_debug("connection", "%s: %s -> %s", c->peer.address, states[c->state].name,
		states[state].name);
	c->state = state;
	if (ms)
		event_add(c->deadline, &tv);
	else
		event_del(c->deadline);
}

void connection_reset_request(struct connection *c)
{
	void (*closed)(void *arg) = c->sink.closed;

	c->sink.closed = NULL;
	if (closed)
		closed(c->sink.arg);
	free(c->head);
	free(c->body);
	c->head = NULL;
	c->body = NULL;
	c->scanned = c->skipped = c->body_length = c->body_size = 0;
	memset(&c->chunks, 0, sizeof(c->chunks));
	/* What comes next may be refused before it has a method, and was no HEAD for that. */
	c->request.method = (enum http_method)0;
	c->refusal = 0;
}

/* The last bytes are out. Say goodbye in the way that the client gets them all. */
static void finish(struct connection *c, const char *reason)
{
	int fd = bufferevent_getfd(c->bev);
	int copy;

	if (c->ssl && SSL_is_init_finished(c->ssl)) {
		SSL_shutdown(c->ssl);
		ERR_clear_error();
	}
	copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	if (copy >= 0)
		linger_start(c->server, copy);
	connection_free(c, reason);
}

static void end(struct connection *c, const char *reason)
{
	if (c->busy) {
		c->doomed = true;
		c->close_reason = reason;
	} else {
		connection_free(c, reason);
	}
}

/* Whoever holds the request lets go of it. */
static void let_go(struct connection *c)
{
	void (*held)(void *arg) = c->held;

	c->held = NULL;
	if (held)
		held(c->held_arg);
}

static void refuse(struct connection *c, int status)
{
	let_go(c);
	c->keep_alive = false;
	if (c->state != CONNECTION_HANDLING)
		connection_set_state(c, CONNECTION_HANDLING);
	c->server->handlers.error(c, status, c->server->handlers.arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	switch (c->state) {
	case CONNECTION_HEAD:
	case CONNECTION_BODY:
		refuse(c, 408);
		break;
	case CONNECTION_HANDLING:
		refuse(c, 503);
		break;
	default:
		connection_free(c, "timed out");
	}
}

/* Where the head ends, behind its empty line; 0: not here yet. Looks at no byte twice. */
static size_t find_head_end(struct connection *c, struct evbuffer *input)
{
	struct evbuffer_ptr from, found;

	if (evbuffer_ptr_set(input, &from, c->scanned > 3 ? c->scanned - 3 : 0, EVBUFFER_PTR_SET) <
		0)
		return 0;
	found = evbuffer_search(input, "\r\n\r\n", 4, &from);
	c->scanned = evbuffer_get_length(input);
	return found.pos < 0 ? 0 : (size_t)found.pos + 4;
}

/* Refused whatever it says: its body need not come. */
static void handle_without_body(struct connection *c)
{
	c->keep_alive = false;
	connection_set_state(c, CONNECTION_HANDLING);
	c->server->handlers.request(c, &c->request, "", 0, c->server->handlers.arg);
}

static void take_request(struct connection *c)
{
	bool body = c->request.chunked || c->request.content_length;
	struct evbuffer *input = bufferevent_get_input(c->bev);

	if (c->port == SERVER_PORT_REFUSE) {
		handle_without_body(c);
		return;
	}
	c->keep_alive = c->request.keep_alive;
	c->body_limit = c->server->handlers.head(c, &c->request, c->server->handlers.arg);
	if (c->body_limit == SERVER_BODY_UNWANTED) {
		handle_without_body(c);
		return;
	}
	if (c->body_limit > SERVER_MAX_BODY)
		c->body_limit = SERVER_MAX_BODY;
	if (body && c->request.expect_continue && evbuffer_get_length(input) == 0 &&
		c->request.content_length <= (c->sink.closed ? c->sink.limit : c->body_limit))
		bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	connection_set_state(c, CONNECTION_BODY);
}

static void read_head(struct connection *c, struct evbuffer *input)
{
	size_t length = find_head_end(c, input);
	int status;

	if (length > HTTP_MAX_HEAD || (!length && evbuffer_get_length(input) >= HTTP_MAX_HEAD)) {
		refuse(c, 431);
		return;
	}
	if (!length)
		return;
	c->head = malloc(length);
	if (!c->head) {
		connection_close(c, "no memory");
		return;
	}
	evbuffer_remove(input, c->head, length);
	status = http_parse_head(c->head, length, &c->request);
	if (status)
		refuse(c, status);
	else
		take_request(c);
}

static void read_body(struct connection *c)
{
	int r = c->request.chunked || c->request.content_length ? connection_take_body(c) : 1;

	if (r > 1) {
		refuse(c, r);
	} else if (r == 1) {
		connection_set_state(c, CONNECTION_HANDLING);
		c->server->handlers.request(c, &c->request, c->body ? c->body : "",
			c->body ? c->body_length : 0, c->server->handlers.arg);
	}
}

/* Empty lines before a request are to be forgiven (RFC 9112, 2.2): a few, not as long as they
 * come. More are the begin of a head, and a wrong one. */
static void skip_empty_lines(struct connection *c, struct evbuffer *input)
{
	char byte;

	while (c->skipped < MAX_SKIPPED && evbuffer_copyout(input, &byte, 1) == 1 &&
		(byte == '\r' || byte == '\n')) {
		evbuffer_drain(input, 1);
		c->skipped++;
	}
}

/* One step; false when nothing more can be done with what has come so far. */
static bool process_step(struct connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	enum connection_state before = c->state;

	switch (c->state) {
	case CONNECTION_IDLE:
		skip_empty_lines(c, input);
		if (evbuffer_get_length(input))
			connection_set_state(c, CONNECTION_HEAD);
		break;
	case CONNECTION_HEAD:
		read_head(c, input);
		break;
	case CONNECTION_BODY:
		read_body(c);
		/* A request answered at once has brought the state round to where it began. */
		if (c->state == CONNECTION_IDLE)
			return true;
		break;
	case CONNECTION_STREAM:
		evbuffer_drain(input, evbuffer_get_length(input));
		return false;
	default:
		return false;
	}
	return c->state != before;
}

static void connection_process(struct connection *c)
{
	if (c->busy)
		return;
	c->busy = true;
	while (!c->doomed && process_step(c))
		;
	c->busy = false;
	if (c->doomed)
		connection_free(c, c->close_reason);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	connection_process(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	if (c->state == CONNECTION_STREAM) {
		if (c->stream.drained)
			c->stream.drained(c->stream.arg);
		return;
	}
	if (evbuffer_get_length(bufferevent_get_output(bev)) || connection_pump_file(c))
		return;
	if (c->state == CONNECTION_CLOSING) {
		finish(c, "closed after its answer");
	} else if (c->state == CONNECTION_REPLYING) {
		connection_set_state(c, CONNECTION_IDLE);
		connection_process(c);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;
	struct evbuffer *output = bufferevent_get_output(bev);

	if (what & BEV_EVENT_CONNECTED) {
		c->trusted = c->handshake.client == HANDSHAKE_CLIENT_KNOWN;
		connection_set_state(c, CONNECTION_IDLE);
		return;
	}
	ERR_clear_error();
	if (c->state == CONNECTION_HANDSHAKE) {
		c->server->handlers.handshake_failed(c, c->server->handlers.arg);
		/* The alert, or the 426, is on its way: a reset must not overtake it. */
		finish(c, "handshake failed");
	} else if (what & BEV_EVENT_TIMEOUT) {
		connection_free(c, "the client takes nothing");
	} else if ((what & BEV_EVENT_EOF) && !c->ssl && c->state != CONNECTION_STREAM &&
		   evbuffer_get_length(output)) {
		/* A client may shut its side once it has asked. A stream has no end to wait for. */
		connection_set_state(c, CONNECTION_CLOSING);
	} else if (what & BEV_EVENT_EOF) {
		connection_free(c, "closed by the client");
	} else {
		connection_free(c, "broken");
	}
}

static int make_bufferevent(struct connection *c, SSL_CTX *context, int fd)
{
	if (!context) {
		c->bev = bufferevent_socket_new(
			c->server->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
		return c->bev ? 0 : -ENOMEM;
	}
	c->handshake.rules = &c->server->handlers.rules;
	c->handshake.fd = fd;
	c->ssl = handshake_start(context, &c->handshake);
	if (!c->ssl)
		return -ENOMEM;
	c->bev = handshake_wrap(c->server->base, fd, c->ssl, BUFFEREVENT_SSL_ACCEPTING);
	return c->bev ? 0 : -ENOMEM;
}

int connection_new(struct server *server, const struct server_listener *listener, int fd,
	const struct connection_peer *peer)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->server = server;
	c->port = listener->port;
	c->file_fd = -1;
	c->peer = *peer;
	c->deadline = evtimer_new(server->base, on_deadline, c);
	c->source = sources_take(&server->sources, c->peer.source);
	if (!c->deadline || !c->source || make_bufferevent(c, listener->context, fd) < 0) {
		if (c->deadline)
			event_free(c->deadline);
		if (c->source)
			sources_release(&server->sources, c->source);
		free(c);
		close(fd);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&server->connections, c, next);
	server->n_connections++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	connection_set_state(c, c->ssl ? CONNECTION_HANDSHAKE : CONNECTION_IDLE);
	return 0;
}

void connection_free(struct connection *c, const char *reason)
{
	log_debug("connection", "%s: ends in state %s: %s", c->peer.address, states[c->state].name,
		reason);
	let_go(c);
	if (c->stream.closed) /* whatever state it has come to since */
		c->stream.closed(reason, c->stream.arg);
	event_free(c->deadline);
	if (c->ssl)
		handshake_forget(c->ssl);
	bufferevent_free(c->bev);
	if (c->file_fd >= 0)
		close(c->file_fd);
	connection_reset_request(c);
	server_forget_connection(c->server, c);
	free(c);
}

void connection_close(struct connection *c, const char *reason)
{
	end(c, reason);
}
