/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Forget me": the removal of the package asks the BMC to delete our certificate, while there is
 * still somebody to ask. The agent then stays disconnected: the BMC's enrolment window is open by
 * that, and a new connection would enrol us again.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "host/agent_private.h"

#define MODULE	    "trust"
#define MAX_MEMBERS 8 /* we see our own only: one, or two during a renewal */

static void set_state(struct agent *agent, enum agent_forget_state state, const char *why)
{
	static const char *const names[] = {"none", "asking", "done", "failed"};

	log_write(state == AGENT_FORGET_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, MODULE,
		"to be forgotten: %s -> %s%s%s", names[agent->forget.state], names[state],
		why[0] != '\0' ? ": " : "", why);
	agent->forget.state = state;
	snprintf(agent->forget.why, sizeof(agent->forget.why), "%s", why);
}

/* The link is as it was. Where connections had ended already, they begin anew: from the loop, for
 * this may be said within the end of a connection, or within the beginning of the next. */
static void fail(struct agent *agent, const char *why)
{
	if (agent->stopping || agent->forget.state != AGENT_FORGET_ASKING)
		return;
	set_state(agent, AGENT_FORGET_FAILED, why);
	agent->forget.restart = ladder_get_state(&agent->ladder) == LADDER_STATE_STOPPED;
	agent_schedule(agent, false);
}

void agent_forget_run(struct agent *agent)
{
	if (!agent->forget.restart)
		return;
	agent->forget.restart = false;
	ladder_init(&agent->ladder, (uint32_t)agent_now());
	agent_try_restart(agent);
}

static void finish(struct agent *agent)
{
	set_state(agent, AGENT_FORGET_DONE, "");
	event_emit(agent->events, MSG_ISM1091, "bmclinkctl trust forget");
	agent_try_leave_all(agent);
	agent_schedule(agent, false); /* the features let go of the link */
}

static void deleted(int status, const json_t *body, void *arg)
{
	struct agent *agent = arg;
	char why[64];

	agent->forget.waiting--;
	if (agent->forget.state != AGENT_FORGET_ASKING)
		return;
	if (status == 0) {
		fail(agent, "the connection ended before the BMC had answered");
	} else if (status >= 300 && status != 404) {
		snprintf(why, sizeof(why), "the BMC refused (HTTP %d)", status);
		fail(agent, why);
	} else if (agent->forget.waiting == 0) {
		finish(agent);
	}
}

/* What the BMC lists must be below what it is listed in. */
static bool is_member(const char *uri, const char *collection)
{
	size_t length = strlen(collection);

	while (length > 0 && collection[length - 1] == '/')
		length--;
	return uri != NULL && strncmp(uri, collection, length) == 0 && uri[length] == '/';
}

static void delete_members(struct agent *agent, const json_t *members, const char *collection)
{
	struct channel *channel = agent->current.channel;
	size_t i, n = json_array_size(members);
	const char *uri;

	/* Before the first: its effect is that this connection ends, and none is to follow. */
	ladder_stop(&agent->ladder);
	agent_try_give_up(agent);
	agent->forget.waiting = 1; /* held until all are sent */
	for (i = 0; i < n && i < MAX_MEMBERS; i++) {
		uri = json_string_value(json_object_get(json_array_get(members, i), "@odata.id"));
		if (!is_member(uri, collection))
			continue;
		agent->forget.waiting++;
		if (channel_request(channel, "DELETE", uri, NULL, deleted, agent) < 0) {
			agent->forget.waiting--;
			fail(agent, "the request could not be sent");
			return;
		}
	}
	if (--agent->forget.waiting == 0)
		finish(agent); /* it knows none of ours */
}

static void listed(int status, const json_t *body, void *arg)
{
	struct agent *agent = arg;
	const json_t *members = json_object_get(body, "Members");
	const char *collection = agent->current.channel != NULL
					 ? channel_get_certificates_path(agent->current.channel)
					 : NULL;

	if (status == 0 || collection == NULL)
		fail(agent, "the connection ended before the BMC had answered");
	else if (status != 200 || !json_is_array(members))
		fail(agent, "the BMC does not say which certificates it knows");
	else
		delete_members(agent, members, collection);
}

int agent_forget_begin(struct agent *agent)
{
	struct channel *channel = agent->current.channel;
	const char *path = channel != NULL ? channel_get_certificates_path(channel) : NULL;
	int r;

	if (agent->forget.state == AGENT_FORGET_ASKING)
		return 0;
	if (path == NULL || !channel_get_info(channel)->encrypted)
		return -ENOTCONN;
	r = channel_request(channel, "GET", path, NULL, listed, agent);
	if (r == 0)
		set_state(agent, AGENT_FORGET_ASKING, "");
	return r;
}
