/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request and its answer, over libcurl, within bounds of ours. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

static const char *const phase_names[] = {"idle", "connect", "tls", "answer", "body", "stream"};

static unsigned int phase_ms(const struct transfer *transfer, enum transfer_phase phase)
{
	switch (phase) {
	case TRANSFER_CONNECT:
		return CHANNEL_TCP_MS;
	case TRANSFER_TLS:
		return CHANNEL_TLS_MS;
	case TRANSFER_ANSWER:
		return transfer->answer_ms;
	case TRANSFER_BODY:
		return transfer->body_ms;
	case TRANSFER_IDLE:
	case TRANSFER_STREAM:
		break;
	}
	return 0;
}

void transfer_set_phase(struct transfer *transfer, enum transfer_phase phase)
{
	unsigned int ms = phase_ms(transfer, phase);

	if (phase == transfer->phase)
		return;
	log_debug("channel", "%s port %u: %s -> %s", transfer->channel->info.bmc_address,
		transfer->channel->port, phase_names[transfer->phase], phase_names[phase]);
	transfer->phase = phase;
	evtimer_del(transfer->deadline);
	if (ms > 0)
		clock_set_timer(transfer->deadline, ms);
}

/* --- set up and take down --- */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct transfer *transfer = arg;
	struct channel *channel = transfer->channel;

	channel_enter(channel);
	if (transfer->phase == TRANSFER_CONNECT) {
		channel_tcp_stop(transfer);
		transfer_failed(transfer, ETIMEDOUT);
	} else {
		transfer->timed_out = !transfer->starved;
		transfer->local = transfer->starved;
		channel_multi_remove(transfer);
		transfer_finished(transfer,
			transfer->starved ? CURLE_ABORTED_BY_CALLBACK : CURLE_OPERATION_TIMEDOUT);
	}
	channel_leave(channel);
}

/*
 * A handle for each transfer: libcurl before curl/curl#11103 of May 2023 (7.88.1 is one) keeps in
 * it a pointer to the last header of the transfer before, freed by then, and appends to it when the
 * fields of an answer begin with a folded line. What they begin with is up to the BMC. Connections
 * are the multi handle's, and stay.
 */
static int renew_easy(struct transfer *transfer)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return -ENOMEM;
	if (transfer->easy)
		curl_easy_cleanup(transfer->easy);
	transfer->easy = easy;
	transfer_set_options(transfer);
	return 0;
}

int transfer_init(struct transfer *transfer, struct channel *channel)
{
	transfer->channel = channel;
	transfer->connect_fd = -1;
	transfer->deadline = evtimer_new(channel->environment->base, on_deadline, transfer);
	return transfer->deadline ? renew_easy(transfer) : -ENOMEM;
}

static void drop_answer(struct transfer *transfer)
{
	if (transfer->secret && transfer->body)
		explicit_bzero(transfer->body, transfer->body_size);
	transfer->location[0] = '\0';
	explicit_bzero(transfer->token, sizeof(transfer->token));
	free(transfer->body);
	transfer->body = NULL;
	transfer->body_length = transfer->body_size = transfer->header_bytes = 0;
	transfer->complete = transfer->timed_out = transfer->too_large = transfer->local = false;
	transfer->starved = false;
	transfer->need_connect = transfer->opened_stream = transfer->garbled = false;
	transfer->barren = false;
	transfer->connect_errno = transfer->status = 0;
	transfer->connects = 0;
	transfer->error[0] = '\0';
}

/* What was sent may hold a password or a token. */
static void drop_question(struct transfer *transfer)
{
	struct curl_slist *line = transfer->headers;

	for (; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, NULL);
	if (transfer->request_body)
		explicit_bzero(transfer->request_body, strlen(transfer->request_body));
	free(transfer->request_body);
	transfer->request_body = NULL;
}

