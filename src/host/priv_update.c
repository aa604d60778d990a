/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the monitor: updates of the agent. */
#include <errno.h>

#include "host/priv_private.h"

int priv_update_info(struct priv *priv, struct priv_update_info *info)
{
	struct priv_update_info i;
	struct priv_call call;
	uint8_t family, step;
	int r;

	priv_begin(&call, priv, ACT_UPDATE_INFO);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	family = wire_get_u8(&call.in);
	wire_get_string(&call.in, i.architecture, sizeof(i.architecture));
	wire_get_string(&call.in, i.installed, sizeof(i.installed));
	wire_get_string(&call.in, i.floor, sizeof(i.floor));
	wire_get_string(&call.in, i.back, sizeof(i.back));
	wire_get_string(&call.in, i.refused, sizeof(i.refused));
	i.keys = wire_get_u32(&call.in);
	step = wire_get_u8(&call.in);
	wire_get_string(&call.in, i.version, sizeof(i.version));
	wire_get_string(&call.in, i.from, sizeof(i.from));
	wire_get_string(&call.in, i.why, sizeof(i.why));
	wire_get_fixed(&call.in, &i.at, sizeof(i.at));
	if (priv_end(&call) < 0 || family >= PACKAGE_N_FAMILIES || step >= UPDATE_N_STEPS)
		return -EPROTO;
	i.family = (enum package_family)family;
	i.step = (enum update_step)step;
	*info = i;
	return 0;
}

int priv_update_begin(struct priv *priv, bool back, uint64_t size, const char *version)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_UPDATE_BEGIN);
	wire_put_bool(&call.out, back);
	wire_put_fixed(&call.out, &size, sizeof(size));
	wire_put_string(&call.out, version);
	return priv_finish(&call);
}

int priv_update_piece(struct priv *priv, uint64_t *done)
{
	struct priv_call call;
	uint64_t copied;
	int r;

	priv_begin(&call, priv, ACT_UPDATE_PIECE);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	wire_get_fixed(&call.in, &copied, sizeof(copied));
	r = priv_end(&call);
	if (r == 0)
		*done = copied;
	return r;
}

int priv_update_commit(struct priv *priv)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_UPDATE_COMMIT);
	return priv_finish(&call);
}
