/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint-snmp/values.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "endpoint/control_ask.h"

enum { STATUS_OTHER = 1, STATUS_UNKNOWN, STATUS_OK, STATUS_NON_CRITICAL, STATUS_CRITICAL };
enum { POWER_OTHER = 1, POWER_UNKNOWN, POWER_OFF, POWER_ON };

const json_t *values_get(const char *runtime_dir)
{
	static json_t *kept;
	static int64_t asked;
	static bool ever;
	json_t *request, *answer = NULL;

	/* A walk is many questions; the endpoint, which may not answer, is asked once for them. */
	if (ever && clock_get_ms(CLOCK_MONOTONIC) - asked < VALUES_KEEP_MS)
		return kept;
	json_decref(kept);
	kept = NULL;
	request = json_pack("{s:s}", "command", "snmp-values");
	if (control_ask(runtime_dir, request, &answer) == 0)
		kept = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	json_decref(request);
	asked = clock_get_ms(CLOCK_MONOTONIC);
	ever = true;
	return kept;
}

long values_get_health(const char *health)
{
	if (!health)
		return STATUS_UNKNOWN;
	if (strcmp(health, "OK") == 0)
		return STATUS_OK;
	if (strcmp(health, "Warning") == 0)
		return STATUS_NON_CRITICAL;
	return strcmp(health, "Critical") == 0 ? STATUS_CRITICAL : STATUS_OTHER;
}

long values_get_power(const char *state)
{
	if (!state || !*state)
		return POWER_UNKNOWN;
	if (strcmp(state, "On") == 0)
		return POWER_ON;
	return strcmp(state, "Off") == 0 ? POWER_OFF : POWER_OTHER;
}
