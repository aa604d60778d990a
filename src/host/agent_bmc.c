/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BMC that does not run bmclink's endpoint: the log-in that it wants, and what it cannot do, said
 * once and shown in the status.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/agent_private.h"

#define MODULE "bmc"

struct lack { /* what only our endpoint offers */
	const char *name, *reason;
};

static const struct lack lacks[] = {
	{"lifecycle-push",	   "the BMC's Lifecycle log takes no records from this host"	    },
	{"certificate-enrolment", "the BMC takes no certificate of this host over the link"	   },
	{"feature-switches",	     "the BMC has no switches for the features: those of this host count"},
};

static const char *login_name(enum channel_login login)
{
	switch (login) {
	case CHANNEL_LOGIN_CERTIFICATE:
		return "certificate";
	case CHANNEL_LOGIN_SESSION:
		return "session";
	case CHANNEL_LOGIN_NONE:
		break;
	}
	return "none";
}

static json_t *make_events(const struct channel_info *info)
{
	const char *how = info->events == CHANNEL_EVENTS_STREAM	   ? "stream"
			  : info->events == CHANNEL_EVENTS_POLLING ? "polling"
								   : NULL;

	return json_pack("{s:s?, s:o, s:i}", "by", how, "reason",
		info->events_reason[0] != '\0' ? json_string(info->events_reason) : json_null(),
		"pauses", (int)info->stream_pauses);
}

static json_t *make_lacks(const struct channel_info *info)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(lacks) && !info->ours; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s}", "name", lacks[i].name, "reason", lacks[i].reason));
	return list;
}

void agent_bmc_add_status(const struct agent *agent, json_t *status)
{
	const struct channel_info *info;

	if (agent->current.channel == NULL) {
		json_object_set_new(status, "login", json_null());
		json_object_set_new(status, "events", json_null());
		json_object_set_new(status, "unavailable", json_array());
		return;
	}
	info = channel_get_info(agent->current.channel);
	json_object_set_new(status, "login", json_string(login_name(info->login)));
	json_object_set_new(status, "events", make_events(info));
	json_object_set_new(status, "unavailable", make_lacks(info));
}

/* The life line took shape, or another one. */
void agent_bmc_changed(struct channel *channel, void *arg)
{
	struct agent *agent = arg;
	const struct channel_info *info = channel_get_info(channel);
	char seconds[16];
	bool bad = info->events == CHANNEL_EVENTS_POLLING && agent->memory.stream_ends > 0;

	if (bad && !agent->report.said_stream) {
		snprintf(seconds, sizeof(seconds), "%d", CHANNEL_POLL_SECONDS);
		event_emit(agent->events, MSG_ISM1052, seconds, info->events_reason);
	}
	agent->report.said_stream |= bad;
	/* What came between two streams is in the log; without one it is read by the clock. */
	if (channel == agent->current.channel)
		agent_log_ring(agent);
	control_publish_status(agent->control);
}

void agent_bmc_report_connected(struct agent *agent)
{
	const struct channel_info *info = channel_get_info(agent->current.channel);
	char names[MESSAGE_MAX_ARG] = "", make[MESSAGE_MAX_ARG];
	size_t used = 0;

	if (info->ours) {
		agent->report.said_foreign = false;
		return;
	}
	if (agent->report.said_foreign)
		return;
	agent->report.said_foreign = true;
	for (size_t i = 0; i < ARRAY_SIZE(lacks) && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
			i > 0 ? ", " : "", lacks[i].name);
	snprintf(make, sizeof(make), "%s%s%s", info->vendor,
		info->vendor[0] != '\0' && info->model[0] != '\0' ? " " : "", info->model);
	event_emit(agent->events, MSG_ISM1051, make[0] != '\0' ? make : "unnamed",
		login_name(info->login), names);
}

int agent_bmc_get_password(char password[PRIV_MAX_PASSWORD + 1], void *arg)
{
	struct agent *agent = arg;
	int r;

	if (agent->channels.account != NULL) { /* one that we made ourselves */
		snprintf(password, PRIV_MAX_PASSWORD + 1, "%s", agent->kcs.account.password);
		return 0;
	}
	r = priv_get_password(agent->priv, password);
	if (r < 0)
		log_warning(MODULE, "no log-in: %s", login_explain_password(r));
	return r;
}
