/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the monitor: the BMC's values in the host's snmpd. */
#include <string.h>

#include "host/monitor/snmp_text.h"
#include "host/priv_private.h"

int priv_snmp_start(struct priv *priv, const struct snmp_access *access, bool idrac)
{
	struct priv_call call;
	uint32_t error;
	int r;

	priv_begin(&call, priv, ACT_SNMP_START);
	wire_put_fixed(&call.out, &access->bmc, sizeof(access->bmc));
	wire_put_u16(&call.out, access->port);
	wire_put_bool(&call.out, access->sha1);
	wire_put_string(&call.out, access->user);
	wire_put_string(&call.out, access->auth_key);
	wire_put_string(&call.out, access->priv_key);
	wire_put_bytes(&call.out, access->engine, access->engine_length);
	wire_put_bool(&call.out, idrac);
	r = priv_finish(&call);
	explicit_bzero(call.request, sizeof(call.request));
	if (r < 0)
		return r;
	error = wire_get_u32(&call.in);
	r = priv_end(&call);
	return r < 0 ? r : -(int)error;
}

int priv_snmp_stop(struct priv *priv)
{
	struct priv_call call;

	priv_begin(&call, priv, ACT_SNMP_STOP);
	return priv_finish(&call);
}
