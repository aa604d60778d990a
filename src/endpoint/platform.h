/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this endpoint knows of the machine it is in: inventory, power state, and what can be reset;
 * from the hooks (hooks.h) and from notices of the BMC's own software. docs/bmc-teams.md is the
 * contract.
 */
#ifndef BMCLINK_ENDPOINT_PLATFORM_H
#define BMCLINK_ENDPOINT_PLATFORM_H

#include <stdbool.h>

#include <event2/event.h>
#include <jansson.h>

#include "endpoint/hooks.h"
#include "endpoint/lclog.h"
#include "endpoint/settings.h"

enum platform_target {
	PLATFORM_HOST,	  /* hook "power" */
	PLATFORM_MANAGER, /* hook "manager-reset" */
	PLATFORM_TARGETS,
};

struct platform;

int platform_new(struct event_base *base, struct lclog *log, struct platform **platform);
void platform_free(struct platform *platform); /* safe with NULL */
/* Takes the folder from the settings and asks the hooks anew. */
void platform_load(struct platform *platform, const struct endpoint_settings *settings);
void platform_ask_inventory(struct platform *platform);

/* A value of the hook "inventory": section "System", "Chassis" or "Manager". Borrowed; NULL: none.
 */
const json_t *platform_get(const struct platform *platform, const char *section, const char *name);

/* "On", "Off", "PoweringOn", "PoweringOff", "Paused"; "": the hook does not know; NULL: nobody
 * says. */
const char *platform_get_power(const struct platform *platform);
/* As Redfish has it, or -EINVAL. A change is recorded, with who says so. */
int platform_set_power(struct platform *platform, const char *state, const char *by);

/* ResetTypes that can be asked for, an array; NULL: the act is not to be had. New reference. */
json_t *platform_get_reset_types(const struct platform *platform, enum platform_target target);

struct platform_reset {
	enum platform_target target;
	const char *type; /* one of platform_get_reset_types() */
	const char *by;	  /* who asks, for the log */
	/* Called once from the loop; why is "" when it was done. */
	void (*done)(const char *why, void *arg);
	void *arg;
	bool (*wanted)(void *arg); /* as of struct hook_call */
};
/* 0: done() will be called. -ENOENT, -EPERM, -ENOBUFS: hooks_run(). The outcome is recorded. */
int platform_reset(struct platform *platform, const struct platform_reset *reset);

#endif
