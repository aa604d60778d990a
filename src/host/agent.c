/* SPDX-License-Identifier: Apache-2.0 */
/* The least agent: reads the monitor's notices and ends on stop. */
#include "host/agent.h"

#include <errno.h>

#include <event2/event.h>

#include "base/log.h"

#define MODULE "agent"

struct agent {
	struct event_base *base;
	struct event *notices;
	struct priv *priv;
};

int agent_prepare(struct agent_environment *env)
{
	return 0;
}

static void on_notice(enum priv_notice notice, const void *data, size_t length, void *arg)
{
	struct agent *agent = arg;

	log_debug(MODULE, "notice %d from the monitor", (int)notice);
	if (notice == PRIV_NOTICE_STOP)
		event_base_loopbreak(agent->base);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	if (priv_read_notices(agent->priv, on_notice, agent) < 0)
		event_base_loopbreak(agent->base);
}

int agent_run(struct agent_environment *env)
{
	struct agent agent = {.base = event_base_new(), .priv = env->priv};
	int r = -ENOMEM;

	if (agent.base == NULL)
		return r;
	agent.notices = event_new(
		agent.base, priv_notice_fd(env->priv), EV_READ | EV_PERSIST, on_readable, &agent);
	if (agent.notices != NULL && event_add(agent.notices, NULL) == 0)
		r = event_base_dispatch(agent.base) < 0 ? -EIO : 0;
	if (agent.notices != NULL)
		event_free(agent.notices);
	event_base_free(agent.base);
	return r;
}
