/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connect by ourselves: libcurl would not tell the errno of every case, has one deadline for
 * TCP and TLS together, and a process without socket() cannot let it open any.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "host/link/channel_internal.h"

static socklen_t fill_address(const struct channel *channel, struct sockaddr_storage *storage)
{
	const struct channel_target *target = &channel->target;

	memset(storage, 0, sizeof(*storage));
	if (target->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)storage;

		in->sin_family = AF_INET;
		in->sin_addr = target->ipv4;
		in->sin_port = htons(channel->port);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;

	in6->sin6_family = AF_INET6;
	in6->sin6_addr = target->ipv6;
	in6->sin6_port = htons(channel->port);
	if (IN6_IS_ADDR_LINKLOCAL(&target->ipv6))
		in6->sin6_scope_id = target->ifindex;
	return sizeof(*in6);
}

static void note_local_address(struct channel *channel, int fd)
{
	struct sockaddr_storage storage = {0};
	socklen_t length = sizeof(storage);
	const void *address = &((struct sockaddr_in *)&storage)->sin_addr;

	if (getsockname(fd, (struct sockaddr *)&storage, &length) < 0)
		return;
	if (storage.ss_family == AF_INET6)
		address = &((struct sockaddr_in6 *)&storage)->sin6_addr;
	inet_ntop(storage.ss_family, address, channel->info.local_address,
		sizeof(channel->info.local_address));
}

/* Structures of closed connections are freed here, when no callback of theirs can be running. */
static void drop_closed(struct channel *channel)
{
	struct connection **link = &channel->connections;

	while (*link) {
		struct connection *connection = *link;

		if (connection->fd >= 0 || connection == channel->main.connection ||
			connection == channel->side.connection) {
			link = &connection->next;
			continue;
		}
		*link = connection->next;
		free(connection);
	}
}

static struct connection *make_connection(struct transfer *transfer, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->channel = transfer->channel;
	connection->transfer = transfer;
	connection->fd = fd;
	connection->facts.alert_in = connection->facts.alert_out = -1;
	connection->next = transfer->channel->connections;
	transfer->channel->connections = connection;
	return connection;
}

void channel_tcp_stop(struct transfer *transfer)
{
	if (transfer->connecting)
		event_free(transfer->connecting);
	transfer->connecting = NULL;
	if (transfer->connect_fd >= 0) {
		if (transfer->connection && transfer->connection->fd == transfer->connect_fd)
			transfer->connection->fd = -1;
		close(transfer->connect_fd);
	}
	transfer->connect_fd = -1;
}

static void finish(struct transfer *transfer, int error)
{
	struct channel *channel = transfer->channel;

	if (error == 0) {
		note_local_address(channel, transfer->connect_fd);
		transfer->connection = make_connection(transfer, transfer->connect_fd);
		if (!transfer->connection)
			error = ENOMEM;
	}
	if (error != 0) {
		channel_tcp_stop(transfer);
		transfer_failed(transfer, error);
		return;
	}
	transfer_connected(transfer);
}

static void begin(struct transfer *transfer);

/*
 * The question for the neighbour may be older than the connection: something that was on its way
 * when the carrier went asks on, and takes a SYN with it when its last question was unanswered, a
 * few ms after the carrier came back. A second failure is about the BMC.
 */
static bool ask_again(struct transfer *transfer, int error)
{
	if (error != EHOSTUNREACH || transfer->asked_again)
		return false;
	transfer->asked_again = true;
	channel_tcp_stop(transfer);
	begin(transfer);
	return true;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct transfer *transfer = arg;
	struct channel *channel = transfer->channel;
	int error = 0;
	socklen_t length = sizeof(error);

	channel_enter(channel);
	event_free(transfer->connecting);
	transfer->connecting = NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (!ask_again(transfer, error))
		finish(transfer, error);
	channel_leave(channel);
}

static void begin(struct transfer *transfer)
{
	const struct channel_environment *environment = transfer->channel->environment;
	struct sockaddr_storage storage;
	socklen_t length = fill_address(transfer->channel, &storage);
	int fd = environment->open_socket(transfer->channel->target.family, environment->arg);

	if (fd < 0) {
		transfer->local = true;
		transfer_failed(transfer, -fd);
		return;
	}
	transfer->connect_fd = fd;
	if (connect(fd, (const struct sockaddr *)&storage, length) == 0) {
		finish(transfer, 0);
		return;
	}
	if (errno != EINPROGRESS) {
		finish(transfer, errno);
		return;
	}
	transfer->connecting = event_new(environment->base, fd, EV_WRITE, on_writable, transfer);
	if (!transfer->connecting || event_add(transfer->connecting, NULL) < 0)
		finish(transfer, ENOMEM);
}

void channel_tcp_connect(struct transfer *transfer)
{
	transfer->connection = NULL;
	drop_closed(transfer->channel);
	transfer->connects++;
	transfer->asked_again = false;
	transfer_set_phase(transfer, TRANSFER_CONNECT);
	begin(transfer);
}
