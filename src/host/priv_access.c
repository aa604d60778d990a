/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the monitor: in-band access. */
#include <errno.h>

#include "host/monitor/access.h"
#include "host/priv_private.h"

int priv_access_start(struct priv *priv, struct in_addr bmc, uint16_t port)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_ACCESS_START);
	wire_put_fixed(&call.out, &bmc, sizeof(bmc));
	wire_put_u16(&call.out, port);
	return priv_finish(&call);
}

int priv_access_stop(struct priv *priv)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_ACCESS_STOP);
	return priv_finish(&call);
}

static uint64_t get_u64(struct wire_reader *in)
{
	uint64_t value;

	wire_get_fixed(in, &value, sizeof(value));
	return value;
}

int priv_access_get(struct priv *priv, struct access_status *status)
{
	struct access_status s;
	struct priv_call call;
	uint8_t state;
	int r;

	priv_begin(&call, priv, ACT_ACCESS_GET);
	r = priv_finish(&call);
	if (r < 0)
		return r;
	state = wire_get_u8(&call.in);
	s.port = wire_get_u16(&call.in);
	wire_get_string(&call.in, s.problem, sizeof(s.problem));
	s.now = get_u64(&call.in);
	s.total = get_u64(&call.in);
	s.refused = get_u64(&call.in);
	s.not_allowed = get_u64(&call.in);
	s.to_bmc = get_u64(&call.in);
	s.from_bmc = get_u64(&call.in);
	if (priv_end(&call) < 0 || state > ACCESS_ENDING)
		return -EPROTO;
	s.state = (enum access_state)state;
	*status = s;
	return 0;
}
