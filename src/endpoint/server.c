/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/listener.h>

#include "base/log.h"
#include "base/relayed.h"
#include "endpoint/connection_priv.h"

#define TRIM_PEAK 16 /* connections at a time after which memory is given back */
#define TRIM_MS	  2000
#define RETRY_MS  1000 /* after an accept() that failed */
#define OWN_FILES 48   /* log, listeners, control, hooks, pushes: what is no connection */

/* Want of descriptors or of memory passes, also while not one of our connections ends: a host's
 * stream stays for months. */
static void try_later(struct server *server, const char *what, int error)
{
	static const struct timeval later = {RETRY_MS / 1000, (RETRY_MS % 1000) * 1000};

	if (!server->wanting)
		log_warning("server", "%s: %s", what, strerror(error));
	server->wanting = true;
	evtimer_add(server->retry, &later);
}

static void disable(struct server *server)
{
	for (unsigned int i = 0; i < server->n_listeners; i++)
		evconnlistener_disable(server->listeners[i].listener);
}

/* All of them, or none: false. */
static bool enable(struct server *server)
{
	for (unsigned int i = 0; i < server->n_listeners; i++) {
		if (evconnlistener_enable(server->listeners[i].listener) < 0) {
			disable(server);
			return false;
		}
	}
	return true;
}

static void set_paused(struct server *server, bool paused)
{
	if (server->paused == paused)
		return;
	if (paused) {
		disable(server);
	} else if (!enable(server)) {
		try_later(server, "cannot accept again", errno);
		return;
	}
	server->paused = paused;
	if (!server->wanting)
		log_notice("server",
			paused ? "full: %u connections, accepting no more"
			       : "accepting again: %u connections",
			server->n_connections);
}

void server_forget_connection(struct server *server, struct connection *connection)
{
	const struct timeval later = {TRIM_MS / 1000, (TRIM_MS % 1000) * 1000};

	TAILQ_REMOVE(&server->connections, connection, next);
	sources_release(&server->sources, connection->source);
	server->n_connections--;
	set_paused(server, false);
	if (server->n_connections <= 2 && server->peak > TRIM_PEAK) {
		server->peak = 0;
		evtimer_add(server->trim, &later);
	}
}

/* Not at the end of the last connection: libevent frees what was in it later, in its loop, and
 * lingering sockets end after a second. */
static void on_trim(evutil_socket_t fd, short what, void *arg)
{
	malloc_trim(0);
}

/* The text of an address, an IPv4-mapped one as what it is. */
static void read_address(const struct sockaddr *sa, char *text, unsigned char source[16])
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
		if (source)
			memcpy(source, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
		if (source)
			memcpy(source, &in6->sin6_addr, 8); /* a host has its /64 for the asking */
	}
}

static void read_peer(int fd, const struct sockaddr *sa, struct connection_peer *peer)
{
	struct sockaddr_storage local = {0};
	socklen_t length = sizeof(local);

	memset(peer, 0, sizeof(*peer));
	peer->family = sa->sa_family;
	read_address(sa, peer->address, peer->source);
	/* Another source than the host itself: they share an address, and no limits. */
	peer->relayed = sa->sa_family == AF_INET &&
			relayed_is_port(ntohs(((const struct sockaddr_in *)sa)->sin_port));
	if (peer->relayed)
		peer->source[sizeof(peer->source) - 1] = 1;
	if (getsockname(fd, (struct sockaddr *)&local, &length) == 0)
		read_address((struct sockaddr *)&local, peer->local, NULL);
}

/* The oldest connection of somebody unknown, of this source or (NULL) of any. */
static struct connection *find_victim(struct server *server, const unsigned char *source)
{
	struct connection *c;

	for (c = TAILQ_FIRST(&server->connections); c; c = TAILQ_NEXT(c, next)) {
		if (!c->trusted && !c->busy &&
			(!source || memcmp(c->peer.source, source, sizeof(c->peer.source)) == 0))
			return c;
	}
	return NULL;
}

/* Of those who may stay. */
static bool is_full(struct server *server)
{
	return server->n_connections >= server->max_connections && !find_victim(server, NULL);
}

/*
 * Room for one more of this source? Any user of the host can open connections, but only its agent
 * has the certificate: strangers lose their place, the oldest first, and cannot keep the agent out.
 */
static bool make_room(struct server *server, const unsigned char *source)
{
	bool source_full = sources_count(&server->sources, source) >=
			   server->max_connections / SERVER_SOURCE_SHARE;
	struct connection *victim;

	if (!source_full && server->n_connections < server->max_connections)
		return true;
	server->handlers.too_many(server->handlers.arg);
	victim = find_victim(server, source_full ? source : NULL);
	if (!victim)
		return false;
	connection_free(victim, "thrown out: too many connections");
	return true;
}

