/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface on libevent. Each channel has a multi handle of its own, so that no
 * connection of one channel can ever carry a request of another, and the end of a channel is the
 * end of its sockets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

static void take_messages(struct channel *channel)
{
	CURLMsg *message;
	int left;

	while (channel->multi && (message = curl_multi_info_read(channel->multi, &left))) {
		struct transfer *transfer = NULL;
		CURLcode code;

		if (message->msg != CURLMSG_DONE)
			continue;
		code = message->data.result; /* the message goes with the handle */
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		channel_multi_remove(transfer);
		transfer_finished(transfer, code);
	}
}

static struct connection *find_connection(struct channel *channel, int fd)
{
	struct connection *connection = channel->connections;

	while (connection && connection->fd != fd)
		connection = connection->next;
	return connection;
}

/*
 * The errno of a dead connection: libcurl reports "recv failure" and little more. Reading it takes
 * it from the socket; libcurl then sees an end of file, which comes to the same.
 */
static void note_read_error(struct channel *channel, int fd)
{
	struct connection *connection = find_connection(channel, fd);
	char byte;

	if (!connection || recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
		return;
	if (errno != EAGAIN && errno != EINTR)
		connection->read_errno = errno;
}

/*
 * A BMC that sends session tickets and has no TCP_NODELAY holds its first answer back until the
 * tickets are acknowledged, which the kernel would delay by 40 ms. The option does not last.
 */
static void acknowledge(const struct transfer *transfer)
{
	int on = 1;

	if (transfer->phase == TRANSFER_ANSWER && transfer->connection &&
		transfer->connection->fd >= 0)
		setsockopt(transfer->connection->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* libcurl does nothing more for what is under way: left to itself that would wait for its deadline.
 */
static void starve(struct transfer *transfer)
{
	if (!transfer->added)
		return;
	transfer->starved = true;
	clock_set_timer(transfer->deadline, 0);
}

static void act(struct channel *channel, int fd, int mask)
{
	int running;

	if (curl_multi_socket_action(channel->multi, fd, mask, &running) != CURLM_OK) {
		starve(&channel->main);
		starve(&channel->side);
	}
	take_messages(channel);
	acknowledge(&channel->main);
	acknowledge(&channel->side);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;
	int mask =
		(what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	channel_enter(channel);
	if (what & EV_READ)
		note_read_error(channel, fd);
	act(channel, fd, mask);
	channel_leave(channel);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel_enter(channel);
	act(channel, CURL_SOCKET_TIMEOUT, 0);
	channel_leave(channel);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *private)
{
	struct channel *channel = arg;
	struct event *event = private;
	short events = EV_PERSIST;

	if (event)
		event_free(event);
	event = NULL;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EV_WRITE;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(channel->environment->base, fd, events, on_socket, channel);
		if (event && event_add(event, NULL) < 0) {
			event_free(event);
			event = NULL;
		}
	}
	curl_multi_assign(channel->multi, fd, event); /* also NULL: the old one is freed */
	return event || what == CURL_POLL_REMOVE ? 0 : -1;
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct channel *channel = arg;

	if (ms < 0)
		evtimer_del(channel->multi_timer);
	else
		clock_set_timer(channel->multi_timer, (unsigned int)ms);
	return 0;
}

int channel_multi_new(struct channel *channel)
{
	channel->multi_timer = evtimer_new(channel->environment->base, on_timer, channel);
	channel->multi = curl_multi_init();
	if (!channel->multi || !channel->multi_timer)
		return -ENOMEM;
	curl_multi_setopt(channel->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(channel->multi, CURLMOPT_SOCKETDATA, channel);
	curl_multi_setopt(channel->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(channel->multi, CURLMOPT_TIMERDATA, channel);
	curl_multi_setopt(channel->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(channel->multi, CURLMOPT_MAXCONNECTS, 2L);
	return 0;
}

void channel_multi_free(struct channel *channel)
{
	if (channel->multi)
		curl_multi_cleanup(channel->multi);
	channel->multi = NULL;
	if (channel->multi_timer)
		event_free(channel->multi_timer);
	channel->multi_timer = NULL;
}

int channel_multi_add(struct transfer *transfer)
{
	if (curl_multi_add_handle(transfer->channel->multi, transfer->easy) != CURLM_OK)
		return -ENOMEM;
	transfer->added = true;
	return 0;
}

void channel_multi_remove(struct transfer *transfer)
{
	if (transfer->added)
		curl_multi_remove_handle(transfer->channel->multi, transfer->easy);
	transfer->added = false;
}

int channel_multi_close_socket(void *arg, curl_socket_t fd)
{
	struct channel *channel = arg;
	struct connection *connection = find_connection(channel, fd);

	if (connection)
		connection->fd = -1;
	return close(fd);
}
