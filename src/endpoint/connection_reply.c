/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a connection: whole ones, and streams. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "base/log.h"
#include "endpoint/connection_priv.h"

#define OUTPUT_HIGH 65536 /* bytes; no further request is looked at while more than this waits */
#define STREAM_LOW  16384

static void write_head(struct connection *c, int status, const char *type)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	time_t now = time(NULL);
	char date[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	evbuffer_add_printf(out,
		"HTTP/1.1 %d %s\r\nDate: %s\r\nOData-Version: 4.0\r\n"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
		status, http_status_text(status), date);
	if (type)
		evbuffer_add_printf(out, "Content-Type: %s\r\n", type);
}

/* What comes after an answer: the next request, patience with a slow reader, or the end. */
static void after_reply(struct connection *c)
{
	connection_reset_request(c);
	if (!c->keep_alive)
		connection_set_state(c, CONNECTION_CLOSING);
	else if (c->file_fd >= 0 ||
		 evbuffer_get_length(bufferevent_get_output(c->bev)) > OUTPUT_HIGH)
		connection_set_state(c, CONNECTION_REPLYING);
	else
		connection_set_state(c, CONNECTION_IDLE);
}

void connection_hold(struct connection *c, void (*closed)(void *arg), void *arg)
{
	c->held = closed;
	c->held_arg = arg;
}

/* An answer that came late: the next request may have come meanwhile. */
static void look_again(struct connection *c)
{
	if (!c->busy && c->state == CONNECTION_IDLE)
		bufferevent_trigger(
			c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void connection_reply(struct connection *c, const struct http_reply *reply)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	bool head_only = c->request.method == HTTP_HEAD;

	if (c->state != CONNECTION_HANDLING)
		return;
	if (reply->close)
		c->keep_alive = false;
	write_head(c, reply->status, reply->content_type);
	if (reply->status != 204 && reply->status != 304)
		evbuffer_add_printf(out, "Content-Length: %zu\r\n", reply->length);
	evbuffer_add_printf(out, "%s%s\r\n", reply->fields ? reply->fields : "",
		c->keep_alive ? "" : "Connection: close\r\n");
	if (!head_only && reply->status != 204 && reply->length)
		evbuffer_add(out, reply->body, reply->length);
	after_reply(c);
	look_again(c);
}

#define FILE_PIECE 32768

static void end_file(struct connection *c)
{
	close(c->file_fd);
	c->file_fd = -1;
}

bool connection_pump_file(struct connection *c)
{
	char piece[FILE_PIECE];
	size_t wanted = c->file_left < sizeof(piece) ? (size_t)c->file_left : sizeof(piece);
	ssize_t n;

	if (c->file_fd < 0)
		return false;
	n = pread(c->file_fd, piece, wanted, (off_t)c->file_at);
	if (n <= 0 || evbuffer_add(bufferevent_get_output(c->bev), piece, (size_t)n) < 0) {
		/* Its length was promised: all that can be done is to break off. */
		end_file(c);
		connection_close(c, "a file could not be read");
		return true;
	}
	c->file_at += (uint64_t)n;
	c->file_left -= (uint64_t)n;
	if (!c->file_left)
		end_file(c);
	connection_set_state(c, c->state); /* it takes: its time begins anew */
	return true;
}

void connection_reply_file(struct connection *c, const struct http_reply *reply, int fd,
	uint64_t offset, uint64_t length)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	bool head_only = c->request.method == HTTP_HEAD;

	if (c->state != CONNECTION_HANDLING) {
		close(fd);
		return;
	}
	write_head(c, reply->status, reply->content_type);
	evbuffer_add_printf(out, "Content-Length: %llu\r\n%s%s\r\n", (unsigned long long)length,
		reply->fields ? reply->fields : "", c->keep_alive ? "" : "Connection: close\r\n");
	if (head_only || !length) {
		close(fd);
	} else {
		c->file_fd = fd;
		c->file_at = offset;
		c->file_left = length;
	}
	after_reply(c);
	look_again(c);
}

int connection_stream_open(
	struct connection *c, const char *content_type, const struct connection_stream *stream)
{
	struct timeval write_timeout = {SERVER_WRITE_MS / 1000, 0};
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->state != CONNECTION_HANDLING)
		return -EINVAL;
	c->stream_chunked = !c->request.version_1_0;
	c->keep_alive = false;
	write_head(c, 200, content_type);
	evbuffer_add_printf(out, "%sConnection: close\r\n\r\n",
		c->stream_chunked ? "Transfer-Encoding: chunked\r\n" : "");
	if (c->request.method == HTTP_HEAD) {
		after_reply(c);
		return -ECANCELED;
	}
	connection_reset_request(c);
	c->stream = *stream;
	bufferevent_setwatermark(c->bev, EV_WRITE, STREAM_LOW, 0);
	bufferevent_set_timeouts(c->bev, NULL, &write_timeout);
	connection_set_state(c, CONNECTION_STREAM);
	return 0;
}

int connection_stream_write(struct connection *c, const char *data, size_t length)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->state != CONNECTION_STREAM)
		return -EPIPE;
	if (!length) /* would be the end of a chunked body */
		return 0;
	if (c->stream_chunked)
		evbuffer_add_printf(out, "%zx\r\n", length);
	if (evbuffer_add(out, data, length) < 0)
		return -ENOMEM;
	if (c->stream_chunked)
		evbuffer_add(out, "\r\n", 2);
	return 0;
}

size_t connection_stream_queued(const struct connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

const struct connection_peer *connection_get_peer(const struct connection *c)
{
	return &c->peer;
}

const char *connection_family_name(const struct connection *c)
{
	return c->peer.family == AF_INET6 ? "IPv6" : "IPv4";
}

const SSL *connection_get_ssl(const struct connection *c)
{
	return c->ssl;
}

const struct handshake *connection_get_handshake(const struct connection *c)
{
	return &c->handshake;
}

enum server_port connection_get_port(const struct connection *c)
{
	return c->port;
}

const char *connection_security_name(const struct connection *c)
{
	if (!c->ssl)
		return "not encrypted";
	return tls_version_name(tls_version_from_openssl(SSL_version(c->ssl)));
}

const struct connection_principal *connection_get_principal(const struct connection *c)
{
	return &c->principal;
}

void connection_set_principal(struct connection *c, const struct connection_principal *principal)
{
	c->principal = *principal;
}

int connection_get_refusal(const struct connection *c)
{
	return c->refusal;
}

void connection_set_refusal(struct connection *c, int status)
{
	c->refusal = status;
}

void connection_set_trusted(struct connection *c)
{
	c->trusted = true;
}

void connection_close_after_reply(struct connection *c)
{
	c->keep_alive = false;
}
