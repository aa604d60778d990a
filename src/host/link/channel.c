/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "host/link/channel_internal.h"

static const char *const state_names[] = {
	"new", "root", "login", "managers", "manager", "enrol", "up", "ended", "leaving", "closed"};

struct trust_clock channel_clock(const struct channel *channel)
{
	const struct channel_environment *environment = channel->environment;

	return (struct trust_clock){
		.now = environment->now(environment->arg), .build = environment->build_epoch};
}

void channel_set_state(struct channel *channel, enum channel_state state)
{
	log_debug("channel", "%s: %s -> %s", channel->info.bmc_address, state_names[channel->state],
		state_names[state]);
	channel->state = state;
}

static void free_channel(struct channel *channel)
{
	transfer_clear(&channel->main);
	transfer_clear(&channel->side);
	channel_multi_free(channel);
	/* After the multi handle: the callbacks of TLS point to connections until then. */
	while (channel->connections) {
		struct connection *connection = channel->connections;

		channel->connections = connection->next;
		free(connection);
	}
	if (channel->kick)
		event_free(channel->kick);
	if (channel->poll)
		event_free(channel->poll);
	if (channel->expiry)
		event_free(channel->expiry);
	channel_flow_clear(channel);
	channel_silence_clear(channel);
	json_decref(channel->run.members);
	explicit_bzero(&channel->run.account, sizeof(channel->run.account));
	sse_parser_clear(&channel->sse);
	free(channel);
}

void channel_enter(struct channel *channel)
{
	channel->depth++;
}

void channel_leave(struct channel *channel)
{
	if (--channel->depth == 0 && channel->state == CHANNEL_CLOSED)
		free_channel(channel);
}

static void note_connection(struct channel *channel)
{
	const struct connection *connection = channel->main.connection;
	struct channel_info *info = &channel->info;

	if (!connection || !connection->facts.handshake_done)
		return;
	info->encrypted = true;
	info->tls_version = connection->version;
	memcpy(info->tls_cipher, connection->cipher, sizeof(info->tls_cipher));
	info->clock_unset = connection->clock_unset;
	info->has_fingerprint = connection->has_peer;
	memcpy(info->fingerprint, connection->peer.fingerprint, sizeof(info->fingerprint));
}

void channel_report(struct channel *channel, const struct channel_result *result)
{
	const struct channel_handlers *handlers = &channel->handlers;
	bool was_up = channel->state == CHANNEL_UP;

	note_connection(channel);
	if (result->outcome == OUTCOME_CONNECTED) {
		channel_set_state(channel, CHANNEL_UP);
		handlers->done(channel, result, handlers->arg);
		if (channel->state == CHANNEL_UP)
			channel_life_start(channel);
		return;
	}
	channel_set_state(channel, CHANNEL_ENDED);
	channel_session_abandon(channel);
	channel_stop(channel);
	if (was_up)
		handlers->lost(channel, result, handlers->arg);
	else
		handlers->done(channel, result, handlers->arg);
}

void channel_stop(struct channel *channel)
{
	transfer_stop(&channel->main);
	transfer_stop(&channel->side);
	channel_life_stop(channel);
	if (channel->kick)
		evtimer_del(channel->kick);
	channel_request_drop(channel);
}

/* The start of the attempt, and of each request: never from within the caller's own call. */
static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct channel *channel = arg;

	channel_enter(channel);
	if (channel->state == CHANNEL_NEW)
		channel_attempt_start(channel);
	else if (channel->state == CHANNEL_LEAVING)
		channel_session_farewell(channel);
	else
		channel_request_start(channel);
	channel_leave(channel);
}

static void note_target(struct channel *channel)
{
	const struct channel_target *target = &channel->target;
	const void *address =
		target->family == AF_INET ? (const void *)&target->ipv4 : &target->ipv6;

	channel->info.family = target->family;
	inet_ntop(target->family, address, channel->info.bmc_address,
		sizeof(channel->info.bmc_address));
}

int channel_open(const struct channel_environment *environment, const struct channel_target *target,
	const struct channel_handlers *handlers, struct channel **opened)
{
	struct channel *channel;
	int r;

	if (target->family != AF_INET && target->family != AF_INET6)
		return -EAFNOSUPPORT;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -ENOMEM;
	channel->environment = environment;
	channel->memory = environment->memory ?: &channel->own_memory;
	channel->target = *target;
	channel->handlers = *handlers;
	channel->main.connect_fd = channel->side.connect_fd = -1;
	note_target(channel);
	r = channel_multi_new(channel);
	if (r == 0)
		r = transfer_init(&channel->main, channel);
	if (r == 0)
		r = transfer_init(&channel->side, channel);
	channel->kick = evtimer_new(environment->base, on_kick, channel);
	if (r < 0 || !channel->kick) {
		free_channel(channel);
		return r < 0 ? r : -ENOMEM;
	}
	channel->main.answer_ms = CHANNEL_ANSWER_MS;
	channel->main.body_ms = CHANNEL_BODY_MS;
	channel->side.answer_ms = channel->side.body_ms = CHANNEL_REQUEST_MS;
	clock_set_timer(channel->kick, 0);
	*opened = channel;
	return 0;
}

void channel_close(struct channel *channel)
{
	if (!channel || channel->state == CHANNEL_CLOSED)
		return;
	channel_enter(channel);
	channel_set_state(channel, CHANNEL_CLOSED);
	channel_session_abandon(channel);
	/* From within a callback of libcurl its handles must stay: channel_leave() frees them. */
	channel_request_drop(channel);
	channel_leave(channel);
}

const struct channel_info *channel_get_info(const struct channel *channel)
{
	return &channel->info;
}

int channel_init_library(void)
{
	CURL *easy;
	CURLM *multi;
	SSL_CTX *context;
	unsigned char byte;
	int r = -ENOMEM;

	/* libcurl would write the session keys to the file that this names. */
	unsetenv("SSLKEYLOGFILE");
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	/* Once through all of it: whatever is read or loaded on first use is so now. */
	easy = curl_easy_init();
	multi = curl_multi_init();
	context = SSL_CTX_new(TLS_client_method());
	if (easy && multi && context && RAND_bytes(&byte, 1) == 1)
		r = channel_tls_init();
	SSL_CTX_free(context);
	curl_multi_cleanup(multi);
	curl_easy_cleanup(easy);
	return r;
}