void transfer_stop(struct transfer *transfer)
{
	if (!transfer->easy || !transfer->deadline)
		return;
	channel_tcp_stop(transfer);
	channel_multi_remove(transfer);
	transfer->phase = TRANSFER_IDLE;
	evtimer_del(transfer->deadline);
}

void transfer_clear(struct transfer *transfer)
{
	transfer_stop(transfer);
	drop_answer(transfer);
	if (transfer->easy) {
		drop_question(transfer);
		curl_easy_cleanup(transfer->easy);
	}
	if (transfer->deadline)
		event_free(transfer->deadline);
	*transfer = (struct transfer){.connect_fd = -1};
}

/* --- run --- */

static int add_header(struct transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (!longer)
		return -ENOMEM;
	transfer->headers = longer;
	return 0;
}

static int set_headers(struct transfer *transfer)
{
	const struct channel_session *session = &transfer->channel->session;
	char line[LOGIN_MAX_TOKEN + sizeof("X-Auth-Token: ")];
	bool file = transfer->range[0] != '\0' && !transfer->secret;
	int r = 0;

	r |= add_header(transfer, transfer->stream ? "Accept: text/event-stream"
				  : file	   ? "Accept: application/octet-stream"
						   : "Accept: application/json");
	if (file)
		r |= add_header(transfer, transfer->range);
	if (transfer->stream && transfer->channel->memory->last_event_id[0]) {
		snprintf(line, sizeof(line), "Last-Event-ID: %s",
			transfer->channel->memory->last_event_id);
		r |= add_header(transfer, line);
	}
	r |= add_header(transfer, "OData-Version: 4.0");
	r |= add_header(transfer, "Expect:"); /* no 100-continue: it only costs time here */
	if (transfer->request_body)
		r |= add_header(transfer, "Content-Type: application/json");
	if (session->token[0] && !transfer->secret && !transfer->channel->plain) {
		snprintf(line, sizeof(line), "X-Auth-Token: %s", session->token);
		r |= add_header(transfer, line);
		explicit_bzero(line, sizeof(line));
	}
	transfer->session = session->generation;
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	return r;
}

/* The scope of a link-local address is not said: the socket is connected already. */
static void set_url(struct transfer *transfer)
{
	const struct channel *channel = transfer->channel;
	bool ipv6 = channel->target.family == AF_INET6;
	char url[CHANNEL_MAX_PATH + INET6_ADDRSTRLEN + 32];

	snprintf(url, sizeof(url), "%s://%s%s%s:%u%s", channel->plain ? "http" : "https",
		ipv6 ? "[" : "", channel->info.bmc_address, ipv6 ? "]" : "", channel->port,
		transfer->path);
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
}

static void set_method(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	if (strcmp(transfer->method, "GET") == 0)
		return;
	if (transfer->request_body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request_body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(transfer->request_body));
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
}

static int set_request(struct transfer *transfer)
{
	set_url(transfer);
	set_method(transfer);
	return set_headers(transfer);
}

static void finish(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	transfer_done_fn done = transfer->done;

	channel_tcp_stop(transfer);
	drop_question(transfer);
	transfer_set_phase(transfer, TRANSFER_IDLE);
	transfer->done = NULL;
	/* Closed from within a callback of libcurl: nothing more is to happen. */
	if (done &&
		(channel->state < CHANNEL_ENDED || (channel->state == CHANNEL_LEAVING &&
							   channel->session.farewell == transfer)))
		done(transfer);
}

static void run(struct transfer *transfer)
{
	transfer->need_connect = false;
	curl_easy_setopt(
		transfer->easy, CURLOPT_FRESH_CONNECT, transfer->connect_fd >= 0 ? 1L : 0L);
	curl_easy_setopt(
		transfer->easy, CURLOPT_CONNECT_ONLY, transfer->channel->handshake_only ? 1L : 0L);
	if (channel_multi_add(transfer) < 0) {
		transfer->local = true;
		finish(transfer);
	}
}

