/* SPDX-License-Identifier: Apache-2.0 */
#include "host/relay/message.h"

#include <errno.h>

const char *relay_end_text(enum relay_end end)
{
	static const char *const texts[RELAY_ENDS] = {
		[RELAY_END_CLOSED] = "closed in good order",
		[RELAY_END_CLIENT] = "broken off by the client",
		[RELAY_END_BMC] = "broken off by the BMC",
		[RELAY_END_IDLE] = "nothing was said for too long",
		[RELAY_END_STALLED] = "what was said was not taken for too long",
		[RELAY_END_STOPPED] = "in-band access ended",
		[RELAY_END_SILENT] = "the client said nothing",
		[RELAY_END_NOT_TLS] = "the client does not speak TLS",
		[RELAY_END_NO_BMC] = "the BMC did not take the connection",
		[RELAY_END_NOT_ALLOWED] = "its address is not allowed",
		[RELAY_END_FULL] = "there are too many connections",
		[RELAY_END_SOURCE_FULL] = "there are too many connections from its address",
		[RELAY_END_LIMIT] = "no descriptor was free",
	};

	return (unsigned int)end < RELAY_ENDS ? texts[end] : NULL;
}

static void put_u64(struct wire_writer *out, uint64_t value)
{
	wire_put_fixed(out, &value, sizeof(value));
}

static uint64_t get_u64(struct wire_reader *in)
{
	uint64_t value;

	wire_get_fixed(in, &value, sizeof(value));
	return value;
}

void relay_put_order(struct wire_writer *out, const struct admission_rules *rules)
{
	wire_put_u16(out, RELAY_MESSAGE_ORDER);
	wire_put_fixed(out, rules->bmc, sizeof(rules->bmc));
	wire_put_u32(out, rules->max);
	wire_put_u32(out, rules->max_per_source);
	put_u64(out, rules->idle_ms);
	wire_put_u16(out, (uint16_t)rules->sources.n);
	for (size_t i = 0; i < rules->sources.n; i++) {
		wire_put_fixed(out, rules->sources.list[i].address, RELAY_ADDRESS);
		wire_put_u8(out, rules->sources.list[i].prefix);
	}
}

int relay_get_order(struct wire_reader *in, struct admission_rules *rules)
{
	struct admission_rules r = {.max = 0};

	wire_get_fixed(in, r.bmc, sizeof(r.bmc));
	r.max = wire_get_u32(in);
	r.max_per_source = wire_get_u32(in);
	r.idle_ms = get_u64(in);
	r.sources.n = wire_get_u16(in);
	if (in->failed || r.sources.n > RELAY_MAX_SOURCES || r.max > RELAY_MAX_CONNECTIONS)
		return -EPROTO;
	for (size_t i = 0; i < r.sources.n; i++) {
		wire_get_fixed(in, r.sources.list[i].address, RELAY_ADDRESS);
		r.sources.list[i].prefix = wire_get_u8(in);
		if (r.sources.list[i].prefix > 8 * RELAY_ADDRESS)
			return -EPROTO;
	}
	if (!wire_is_done(in))
		return -EPROTO;
	*rules = r;
	return 0;
}

void relay_put_report(struct wire_writer *out, const struct relay_report *report)
{
	wire_put_u16(out, RELAY_MESSAGE_REPORT);
	wire_put_u8(out, (uint8_t)report->end);
	wire_put_fixed(out, report->address, sizeof(report->address));
	put_u64(out, report->ms);
	put_u64(out, report->to_bmc);
	put_u64(out, report->from_bmc);
}

int relay_get_report(struct wire_reader *in, struct relay_report *report)
{
	struct relay_report r;
	uint8_t end = wire_get_u8(in);

	wire_get_fixed(in, r.address, sizeof(r.address));
	r.ms = get_u64(in);
	r.to_bmc = get_u64(in);
	r.from_bmc = get_u64(in);
	if (!wire_is_done(in) || end >= RELAY_ENDS)
		return -EPROTO;
	r.end = (enum relay_end)end;
	*report = r;
	return 0;
}
