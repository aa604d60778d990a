/* SPDX-License-Identifier: Apache-2.0 */
/* The BMC's link-local address, where nothing names it: whoever answers on this two-node link. */
#include <string.h>

#include "base/log.h"
#include "host/agent_private.h"
#include "host/link/neighbour.h"

#define MODULE "link"

static void close_socket(struct agent *agent)
{
	struct agent_neighbour *neighbour = &agent->neighbour;

	if (neighbour->event != NULL) {
		event_free(neighbour->event);
		close(neighbour->fd);
	}
	neighbour->event = NULL;
}

void agent_neighbour_stop(struct agent *agent)
{
	evtimer_del(agent->neighbour_timer);
	close_socket(agent);
}

static void found(struct agent *agent, const struct in6_addr *address)
{
	agent_neighbour_stop(agent);
	agent_try_neighbour(agent, address);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;
	struct in6_addr address;
	int r = neighbour_read(fd, agent->nic.claimed, &address);

	if (r == 0)
		found(agent, &address);
	else if (r == -ENOTUNIQ)
		agent->neighbour.several = true;
}

static int open_socket(struct agent *agent)
{
	struct agent_neighbour *neighbour = &agent->neighbour;
	int fd, r = priv_open_neighbour(agent->priv, &fd);

	if (r < 0)
		return r;
	neighbour->event = event_new(agent->base, fd, EV_READ | EV_PERSIST, on_readable, agent);
	if (neighbour->event == NULL) {
		close(fd);
		return -ENOMEM;
	}
	neighbour->fd = fd;
	return event_add(neighbour->event, NULL);
}

static void ask(struct agent *agent)
{
	struct timeval wait = {.tv_usec = AGENT_NEIGHBOUR_ASK_MS * 1000};
	int r = neighbour_ask(agent->neighbour.fd, agent->nic.claimed);

	if (r < 0)
		log_debug(MODULE, "the BMC's link-local address could not be asked for: %s",
			strerror(-r));
	agent->neighbour.asked++;
	evtimer_add(agent->neighbour_timer, &wait);
}

void agent_neighbour_start(struct agent *agent)
{
	struct timeval now = {0};
	int r;

	agent_neighbour_stop(agent);
	agent->neighbour = (struct agent_neighbour){.fd = -1};
	r = open_socket(agent);
	if (r == 0) {
		ask(agent);
		return;
	}
	log_warning(MODULE, "no socket to ask for the BMC's link-local address: %s", strerror(-r));
	agent->neighbour.asked = AGENT_NEIGHBOUR_ASKS;
	evtimer_add(agent->neighbour_timer, &now);
}

/* A BMC that answers no such question may still be in the kernel's neighbour table. */
void agent_neighbour_timeout(struct agent *agent)
{
	struct in6_addr address;
	int r;

	if (agent->neighbour.asked < AGENT_NEIGHBOUR_ASKS) {
		ask(agent);
		return;
	}
	r = nic_find_neighbour(agent->watch, agent->nic.claimed, &address);
	if (r == 0 && !agent->neighbour.several) {
		found(agent, &address);
		return;
	}
	agent_neighbour_stop(agent);
	agent_try_no_neighbour(agent, r == -ENOTUNIQ || agent->neighbour.several);
}
