/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/push_send.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <openssl/err.h>

#include "base/util.h"
#include "endpoint/handshake.h"
#include "endpoint/listen.h"

#define MAX_ANSWER 4096 /* bytes that we look at for a status line */

struct push_send {
	struct bufferevent *bev;
	struct event *deadline;
	void (*done)(const char *why, void *arg);
	void *arg;
	bool connected;
	char why[96];
};

/*
 * No certificate of ours is shown, and the destination's is not looked at: the event says nothing
 * that the host does not know, and the schema says so (VerifyCertificate false).
 */
SSL_CTX *push_send_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context) {
		SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
		SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	}
	return context;
}

/* A connection to ourselves would reach what listens on no NIC, and may trust it. */
static bool is_ours(const struct push_url *url)
{
	struct ifaddrs *list = NULL;
	bool found = getifaddrs(&list) < 0;

	for (struct ifaddrs *a = list; a && !found; a = a->ifa_next)
		found = a->ifa_addr && push_url_is_address(url, a->ifa_addr);
	freeifaddrs(list);
	return found;
}

/* Safe at any time; tells once. */
static void finish(struct push_send *send, const char *why)
{
	void (*done)(const char *why, void *arg) = send->done;

	send->done = NULL;
	if (done)
		done(why, send->arg);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	struct push_send *send = arg;
	char line[64] = "";
	int status;

	if (evbuffer_search(input, "\r\n", 2, NULL).pos < 0) {
		if (evbuffer_get_length(input) >= MAX_ANSWER)
			finish(send, "its answer is no HTTP");
		return;
	}
	evbuffer_copyout(input, line, sizeof(line) - 1);
	if (sscanf(line, "HTTP/1.%*1[01] %3d", &status) != 1) {
		finish(send, "its answer is no HTTP");
		return;
	}
	snprintf(send->why, sizeof(send->why), "it answered with status %d", status);
	finish(send, status >= 200 && status < 300 ? NULL : send->why);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct push_send *send = arg;
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED) {
		send->connected = true;
		return;
	}
	ERR_clear_error();
	if (what & BEV_EVENT_EOF)
		snprintf(send->why, sizeof(send->why), "it closed the connection");
	else
		snprintf(send->why, sizeof(send->why), "no TLS connection%s%s", error ? ": " : "",
			error ? strerror(error) : "");
	finish(send, send->why);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	finish(arg, "it did not answer in time");
}

static int open_socket(const struct push_sending *sending, struct sockaddr_storage *address)
{
	_cleanup_close_ int fd = socket(sending->url->address.ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int r;

	if (fd < 0)
		return -errno;
	r = listen_bind_to_nic(fd, sending->ifindex);
	if (r < 0)
		return r;
	*address = sending->url->address;
	if (address->ss_family == AF_INET6 &&
		IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)address)->sin6_addr))
		((struct sockaddr_in6 *)address)->sin6_scope_id = sending->ifindex;
	if (connect(fd, (struct sockaddr *)address, sending->url->length) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	return util_steal_fd(&fd);
}

static int make_bufferevent(struct push_send *send, const struct push_sending *sending, int fd)
{
	SSL *ssl = SSL_new(sending->context);
	struct evbuffer *out;

	if (ssl)
		send->bev = handshake_wrap(sending->base, fd, ssl, BUFFEREVENT_SSL_CONNECTING);
	if (!send->bev)
		return -ENOMEM;
	bufferevent_openssl_set_allow_dirty_shutdown(send->bev, 1);
	bufferevent_setcb(send->bev, on_read, NULL, on_event, send);
	bufferevent_setwatermark(send->bev, EV_READ, 0, MAX_ANSWER);
	out = bufferevent_get_output(send->bev);
	evbuffer_add_printf(out,
		"POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bmclink-endpoint\r\n"
		"OData-Version: 4.0\r\nContent-Type: application/json; charset=utf-8\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		sending->url->path, sending->url->authority, sending->length);
	evbuffer_add(out, sending->body, sending->length);
	bufferevent_enable(send->bev, EV_READ | EV_WRITE);
	return 0;
}

int push_send_start(const struct push_sending *sending, struct push_send **send)
{
	struct timeval limit = {PUSH_SEND_SECONDS, 0};
	struct sockaddr_storage address;
	struct push_send *made;
	int fd, r = -ENOMEM;

	if (is_ours(sending->url))
		return -EPERM;
	fd = open_socket(sending, &address);
	if (fd < 0)
		return fd;
	made = calloc(1, sizeof(*made));
	if (made) {
		*made = (struct push_send){.done = sending->done, .arg = sending->arg};
		made->deadline = evtimer_new(sending->base, on_deadline, made);
	}
	if (made && made->deadline)
		r = make_bufferevent(made, sending, fd);
	if (r < 0) {
		close(fd);
		push_send_free(made);
		return r;
	}
	evtimer_add(made->deadline, &limit);
	*send = made;
	return 0;
}

bool push_send_is_connected(const struct push_send *send)
{
	return send->connected;
}

void push_send_free(struct push_send *send)
{
	if (!send)
		return;
	if (send->bev)
		bufferevent_free(send->bev);
	if (send->deadline)
		event_free(send->deadline);
	free(send);
}
