/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local-names: names for the BMC in /etc/hosts (S15, S19). The monitor writes; here is when. The
 * names stay while the link is lost for a moment, and when the agent stops: the address that they
 * stand for stays, too. They go with IPv4, and with the switch.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/feature/works.h"

#define MODULE	     "names"
#define LOOK_SECONDS 600 /* others write /etc/hosts, too; and what was refused may be allowed */
#define SOON_SECONDS 2

struct local_names {
	struct event *timer;
	bool wanted;  /* our block is to be there */
	bool refused; /* the last time */
	struct in_addr address;
	struct priv_names now; /* as the monitor said last */
	char said_why[128], said_taken[PRIV_MAX_NAMES];
};

static void report(struct feature_context *context, const char *address)
{
	struct local_names *names = context->data;
	const struct priv_names *now = &names->now;

	if (now->changed && now->written[0] != '\0')
		event_emit(context->events, MSG_ISM1203, now->written, address);
	else if (now->changed)
		event_emit(context->events, MSG_ISM1204);
	if (now->taken[0] != '\0' && strcmp(now->taken, names->said_taken) != 0)
		event_emit(context->events, MSG_ISM1205, now->taken);
	if (now->why[0] != '\0' && strcmp(now->why, names->said_why) != 0)
		event_emit(context->events, MSG_ISM1206, now->why);
	snprintf(names->said_taken, sizeof(names->said_taken), "%s", now->taken);
	snprintf(names->said_why, sizeof(names->said_why), "%s", now->why);
}

static void show(struct feature_context *context)
{
	const struct local_names *names = context->data;

	if (names->now.why[0] != '\0')
		feature_set_trouble(context, "/etc/hosts: %s", names->now.why);
	else if (!names->wanted)
		feature_publish(context);
	else if (names->now.written[0] == '\0')
		feature_set_trouble(context, "other lines of /etc/hosts have all the names");
	else
		feature_set_active(context);
}

/* The NIC may be gone already, and the news of it be on its way to us: then the link is lost, and
 * nobody need be told of the address that was not there any more. */
static bool is_told_later(struct feature_context *context, int r)
{
	const struct timeval soon = {SOON_SECONDS, 0};
	struct local_names *names = context->data;
	bool first = r == -EPERM && !names->refused;

	names->refused = r == -EPERM;
	if (first) {
		feature_set_trouble(context, "%s", "");
		evtimer_add(names->timer, &soon);
	}
	return first;
}

static void run(struct feature_context *context)
{
	const struct timeval look = {LOOK_SECONDS, 0};
	struct local_names *names = context->data;
	char address[INET_ADDRSTRLEN] = "";
	int r = priv_set_names(context->priv, names->wanted, names->address, &names->now);

	if (is_told_later(context, r))
		return;
	if (r < 0) {
		names->now = (struct priv_names){.changed = false};
		snprintf(names->now.why, sizeof(names->now.why), "%s",
			r == -EPERM ? "the monitor refused the address" : strerror(-r));
	}
	inet_ntop(AF_INET, &names->address, address, sizeof(address));
	report(context, address);
	show(context);
	if (names->wanted || names->now.why[0] != '\0')
		evtimer_add(names->timer, &look);
	else
		evtimer_del(names->timer);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	run(arg);
}

static int start(struct feature_context *context)
{
	struct local_names *names = calloc(1, sizeof(*names));

	context->data = names;
	if (names == NULL)
		return -ENOMEM;
	names->timer = evtimer_new(context->base, on_timer, context);
	return names->timer != NULL ? 0 : -ENOMEM;
}

static void free_names(struct feature_context *context)
{
	struct local_names *names = context->data;

	if (names != NULL && names->timer != NULL)
		event_free(names->timer);
	free(names);
	context->data = NULL;
}

static void apply(struct feature_context *context)
{
	struct local_names *names = context->data;

	names->wanted = true;
	names->address = context->link->bmc_ipv4;
	run(context);
}

static void stop(struct feature_context *context, enum feature_stop why)
{
	struct local_names *names = context->data;

	evtimer_del(names->timer);
	names->refused = false;
	if (why == FEATURE_STOP_LOST || why == FEATURE_STOP_END)
		return;
	names->wanted = false;
	run(context);
}

static void add_status(const struct feature_context *context, json_t *status)
{
	const struct local_names *names = context->data;
	char address[INET_ADDRSTRLEN] = "";
	bool written = names->wanted && names->now.written[0] != '\0';

	inet_ntop(AF_INET, &names->address, address, sizeof(address));
	json_object_set_new(
		status, "names", written ? json_string(names->now.written) : json_null());
	json_object_set_new(status, "address", written ? json_string(address) : json_null());
	json_object_set_new(status, "taken",
		names->now.taken[0] != '\0' ? json_string(names->now.taken) : json_null());
}

const struct feature_work feature_local_names = {
	.start = start,
	.free = free_names,
	.apply = apply,
	.stop = stop,
	.add_status = add_status,
};
