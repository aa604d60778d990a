/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-band access: a remote client reaches the BMC's HTTPS through the host's own NICs. The worker
 * decides when; the relay process (relay/), its port and who may come are the monitor's.
 *
 * The BMC sees the host's link address as the client's. So it is off where that address alone gives
 * a right: over a channel without TLS, and while the BMC grants AuthNone (DSP0270, 8).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/feature/inband_access.h"
#include "host/feature/works.h"
#include "host/monitor/access.h"
#include "host/relay/sources.h"

/* Until what the monitor could not do just now is asked for again; what it refuses, less often. */
#define AGAIN_SECONDS	10
#define REFUSED_SECONDS 600

struct inband_access {
	struct event *timer;
	bool asked; /* of the monitor */
	bool said;  /* that it is open */
};

static void on_timer(evutil_socket_t fd, short what, void *arg);

static int start(struct feature_context *context)
{
	struct inband_access *access = calloc(1, sizeof(*access));

	context->data = access;
	if (access == NULL)
		return -ENOMEM;
	access->timer = evtimer_new(context->base, on_timer, context);
	return access->timer == NULL ? -ENOMEM : 0;
}

static void free_access(struct feature_context *context)
{
	struct inband_access *access = context->data;

	if (access != NULL && access->timer != NULL)
		event_free(access->timer);
	free(access);
	context->data = NULL;
}

/* Static text; NULL: nothing is in its way. */
static const char *find_obstacle(const struct feature_context *context)
{
	const struct feature_link *link = context->link;

	if (!link->encrypted)
		return "the channel to the BMC has no TLS: its clients would look like this host";
	switch (link->auth_none) {
	case FEATURE_AUTH_NONE_GRANTED:
		return "the BMC lets this host in without a credential (AuthNone), and its clients "
		       "would look like this host";
	case FEATURE_AUTH_NONE_UNREAD:
		return "the BMC has not said whether it lets this host in without a credential "
		       "(AuthNone)";
	default:
		break;
	}
	if (context->settings->access_allow[0] == '\0')
		return "no client may come: name the networks by 'bmclinkctl access enable --allow "
		       "NETWORK...'";
	return NULL;
}

static void say_open(const struct feature_context *context)
{
	struct relay_sources sources;
	char bmc[INET_ADDRSTRLEN], port[8];
	const char *allow = context->settings->access_allow, *expected;

	inet_ntop(AF_INET, &context->link->bmc_ipv4, bmc, sizeof(bmc));
	snprintf(port, sizeof(port), "%ld", context->settings->access_port);
	event_emit_flapping(context->events, MSG_ISM1210, allow, bmc, port);
	if (relay_sources_parse(allow, &sources, &expected) == 0 &&
		relay_sources_have_anyone(&sources))
		event_emit_flapping(context->events, MSG_ISM1211, allow, port);
}

/* What became of it, after it was asked for and whenever the monitor says that it changed. */
static void look(struct feature_context *context)
{
	struct inband_access *access = context->data;
	struct access_status status;
	int r = priv_access_get(context->priv, &status);

	if (r < 0) {
		feature_set_trouble(context, "the monitor does not tell: %s", strerror(-r));
	} else if (status.state != ACCESS_LISTENING) {
		feature_set_trouble(context, "%s", status.problem);
	} else {
		feature_set_active(context);
		if (!access->said)
			say_open(context);
		access->said = true;
	}
}

void inband_access_changed(struct feature_context *context)
{
	struct inband_access *access = context->data;

	if (access != NULL && access->asked)
		look(context);
}

static void close_access(struct feature_context *context)
{
	struct inband_access *access = context->data;

	if (access->asked)
		priv_access_stop(context->priv);
	access->asked = access->said = false;
}

static void apply(struct feature_context *context)
{
	struct inband_access *access = context->data;
	const char *obstacle = find_obstacle(context);
	struct timeval again = {.tv_sec = AGAIN_SECONDS};
	int r;

	evtimer_del(access->timer);
	if (obstacle != NULL) {
		close_access(context);
		feature_set_trouble(context, "%s", obstacle);
		return;
	}
	r = priv_access_start(context->priv, context->link->bmc_ipv4, context->link->port);
	access->asked = true;
	if (r < 0) {
		close_access(context);
		feature_set_trouble(context, "the monitor refuses: %s", strerror(-r));
		if (r == -EPERM)
			again.tv_sec = REFUSED_SECONDS;
		evtimer_add(access->timer, &again);
		return;
	}
	look(context);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	apply(arg);
}

static void stop(struct feature_context *context, enum feature_stop why)
{
	struct inband_access *access = context->data;

	evtimer_del(access->timer);
	close_access(context);
}

static const char *name_state(enum access_state state)
{
	static const char *const names[] = {[ACCESS_OFF] = "off",
		[ACCESS_LISTENING] = "listening",
		[ACCESS_WAITING] = "waiting",
		[ACCESS_ENDING] = "ending"};

	return names[state];
}

static void add_status(const struct feature_context *context, json_t *status)
{
	struct access_status access = {.state = ACCESS_OFF};

	if (priv_access_get(context->priv, &access) < 0)
		return;
	json_object_set_new(status, "state", json_string(name_state(access.state)));
	json_object_set_new(status, "port", json_integer(context->settings->access_port));
	json_object_set_new(status, "allow", json_string(context->settings->access_allow));
	json_object_set_new(status, "connections",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "now", (json_int_t)access.now, "total",
			(json_int_t)access.total, "refused", (json_int_t)access.refused,
			"not_allowed", (json_int_t)access.not_allowed, "bytes_to_bmc",
			(json_int_t)access.to_bmc, "bytes_from_bmc", (json_int_t)access.from_bmc));
}

const struct feature_work feature_inband_access = {
	.start = start,
	.free = free_access,
	.apply = apply,
	.stop = stop,
	.add_status = add_status,
};
