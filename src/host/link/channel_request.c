/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the agent over a connected channel: a queue, one in flight. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

static struct channel_request *first(struct channel *channel)
{
	return &channel->requests[channel->first_request];
}

/* The first one leaves the queue before it is answered: its answer may ask again. */
static struct channel_request take_first(struct channel *channel)
{
	struct channel_request *slot = first(channel), request = *slot;

	free(request.body);
	request.body = NULL;
	*slot = (struct channel_request){0};
	channel->first_request = (channel->first_request + 1) % CHANNEL_MAX_REQUESTS;
	channel->n_requests--;
	channel->request_active = false;
	return request;
}

static void answer(
	const struct channel_request *request, int status, const char *bytes, size_t length)
{
	json_t *body = NULL;

	if (request->piece) {
		request->piece(status, bytes, length, request->arg);
		return;
	}
	if (bytes)
		body = json_text_load(bytes, length, JSON_REJECT_DUPLICATES);
	request->answer(status, body, request->arg);
	json_decref(body);
}

static void on_answer(struct transfer *transfer);

/* The session had expired: the same once more, or the answer stands. */
static void on_renewed(struct transfer *transfer, bool logged_in)
{
	struct channel *channel = transfer->channel;
	struct channel_request *waiting = first(channel), request;

	if (logged_in) {
		transfer_start(transfer, waiting->method, waiting->path, waiting->body, on_answer);
		return;
	}
	request = take_first(channel);
	transfer->renewed = false;
	answer(&request, 401, NULL, 0);
	channel_request_next(channel);
}

static void on_answer(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;
	struct channel_request request;

	if (transfer->complete && channel_session_renew(transfer, on_renewed))
		return;
	transfer->renewed = false;
	request = take_first(channel);
	transfer->range[0] = '\0';
	if (transfer->complete)
		answer(&request, transfer->status, transfer->body, transfer->body_length);
	else
		answer(&request, 0, NULL, 0);
	channel_request_next(channel);
}

/* While the life line is being opened it has the only connection, and keeps it. */
static bool may_start(const struct channel *channel)
{
	return channel->state == CHANNEL_UP && !channel->request_active &&
	       channel->n_requests > 0 &&
	       (channel->life == LIFE_STREAM || channel->life == LIFE_POLL);
}

void channel_request_next(struct channel *channel)
{
	if (may_start(channel))
		clock_set_timer(channel->kick, 0);
}

void channel_request_start(struct channel *channel)
{
	struct channel_request *request = first(channel);

	if (!may_start(channel))
		return;
	channel->request_active = true;
	snprintf(channel->side.range, sizeof(channel->side.range), "%s", request->range);
	transfer_start(&channel->side, request->method, request->path, request->body, on_answer);
}

void channel_request_drop(struct channel *channel)
{
	while (channel->n_requests > 0) {
		struct channel_request request = take_first(channel);

		answer(&request, 0, NULL, 0);
	}
}

static bool method_is_ours(const char *method)
{
	static const char *const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(method, methods[i]) == 0)
			return true;
	}
	return false;
}

/* A free place in the queue. */
static int take_slot(struct channel *channel, const char *method, const char *path,
	struct channel_request **slot)
{
	unsigned int last;

	if (!channel || channel->state != CHANNEL_UP)
		return -ENOTCONN;
	if (!method_is_ours(method) || !resource_path_is_safe(path))
		return -EINVAL;
	if (channel->n_requests == CHANNEL_MAX_REQUESTS)
		return -EBUSY;
	last = (channel->first_request + channel->n_requests) % CHANNEL_MAX_REQUESTS;
	*slot = &channel->requests[last];
	**slot = (struct channel_request){.body = NULL};
	snprintf((*slot)->method, sizeof((*slot)->method), "%s", method);
	snprintf((*slot)->path, sizeof((*slot)->path), "%s", path);
	return 0;
}

int channel_request(struct channel *channel, const char *method, const char *path,
	const json_t *body, channel_answer_fn fn, void *arg)
{
	struct channel_request *request;
	int r = take_slot(channel, method, path, &request);

	if (r < 0)
		return r;
	if (body) {
		request->body = json_dumps(body, JSON_COMPACT);
		if (!request->body)
			return -ENOMEM;
	}
	request->answer = fn;
	request->arg = arg;
	channel->n_requests++;
	channel_request_next(channel);
	return 0;
}

int channel_request_piece(struct channel *channel, const char *path, uint64_t first, uint64_t last,
	channel_piece_fn fn, void *arg)
{
	struct channel_request *request;
	int r;

	if (last < first || last - first >= CHANNEL_MAX_PIECE)
		return -EINVAL;
	r = take_slot(channel, "GET", path, &request);
	if (r < 0)
		return r;
	snprintf(request->range, sizeof(request->range), "Range: bytes=%llu-%llu",
		(unsigned long long)first, (unsigned long long)last);
	request->piece = fn;
	request->arg = arg;
	channel->n_requests++;
	channel_request_next(channel);
	return 0;
}

const char *channel_get_manager_path(const struct channel *channel)
{
	return channel->manager;
}

struct channel_links channel_get_links(const struct channel *channel)
{
	return (struct channel_links){channel->systems, channel->top_skip};
}

const char *channel_get_certificates_path(const struct channel *channel)
{
	return channel->enrol[0] != '\0' ? channel->enrol : NULL;
}
