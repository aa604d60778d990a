/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ComputerSystem.Reset and Manager.Reset. They are there when the platform can do them, with the
 * types that it names, and answer when it has done it, or could not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "endpoint/actions.h"
#include "endpoint/service.h"

#define HOST_RESET    "/redfish/v1/Systems/{system}/Actions/ComputerSystem.Reset"
#define MANAGER_RESET "/redfish/v1/Managers/{manager}/Actions/Manager.Reset"

struct waiting { /* a client that waits for the outcome */
	struct request request;
	bool gone; /* it does not any more */
	struct connection_principal by;
	int64_t since_ms;
};

static bool has_action(const struct request *request, enum platform_target target)
{
	json_t *types = platform_get_reset_types(request->service->platform, target);

	json_decref(types);
	return types != NULL;
}

static bool host_reset_exists(const struct request *request)
{
	return has_action(request, PLATFORM_HOST);
}

static bool manager_reset_exists(const struct request *request)
{
	return has_action(request, PLATFORM_MANAGER);
}

static void on_gone(void *arg)
{
	((struct waiting *)arg)->gone = true;
}

static void on_done(const char *why, void *arg)
{
	struct waiting *waiting = arg;
	struct request *request = &waiting->request;

	if (!waiting->gone) {
		connection_hold(request->connection, NULL, NULL);
		if (*why)
			request_error(request, 500, BASE_INTERNAL_ERROR);
		else
			request_reply(request, 204, NULL, NULL);
	}
	free(waiting);
}

/* Others were before it. Who has lost the right meanwhile, or was told that it is not done, is not
 * to be surprised; who has only gone away has asked for it all the same. */
static bool is_wanted(void *arg)
{
	const struct waiting *waiting = arg;
	bool late = service_get_mono_ms() - waiting->since_ms >= SERVER_HANDLING_MS;

	return service_has_rights(waiting->request.service, &waiting->by) &&
	       !(waiting->gone && late);
}

static bool is_type(const struct request *request, enum platform_target target, const char *type)
{
	json_t *types = platform_get_reset_types(request->service->platform, target), *one;
	bool found = false;
	size_t i;

	json_array_foreach(types, i, one) found =
		found || strcmp(json_string_value(one), type) == 0;
	json_decref(types);
	return found;
}

/* The ResetType of a body; NULL: answered. */
static const char *read_type(struct request *request, const json_t *body,
	enum platform_target target, const char *action)
{
	static const char *const known[] = {"ResetType", NULL};
	const json_t *value = json_object_get(body, "ResetType");
	const char *type = json_string_value(value);

	if (!actions_check_parameters(request, body, action, known))
		return NULL;
	if (!value)
		request_error(request, 400, BASE_ACTION_PARAMETER_MISSING, action, "ResetType");
	else if (!type)
		request_error(request, 400, BASE_ACTION_PARAMETER_VALUE, "ResetType", action);
	else if (is_type(request, target, type))
		return type;
	else
		request_error(
			request, 400, BASE_ACTION_PARAMETER_NOT_IN_LIST, type, "ResetType", action);
	return NULL;
}

static void refuse(struct request *request, int r)
{
	if (r == -ENOBUFS)
		request_error(request, 503, BASE_UNAVAILABLE, "30");
	else if (r == -ENOENT || r == -EPERM) /* it has gone since it was looked for */
		request_error(request, 404, BASE_RESOURCE_MISSING, request->http->path);
	else
		request_error(request, 500, BASE_INTERNAL_ERROR);
}

static void reset(struct request *request, const json_t *body, enum platform_target target,
	const char *action)
{
	const char *type = read_type(request, body, target, action);
	struct platform_reset wanted = {
		.target = target, .type = type, .done = on_done, .wanted = is_wanted};
	struct waiting *waiting;
	char by[96];
	int r;

	if (!type)
		return;
	waiting = malloc(sizeof(*waiting));
	if (!waiting) {
		request_error(request, 500, BASE_INTERNAL_ERROR);
		return;
	}
	*waiting = (struct waiting){
		.request = *request,
		.by = *connection_get_principal(request->connection),
		.since_ms = service_get_mono_ms(),
	};
	snprintf(by, sizeof(by), "a client at %s",
		connection_get_peer(request->connection)->address);
	wanted.by = by;
	wanted.arg = waiting;
	r = platform_reset(request->service->platform, &wanted);
	if (r < 0) {
		free(waiting);
		refuse(request, r);
		return;
	}
	connection_hold(request->connection, on_gone, waiting);
}

static void reset_host(struct request *request, const json_t *body)
{
	reset(request, body, PLATFORM_HOST, "ComputerSystem.Reset");
}

static void reset_manager(struct request *request, const json_t *body)
{
	reset(request, body, PLATFORM_MANAGER, "Manager.Reset");
}

const struct resource reset_resources[] = {
	{.uri = HOST_RESET,
		.entity = ENTITY_SYSTEM_RESET,
		.action = true,
		.exists = host_reset_exists,
		.post = reset_host},
	{.uri = MANAGER_RESET,
		.entity = ENTITY_MANAGER_RESET,
		.action = true,
		.exists = manager_reset_exists,
		.post = reset_manager},
	{.uri = NULL},
};
