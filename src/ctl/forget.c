/* SPDX-License-Identifier: Apache-2.0 */
/* Ask the BMC to forget this host: begun by one request, its end seen by others. */
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "ctl/print.h"

#define WAIT_MS 10000
#define STEP_MS 50

/* state: "asking", "done", ..., of *trust, which the caller frees. */
static enum ctl_exit look(const struct ctl *ctl, json_t **trust, const char **state)
{
	enum ctl_exit code = ctl_ask(ctl, json_pack("{s:s}", "command", "trust-show"), trust);

	if (code == CTL_DONE)
		*state = print_string(*trust, "forget", "failed");
	return code;
}

static enum ctl_exit report(const json_t *trust, const char *state)
{
	if (strcmp(state, "done") == 0) {
		print_wrapped(0, PRINT_PLAIN,
			"The BMC has forgotten this host. bmclinkd stays disconnected until it is "
			"started again.");
		return CTL_DONE;
	}
	if (strcmp(state, "asking") == 0)
		ctl_complain("the BMC has not answered within %d s", WAIT_MS / 1000);
	else
		ctl_complain("the BMC has not forgotten this host: %s",
			print_string(trust, "forget_reason", "unknown reason"));
	return CTL_FAILED;
}

enum ctl_exit ctl_run_trust_forget(const struct ctl *ctl, const struct ctl_command *self)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	const char *state = "";
	json_t *answer = NULL;
	enum ctl_exit code = ctl_ask(ctl, json_pack("{s:s}", "command", "trust-forget"), &answer);
	int waited;

	json_decref(answer);
	for (waited = 0; code == CTL_DONE; waited += STEP_MS) {
		answer = NULL;
		code = look(ctl, &answer, &state);
		if (code == CTL_DONE && (strcmp(state, "asking") != 0 || waited >= WAIT_MS)) {
			code = report(answer, state);
			json_decref(answer);
			return code;
		}
		json_decref(answer);
		nanosleep(&step, NULL);
	}
	return code;
}
