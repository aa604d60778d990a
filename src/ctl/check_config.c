/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/util.h"
#include "ctl/ctl.h"
#include "host/settings.h"

/* The agent's configuration; the daemon need not run. */
enum ctl_exit ctl_run_check_config(const struct ctl *ctl, const struct ctl_command *self)
{
	const char *path = ctl->argument ? ctl->argument : ctl->config;
	bool missing_ok = !ctl->argument && !ctl->config_given;
	_cleanup_free_ char *error = NULL;
	struct settings settings;

	if (settings_load(path, missing_ok, &settings, &error) < 0) {
		/* As a compiler prints it, without our name before: FILE:LINE: ... */
		fprintf(stderr, "%s\n", error ? error : "no memory");
		return CTL_FAILED;
	}
	printf("%s: no errors\n", path);
	return CTL_DONE;
}
