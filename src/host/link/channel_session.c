/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's life after the log-in: renewed when the BMC has forgotten it, ended when the channel
 * is. BMCs have few of them (eight to sixteen), and keep one that nobody ends for half an hour.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/link/channel_internal.h"

void channel_session_meet(struct channel *channel)
{
	struct channel_memory *memory = channel->memory;
	const struct connection *connection = channel->main.connection;

	if (!connection || !connection->has_peer)
		return;
	if (memory->has_fingerprint && memcmp(memory->fingerprint, connection->peer.fingerprint,
					       sizeof(memory->fingerprint)) == 0)
		return;
	*memory = (struct channel_memory){.has_fingerprint = true};
	memcpy(memory->fingerprint, connection->peer.fingerprint, sizeof(memory->fingerprint));
}

/* --- renewal --- */

bool channel_session_renew(struct transfer *transfer, channel_login_fn resume)
{
	struct channel_session *session = &transfer->channel->session;

	if (transfer->status != 401 || session->generation == 0 || transfer->renewed)
		return false;
	transfer->renewed = true;
	if (session->by) {
		session->waiting = transfer;
		session->waiting_then = resume;
		return true;
	}
	if (transfer->session != session->generation) { /* renewed for the other one meanwhile */
		resume(transfer, true);
		return true;
	}
	log_info("channel", "%s: the session has expired, logging in again",
		transfer->channel->info.bmc_address);
	session->location[0] = '\0';
	return channel_login_start(transfer, resume);
}

/* --- the end, not in good order --- */

void channel_session_abandon(struct channel *channel)
{
	struct channel_memory *memory = channel->memory;
	struct channel_session *session = &channel->session;

	if (session->token[0] && session->location[0] && memory->n_stale < CHANNEL_MAX_STALE)
		snprintf(memory->stale[memory->n_stale++], CHANNEL_MAX_PATH, "%s",
			session->location);
	explicit_bzero(session->token, sizeof(session->token));
	session->location[0] = '\0';
}

static void on_cleaned(int status, const json_t *body, void *arg)
{
	/* Gone already, or not ours to end: the BMC's own time-out is left. */
	log_debug("channel", "an old session was ended: HTTP %d", status);
}

void channel_session_clean(struct channel *channel)
{
	struct channel_memory *memory = channel->memory;

	if (!channel->session.token[0])
		return;
	while (memory->n_stale > 0) {
		const char *path = memory->stale[memory->n_stale - 1];

		/* A BMC that gives the same name again would have us end the new one. */
		if (strcmp(path, channel->session.location) != 0 &&
			channel_request(channel, "DELETE", path, NULL, on_cleaned, NULL) < 0)
			return;
		memory->n_stale--;
	}
}

/* --- the end in good order --- */

bool channel_end_session(
	struct channel *channel, void (*ended)(struct channel *channel, void *arg), void *arg)
{
	struct channel_session *session;

	if (!channel || channel->state != CHANNEL_UP)
		return false;
	session = &channel->session;
	if (!session->token[0] || !session->location[0])
		return false;
	channel_set_state(channel, CHANNEL_LEAVING);
	session->ended = ended;
	session->ended_arg = arg;
	channel_request_drop(channel);
	/* From the loop: this may be a callback of libcurl, whose handles must stay as they are. */
	clock_set_timer(channel->kick, 0);
	return true;
}

static void finish(struct channel *channel)
{
	struct channel_session *session = &channel->session;

	channel_set_state(channel, CHANNEL_ENDED);
	channel_session_abandon(channel);
	channel_stop(channel);
	session->ended(channel, session->ended_arg);
}

static void on_farewell(struct transfer *transfer)
{
	struct channel *channel = transfer->channel;

	log_debug("channel", "%s: session ended: HTTP %d", channel->info.bmc_address,
		transfer->status);
	if (transfer->complete)
		channel->session.location[0] = '\0'; /* nothing is left over */
	finish(channel);
}

void channel_session_farewell_timeout(struct channel *channel)
{
	finish(channel);
}

void channel_session_farewell(struct channel *channel)
{
	struct transfer *transfer = &channel->side;

	transfer_stop(&channel->main);
	transfer_stop(&channel->side);
	channel_life_stop(channel);
	/* Where one of the two has a connection, it is the quicker way. */
	if ((!transfer->connection || transfer->connection->fd < 0) && channel->main.connection &&
		channel->main.connection->fd >= 0)
		transfer = &channel->main;
	if (!channel->expiry) { /* closed in the moment of its birth */
		finish(channel);
		return;
	}
	channel->session.farewell = transfer;
	clock_set_timer(channel->expiry, CHANNEL_END_MS);
	transfer->stream = false;
	transfer_start(transfer, "DELETE", channel->session.location, NULL, on_farewell);
}
