/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer's side of libcurl: what libcurl calls, and what it is told once and for all. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "bmclink-build.h"
#include "host/link/channel_internal.h"

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;

	if (transfer->connect_fd < 0) {
		/* No connection is left that libcurl could use: one is made, then asked again. */
		transfer->need_connect = true;
		return CURL_SOCKET_BAD;
	}
	return util_steal_fd(&transfer->connect_fd);
}

static int on_opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static bool is_stream(struct transfer *transfer)
{
	static const char type[] = "text/event-stream";
	char *answered = NULL;
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &answered);
	return status == 200 && answered && strncasecmp(answered, type, strlen(type)) == 0;
}

/* The value of a header line into out, when it is the named one; "" when it does not fit. */
static void take_value(const char *name, const char *bytes, size_t length, char *out, size_t size)
{
	size_t skip = strlen(name);

	if (length <= skip || strncasecmp(bytes, name, skip) != 0)
		return;
	while (skip < length && (bytes[skip] == ' ' || bytes[skip] == '\t'))
		skip++;
	while (length > skip && strchr(" \t\r\n", bytes[length - 1]))
		length--;
	out[0] = '\0';
	if (length - skip >= size || memchr(bytes + skip, '\0', length - skip))
		return;
	memcpy(out, bytes + skip, length - skip);
	out[length - skip] = '\0';
}

static void take_header(struct transfer *transfer, const char *bytes, size_t length)
{
	if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0) /* what came before was interim */
		transfer->location[0] = transfer->token[0] = '\0';
	take_value("Location:", bytes, length, transfer->location, sizeof(transfer->location));
	if (transfer->secret)
		take_value(
			"X-Auth-Token:", bytes, length, transfer->token, sizeof(transfer->token));
}

/* Something has come of what TLS brought; how many bytes that took. */
static size_t take_barren(const struct transfer *transfer)
{
	size_t bytes = 0;

	if (transfer->connection) {
		bytes = transfer->connection->barren;
		transfer->connection->barren = 0;
	}
	return bytes;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count;

	take_barren(transfer);
	if (transfer->phase == TRANSFER_ANSWER || transfer->phase == TRANSFER_TLS)
		transfer_set_phase(transfer, TRANSFER_BODY);
	transfer->header_bytes += length;
	if (transfer->header_bytes > CHANNEL_MAX_HEADERS) {
		transfer->too_large = true;
		return 0;
	}
	take_header(transfer, bytes, length);
	/* The end of the headers: a stream may be silent for hours from here on. */
	if (transfer->stream && length <= 2 && is_stream(transfer)) {
		transfer->opened_stream = true;
		transfer_set_phase(transfer, TRANSFER_STREAM);
		channel_stream_opened(transfer->channel);
	}
	return length;
}

static size_t keep_body(struct transfer *transfer, const char *bytes, size_t length)
{
	size_t needed = transfer->body_length + length + 1;

	if (needed > CHANNEL_MAX_BODY) {
		transfer->too_large = true;
		return 0;
	}
	if (needed > transfer->body_size) {
		size_t size = transfer->body_size ? transfer->body_size * 2 : 4096;
		char *grown;

		while (size < needed)
			size *= 2;
		grown = realloc(transfer->body, size);
		if (!grown) {
			transfer->local = true;
			return 0;
		}
		transfer->body = grown;
		transfer->body_size = size;
	}
	memcpy(transfer->body + transfer->body_length, bytes, length);
	transfer->body_length += length;
	transfer->body[transfer->body_length] = '\0';
	return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t length = size * count, taken = take_barren(transfer);

	if (transfer->channel->state == CHANNEL_CLOSED)
		return 0;
	if (transfer->phase == TRANSFER_STREAM &&
		!channel_flow_allows(transfer->channel, taken > length ? taken : length))
		return CURL_WRITEFUNC_PAUSE;
	if (transfer->phase == TRANSFER_STREAM)
		return channel_stream_take(transfer->channel, bytes, length) ? length : 0;
	return keep_body(transfer, bytes, length);
}

static void set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* What libcurl would do by itself, and must not: see docs/architecture.md. */
void transfer_set_options(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	set_protocols(easy);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "bmclink/" BMCLINK_VERSION);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L); /* ours: channel_tls.c */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, channel_tls_setup);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_opened);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, channel_multi_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer->channel);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}
