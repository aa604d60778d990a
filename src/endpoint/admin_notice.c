/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint notice ...`: what the platform tells of the host. */
#include <string.h>

#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/service.h"

/* What the host can hold, and who it is, may be another after it was off. */
static json_t *answer_host_reset(struct service *service)
{
	lclog_emit(service->log, MSG_ISM1075);
	service_note_host_reset(service);
	platform_ask_inventory(service->platform);
	return admin_make_result(NULL);
}

static json_t *answer_power(struct service *service, const json_t *request)
{
	const char *state = json_string_value(json_object_get(request, "state"));

	if (!state || platform_set_power(service->platform, state, "a notice") < 0)
		return control_make_error(
			CONTROL_EXIT_USAGE, "expected On, Off, PoweringOn, PoweringOff or Paused");
	return admin_make_result(NULL);
}

static json_t *answer(struct service *service, const char *command, const json_t *request)
{
	if (strcmp(command, "notice-host-reset") == 0)
		return answer_host_reset(service);
	if (strcmp(command, "notice-power") == 0)
		return answer_power(service, request);
	if (strcmp(command, "notice-inventory") != 0)
		return admin_refuse_command();
	platform_ask_inventory(service->platform);
	return admin_make_result(NULL);
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	if (n == 2 && strcmp(a[1], "host-reset") == 0)
		return admin_make_request("notice-host-reset");
	if (n == 2 && strcmp(a[1], "inventory") == 0)
		return admin_make_request("notice-inventory");
	if (n == 3 && strcmp(a[1], "power") == 0)
		return json_pack("{s:s, s:o}", "command", "notice-power", "state",
			json_string(a[2]) ?: json_string(""));
	return admin_say_usage(exit_code);
}

const struct admin_family admin_notice = {
	.word = "notice",
	.has_verbs = true,
	.make_request = make_request,
	.answer = answer,
};