static void on_accept(
	struct evconnlistener *evl, evutil_socket_t fd, struct sockaddr *sa, int salen, void *arg)
{
	struct server_listener *listener = arg;
	struct server *server = listener->server;
	struct connection_peer peer;

	server->wanting = false;
	read_peer(fd, sa, &peer);
	if (!make_room(server, peer.source)) {
		close(fd);
		return;
	}
	if (connection_new(server, listener, fd, &peer) < 0)
		return;
	server->used = true;
	if (server->n_connections > server->peak)
		server->peak = server->n_connections;
	/* The kernel's queue is the place to wait. */
	if (is_full(server))
		set_paused(server, true);
}

/* It would make us spin. */
static void on_accept_error(struct evconnlistener *evl, void *arg)
{
	struct server_listener *listener = arg;

	try_later(listener->server, "accept", errno);
	set_paused(listener->server, true);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	if (!is_full(server))
		set_paused(server, false);
}

/*
 * As many as there are descriptors for, so that want of them is no everyday matter. The soft limit,
 * which is 1024 nearly everywhere, is ours to raise.
 */
static unsigned int bound_by_files(unsigned int wanted)
{
	rlim_t needed = (rlim_t)wanted + OWN_FILES;
	struct rlimit limit;
	unsigned int most;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
		return wanted;
	limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return wanted;
	if (limit.rlim_cur >= needed)
		return wanted;
	most = limit.rlim_cur > OWN_FILES ? (unsigned int)limit.rlim_cur - OWN_FILES : 1;
	log_warning("server", "room for %u connections only: the limit of open files is %lu", most,
		(unsigned long)limit.rlim_cur);
	return most;
}

void server_set_maximum(struct server *server, unsigned int max_connections)
{
	max_connections = bound_by_files(max_connections);
	server->max_connections = max_connections;
	if (server->n_connections < max_connections)
		set_paused(server, false);
}

int server_new(struct event_base *base, const struct server_handlers *handlers,
	unsigned int max_connections, struct server **server)
{
	struct server *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->base = base;
	made->handlers = *handlers;
	made->max_connections = bound_by_files(max_connections);
	TAILQ_INIT(&made->connections);
	TAILQ_INIT(&made->lingering);
	made->trim = evtimer_new(base, on_trim, made);
	made->retry = evtimer_new(base, on_retry, made);
	if (!made->trim || !made->retry) {
		server_free(made);
		return -ENOMEM;
	}
	*server = made;
	return 0;
}

int server_listen(struct server *server, int fd, SSL_CTX *context, enum server_port port)
{
	struct server_listener *l = &server->listeners[server->n_listeners];

	if (server->n_listeners == SERVER_MAX_LISTENERS) {
		close(fd);
		return -ENOSPC;
	}
	*l = (struct server_listener){.server = server, .context = context, .port = port};
	l->listener = evconnlistener_new(server->base, on_accept, l,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, fd);
	if (!l->listener) {
		close(fd);
		return -ENOMEM;
	}
	/* By itself libevent would not say that it is deaf. */
	if (!server->paused && evconnlistener_enable(l->listener) < 0) {
		evconnlistener_free(l->listener);
		return -ENOMEM;
	}
	if (context)
		SSL_CTX_up_ref(context);
	evconnlistener_set_error_cb(l->listener, on_accept_error);
	server->n_listeners++;
	return 0;
}

void server_set_context(struct server *server, SSL_CTX *context)
{
	for (unsigned int i = 0; i < server->n_listeners && context; i++) {
		struct server_listener *l = &server->listeners[i];

		if (!l->context)
			continue;
		SSL_CTX_up_ref(context);
		SSL_CTX_free(l->context);
		l->context = context;
	}
}

void server_close_matching(struct server *server,
	bool (*match)(const struct connection *connection, void *arg), const char *reason,
	void *arg)
{
	struct connection *c, *following;

	/* A stream's end may write to the log and so to other streams, but frees only itself. */
	for (c = TAILQ_FIRST(&server->connections); c; c = following) {
		following = TAILQ_NEXT(c, next);
		if (!match || match(c, arg))
			connection_close(c, reason);
	}
}

void server_close_all(struct server *server, const char *reason)
{
	for (unsigned int i = 0; i < server->n_listeners; i++) {
		evconnlistener_free(server->listeners[i].listener);
		SSL_CTX_free(server->listeners[i].context);
	}
	server->n_listeners = 0;
	server_close_matching(server, NULL, reason, NULL);
	linger_stop_all(server);
	server->paused = false;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	server_close_all(server, "the service stops");
	if (server->trim)
		event_free(server->trim);
	if (server->retry)
		event_free(server->retry);
	free(server);
}

unsigned int server_count(const struct server *server)
{
	return server->n_connections;
}

bool server_was_used(const struct server *server)
{
	return server->used;
}
