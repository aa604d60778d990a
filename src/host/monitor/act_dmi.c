/* SPDX-License-Identifier: Apache-2.0 */
/* The raw SMBIOS bytes, which only root may read. They are passed on unread: what they mean is the
 * worker's business. */
#include <errno.h>

#include "base/util.h"
#include "host/monitor/acts.h"
#include "host/monitor/facts.h"

int act_get_dmi(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	const struct facts_roots roots = {.sys = acts->environment->roots.sys,
		.dmi = acts->environment->roots.dmi,
		.run = acts->environment->roots.run};
	_cleanup_free_ uint8_t *data = NULL;
	uint32_t index = wire_get_u32(in);
	bool whole = false;
	size_t length;
	int r;

	if (!wire_is_done(in) || index >= FACTS_MAX_DMI)
		return -EPERM;
	r = dmi_read_entry(&roots, index, &data, &length, &whole);
	if (r < 0)
		return r;
	wire_put_bool(out, whole);
	wire_put_bytes(out, data, length);
	return 0;
}
