/* SPDX-License-Identifier: Apache-2.0 */
/* Acts of in-band access: open it towards the BMC that we are connected with, close it, tell. */
#include <arpa/inet.h>
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "host/monitor/access.h"
#include "host/monitor/acts.h"
#include "host/monitor/nl.h"

#define PLAIN_PORT 80

/* An address of this very host would make the relay a way into it. */
static bool is_our_own(struct in_addr address)
{
	_cleanup_free_ struct nl_address *addresses = NULL;
	size_t n = 0;

	if (nl_get_addresses(&addresses, &n) < 0)
		return true; /* what cannot be looked at is refused */
	for (size_t i = 0; i < n; i++) {
		if (addresses[i].family == AF_INET &&
			addresses[i].local.v4.s_addr == address.s_addr)
			return true;
	}
	return false;
}

/*
 * The worker says where the BMC is: it may have it from type 42, which we do not read. What the
 * administrator named binds it, and wherever it points, packets leave through the claimed NIC only.
 */
static bool is_allowed(const struct settings *settings, struct in_addr bmc, uint16_t port)
{
	uint32_t host = ntohl(bmc.s_addr);
	long plain = settings->plain_port != 0 ? settings->plain_port : PLAIN_PORT;

	if (host >> 24 == 0 || host >> 24 == 127 || host >> 28 >= 14 || port == 0)
		return false;
	if (settings->bmc_ipv4.s_addr != 0 && settings->bmc_ipv4.s_addr != bmc.s_addr)
		return false;
	if (settings->port != 0)
		return port == settings->port && !is_our_own(bmc);
	return port != plain && !is_our_own(bmc);
}

int act_access_start(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct in_addr bmc;
	uint16_t port;

	wire_get_fixed(in, &bmc, sizeof(bmc));
	port = wire_get_u16(in);
	if (!wire_is_done(in) || !acts->settings.inband_access ||
		!is_allowed(&acts->settings, bmc, port))
		return -EPERM;
	if (acts->access == NULL) {
		int r = access_new(acts, &acts->access);

		if (r < 0)
			return r;
	}
	return access_start(acts->access, bmc, port);
}

int act_access_stop(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	if (!wire_is_done(in))
		return -EPERM;
	access_stop(acts->access);
	return 0;
}

int act_access_get(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct access_status status = {.state = ACCESS_OFF};

	if (!wire_is_done(in))
		return -EPERM;
	if (acts->access != NULL)
		access_get_status(acts->access, &status);
	wire_put_u8(out, (uint8_t)status.state);
	wire_put_u16(out, status.port);
	wire_put_string(out, status.problem);
	wire_put_fixed(out, &status.now, sizeof(status.now));
	wire_put_fixed(out, &status.total, sizeof(status.total));
	wire_put_fixed(out, &status.refused, sizeof(status.refused));
	wire_put_fixed(out, &status.not_allowed, sizeof(status.not_allowed));
	wire_put_fixed(out, &status.to_bmc, sizeof(status.to_bmc));
	wire_put_fixed(out, &status.from_bmc, sizeof(status.from_bmc));
	return 0;
}
