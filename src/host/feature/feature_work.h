/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of a feature: what is done in the worker when it comes on, and when it goes off. The
 * framework (agent_features.c) calls it from one place whenever the settings, the BMC's switches or
 * the link change; a feature never asks by itself whether it is to be on.
 */
#ifndef BMCLINK_HOST_FEATURE_WORK_H
#define BMCLINK_HOST_FEATURE_WORK_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <jansson.h>

#include "base/event.h"
#include "host/control.h"
#include "host/feature/feature.h"
#include "host/link/channel.h"
#include "host/priv.h"
#include "host/settings.h"

#define FEATURE_MAX_TROUBLE 192

enum feature_auth_none { /* is a client that comes from the host let in without a credential? */
	FEATURE_AUTH_NONE_UNREAD, /* not known: yet, or because the BMC does not say */
	FEATURE_AUTH_NONE_NO,
	FEATURE_AUTH_NONE_GRANTED,
};

struct feature_link {	      /* as it is now; compared by its bytes, so every one of them is set */
	unsigned int ifindex; /* of the claimed NIC; 0: none */
	char interface[IF_NAMESIZE];
	enum ladder_protocol protocol; /* connected over; LADDER_NONE: not connected */
	bool encrypted;
	bool ours; /* the BMC runs bmclink's endpoint */
	enum feature_auth_none auth_none;
	struct in_addr host_ipv4, bmc_ipv4; /* of the link; 0: IPv4 is not configured */
	uint16_t port;			    /* of the BMC's HTTPS */
	struct channel *channel; /* for channel_request(); NULL: not connected. To be read each
				    time: it is gone as soon as the connection is */
};

/*
 * One a feature; the framework's, lives as long as the agent. What it points to is borrowed, and is
 * up to date whenever a function of the work is called.
 */
struct feature_context {
	const struct feature *feature;
	struct event_base *base;
	struct event_log *events;
	struct priv *priv;
	struct control *control; /* for answers that come later */
	const struct settings *settings;
	const struct feature_link *link;
	int state_fd;	     /* <state-dir>/worker */
	const char *version; /* of this program */
	void *data;	     /* the feature's own: start() to free() */
	/* feature_set_active() and feature_set_trouble() alone write these. */
	bool active;
	char trouble[FEATURE_MAX_TROUBLE];
	void *owner;
};

struct feature_work { /* any but apply and stop may be NULL */
	/* Once, before anything else; no I/O yet. 0 or negative errno: the agent does not start. */
	int (*start)(struct feature_context *context);
	void (*free)(struct feature_context *context); /* after stop(); also when start() failed */
	/*
	 * The feature is on. Called when it comes on, and again when the settings or the link have
	 * changed meanwhile: what is already as it should be is to be left alone. It says how it
	 * went by feature_set_active() or feature_set_trouble(), now or later.
	 */
	void (*apply)(struct feature_context *context);
	/* It is off. Called when it goes off, when the reason of it changes, and once at the start:
	 * an earlier life may have left something. The framework then clears active and trouble; a
	 * stop() that could not undo everything says so by feature_set_trouble(). */
	void (*stop)(struct feature_context *context, enum feature_stop why);
	void (*add_status)(const struct feature_context *context, json_t *status); /* own fields */
	/*
	 * {"command": "feature", "name": ..., "action": ACTION, ...} of bmclinkctl, by root. Only
	 * while the feature is on, unless run_always: else it is refused with the reason before.
	 * As control_run_fn; CONTROL_LATER with control_get_client() of context->control.
	 */
	enum control_exit (*run)(struct feature_context *context, const char *action,
		const json_t *request, json_t **result, char *error);
	bool run_always;
	/* The monitor's notice about the feature, while it is on. */
	void (*noticed)(struct feature_context *context);
	/* An event that the BMC pushed, while the feature is on. */
	void (*pushed)(struct feature_context *context, const json_t *payload);
};

/* It does its work. Clears the trouble; those who watch the status see it. */
void feature_set_active(struct feature_context *context);
/* It does not (yet), and why: for people, without a full stop. "" : it is on its way. */
void feature_set_trouble(struct feature_context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A field of add_status() has changed. */
void feature_publish(struct feature_context *context);

/* feature_work.c: by feature_number */
extern const struct feature_work *const feature_works[FEATURES];

#endif
