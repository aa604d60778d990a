/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the monitor: notices. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "host/monitor/wire.h"
#include "host/priv.h"

#define MODULE "priv"

static int take_event(struct wire_reader *in, struct priv_event *event)
{
	uint16_t id = wire_get_u16(in);
	unsigned int i;

	memset(event, 0, sizeof(*event));
	event->n_args = wire_get_u8(in);
	if (in->failed || id >= MSG_COUNT || event->n_args > MESSAGE_MAX_ARGS)
		return -EPROTO;
	event->id = (enum message_id)id;
	for (i = 0; i < event->n_args; i++)
		wire_get_string(in, event->args[i], MESSAGE_MAX_ARG);
	return wire_is_done(in) ? 0 : -EPROTO;
}

static int take_ipmi(struct wire_reader *in, struct priv_ipmi *answer)
{
	const uint8_t *bytes;
	uint32_t error;

	memset(answer, 0, sizeof(*answer));
	answer->command = wire_get_u8(in);
	answer->argument = wire_get_u8(in);
	error = wire_get_u32(in);
	bytes = wire_get_bytes(in, sizeof(answer->bytes), &answer->length);
	if (!wire_is_done(in) || error > 4095 || bytes == NULL)
		return -EPROTO;
	answer->error = (int)error;
	memcpy(answer->bytes, bytes, answer->length);
	return 0;
}

static void take_care(struct wire_reader *in, priv_notice_fn fn, void *arg)
{
	char why[PRIV_MAX_CARE];

	wire_get_string(in, why, sizeof(why));
	if (wire_is_done(in))
		fn(PRIV_NOTICE_CARE, why, strlen(why) + 1, arg);
}

static void take_notice(const uint8_t *data, size_t length, priv_notice_fn fn, void *arg)
{
	struct priv_event event;
	struct priv_ipmi ipmi;
	struct in_addr address;
	struct wire_reader in;
	uint16_t notice;

	wire_reader_init(&in, data, length);
	notice = wire_get_u16(&in);
	switch (notice) {
	case PRIV_NOTICE_STOP:
	case PRIV_NOTICE_RELOAD:
	case PRIV_NOTICE_ACCESS:
	case PRIV_NOTICE_SNMP:
		if (wire_is_done(&in))
			fn((enum priv_notice)notice, NULL, 0, arg);
		break;
	case PRIV_NOTICE_ARP:
		wire_get_fixed(&in, &address, sizeof(address));
		if (wire_is_done(&in))
			fn(PRIV_NOTICE_ARP, &address, sizeof(address), arg);
		break;
	case PRIV_NOTICE_EVENT:
		if (take_event(&in, &event) == 0)
			fn(PRIV_NOTICE_EVENT, &event, sizeof(event), arg);
		break;
	case PRIV_NOTICE_CARE:
		take_care(&in, fn, arg);
		break;
	case PRIV_NOTICE_IPMI:
		if (take_ipmi(&in, &ipmi) == 0)
			fn(PRIV_NOTICE_IPMI, &ipmi, sizeof(ipmi), arg);
		explicit_bzero(&ipmi, sizeof(ipmi));
		break;
	default:
		log_warning(MODULE, "unknown notice %u from the monitor", notice);
	}
}

int priv_read_notices(struct priv *priv, priv_notice_fn fn, void *arg)
{
	uint8_t buffer[WIRE_MAX_NOTICE];
	ssize_t n;

	for (;;) {
		n = recv(priv_notice_fd(priv), buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
		take_notice(buffer, (size_t)n, fn, arg);
		explicit_bzero(buffer, (size_t)n); /* it may have held a password */
	}
}
