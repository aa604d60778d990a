/* SPDX-License-Identifier: Apache-2.0 */
/* The last moments of a connection: our side is shut, the client's may still be sending. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoint/connection_priv.h"

#define LINGER_MAX	 64
#define LINGER_MAX_BYTES (1024 * 1024)

struct lingerer {
	TAILQ_ENTRY(lingerer) next;
	struct server *server;
	struct event *readable, *deadline;
	int fd;
	size_t eaten;
};

static void release(struct lingerer *linger)
{
	if (linger->readable)
		event_free(linger->readable);
	if (linger->deadline)
		event_free(linger->deadline);
	close(linger->fd);
	free(linger);
}

static void linger_free(struct lingerer *linger)
{
	TAILQ_REMOVE(&linger->server->lingering, linger, next);
	linger->server->n_lingering--;
	release(linger);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	linger_free(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lingerer *linger = arg;
	char waste[4096];
	ssize_t n = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		linger->eaten += (size_t)n;
	if (n <= 0 || linger->eaten > LINGER_MAX_BYTES)
		linger_free(linger);
}

void linger_start(struct server *server, int fd)
{
	struct timeval tv = {SERVER_LINGER_MS / 1000, (SERVER_LINGER_MS % 1000) * 1000};
	struct lingerer *linger = calloc(1, sizeof(*linger));

	shutdown(fd, SHUT_WR);
	if (!linger) {
		close(fd);
		return;
	}
	linger->server = server;
	linger->fd = fd;
	if (server->n_lingering < LINGER_MAX) {
		linger->readable =
			event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, linger);
		linger->deadline = evtimer_new(server->base, on_deadline, linger);
	}
	if (!linger->readable || !linger->deadline || event_add(linger->readable, NULL) < 0 ||
		event_add(linger->deadline, &tv) < 0) {
		release(linger);
		return;
	}
	TAILQ_INSERT_TAIL(&server->lingering, linger, next);
	server->n_lingering++;
}

void linger_stop_all(struct server *server)
{
	struct lingerer *linger;

	while ((linger = TAILQ_FIRST(&server->lingering)))
		linger_free(linger);
}