static void start(struct transfer *transfer, const char *method, const char *path, const char *body,
	transfer_done_fn done)
{
	transfer_stop(transfer);
	drop_answer(transfer);
	drop_question(transfer);
	transfer->request_body = body ? strdup(body) : NULL;
	snprintf(transfer->method, sizeof(transfer->method), "%s", method);
	snprintf(transfer->path, sizeof(transfer->path), "%s", path);
	transfer->done = done;
	if (renew_easy(transfer) < 0 || set_request(transfer) < 0 ||
		(body && !transfer->request_body)) {
		transfer->local = true;
		finish(transfer);
		return;
	}
	if (!transfer->connection) {
		channel_tcp_connect(transfer);
		return;
	}
	transfer_set_phase(transfer, TRANSFER_ANSWER);
	run(transfer);
}

void transfer_start(struct transfer *transfer, const char *method, const char *path,
	const char *body, transfer_done_fn done)
{
	transfer->redirected = false;
	start(transfer, method, path, body, done);
}

void transfer_connected(struct transfer *transfer)
{
	transfer_set_phase(transfer, transfer->channel->plain ? TRANSFER_ANSWER : TRANSFER_TLS);
	run(transfer);
}

void transfer_failed(struct transfer *transfer, int connect_errno)
{
	transfer->connect_errno = connect_errno;
	finish(transfer);
}

/* The few codes of libcurl that say what nothing else does. */
static void note_code(struct transfer *transfer, CURLcode code)
{
	bool answering = transfer->phase == TRANSFER_ANSWER || transfer->phase == TRANSFER_BODY;

	switch (code) {
	case CURLE_OUT_OF_MEMORY: /* also a header line above its own bound of 100 kB */
	case CURLE_FAILED_INIT:
		transfer->too_large = answering;
		transfer->local = !answering;
		break;
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: bytes, and no status line */
	case CURLE_WEIRD_SERVER_REPLY:
		transfer->garbled = answering;
		break;
	default:
		break;
	}
}

/* The same resource by its other name is asked for once; any other redirect is the answer. */
static bool follow(struct transfer *transfer)
{
	const struct channel *channel = transfer->channel;
	bool ipv6 = channel->target.family == AF_INET6;
	char authority[INET6_ADDRSTRLEN + 16], path[CHANNEL_MAX_PATH];

	if (transfer->redirected || strcmp(transfer->method, "GET") != 0 ||
		(transfer->status != 301 && transfer->status != 302 && transfer->status != 307 &&
			transfer->status != 308))
		return false;
	snprintf(authority, sizeof(authority), "%s%s%s:%u", ipv6 ? "[" : "",
		channel->info.bmc_address, ipv6 ? "]" : "", channel->port);
	if (resource_get_redirect(transfer->location, channel->plain ? "http" : "https", authority,
		    transfer->path, path, sizeof(path)) < 0)
		return false;
	transfer->redirected = true;
	start(transfer, "GET", path, NULL, transfer->done);
	return true;
}

void transfer_finished(struct transfer *transfer, CURLcode code)
{
	long status = 0;

	if (transfer->need_connect && !transfer->timed_out &&
		transfer->connects < CHANNEL_MAX_CONNECTS) {
		channel_tcp_connect(transfer);
		return;
	}
	if (code != CURLE_OK && transfer->connection)
		channel_tls_drain(transfer->connection);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->status = (int)status;
	transfer->complete = code == CURLE_OK && status > 0;
	note_code(transfer, code);
	if (!transfer->complete || transfer->channel->state >= CHANNEL_ENDED || !follow(transfer))
		finish(transfer);
}

json_t *transfer_take_object(const struct transfer *transfer)
{
	json_t *object;

	if (!transfer->complete || transfer->status != 200 || !transfer->body)
		return NULL;
	object = json_text_load(transfer->body, transfer->body_length, JSON_REJECT_DUPLICATES);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}
