/* SPDX-License-Identifier: Apache-2.0 */
/* Acts about the settings, and who we are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "host/monitor/acts.h"

int act_hello(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	char machine[ACTS_MAX_MACHINE];

	if (!wire_is_done(in))
		return -EPERM;
	snprintf(machine, sizeof(machine), "%s/%s", acts->machine.machine_id,
		acts->machine.system_uuid);
	wire_put_string(out, machine);
	wire_put_string(out, acts->installed.version);
	wire_put_u32(out, acts->installed.count);
	acts->environment->hello(acts->environment->arg);
	act_update_review(acts);
	return 0;
}

int act_get_settings(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!wire_is_done(in))
		return -EPERM;
	r = settings_to_text(&acts->settings, &text);
	if (r < 0)
		return r;
	wire_put_bytes(out, text, strlen(text));
	return 0;
}

/* As by SIGHUP: from the monitor's own files, so that the worker can ask for nothing that is not
 * there. */
int act_reload(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	if (!wire_is_done(in))
		return -EPERM;
	return acts->environment->reload(acts->environment->arg);
}
