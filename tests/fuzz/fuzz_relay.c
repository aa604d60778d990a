/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-band access: messages between relay and monitor, whichever of them was taken over, and the
 * lists of networks and of a firewall's rules. The first byte says what the rest is.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/firewall.h"
#include "fuzz.h"
#include "host/agent.h"
#include "host/relay/message.h"

/* The library of the processes wants an agent; this program has none. */
int agent_prepare(struct agent_environment *env)
{
	return -1;
}

int agent_run(struct agent_environment *env)
{
	return -1;
}

static void check_order(const uint8_t *data, size_t size)
{
	struct admission_rules rules, again;
	uint8_t buffer[RELAY_MAX_MESSAGE];
	struct wire_writer out;
	struct wire_reader in;

	wire_reader_init(&in, data, size);
	if (relay_get_order(&in, &rules) < 0)
		return;
	FUZZ_CHECK(rules.sources.n <= RELAY_MAX_SOURCES && rules.max <= RELAY_MAX_CONNECTIONS);
	wire_writer_init(&out, buffer, sizeof(buffer));
	relay_put_order(&out, &rules);
	FUZZ_CHECK(!out.failed);
	wire_reader_init(&in, buffer, out.used);
	FUZZ_CHECK(wire_get_u16(&in) == RELAY_MESSAGE_ORDER);
	FUZZ_CHECK(relay_get_order(&in, &again) == 0);
	FUZZ_CHECK(again.sources.n == rules.sources.n && again.idle_ms == rules.idle_ms);
	relay_sources_contain(&rules.sources, rules.bmc);
}

static void check_report(const uint8_t *data, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	struct relay_report report;
	struct wire_reader in;

	wire_reader_init(&in, data, size);
	if (relay_get_report(&in, &report) < 0)
		return;
	FUZZ_CHECK(relay_end_text(report.end) != NULL);
	relay_address_format(report.address, address);
	FUZZ_CHECK(strlen(address) >= 2);
}

static void check_sources(const char *text)
{
	static const uint8_t ipv4[RELAY_ADDRESS] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
	struct relay_sources sources = {.n = SIZE_MAX};
	const char *expected = NULL;

	if (relay_sources_parse(text, &sources, &expected) < 0) {
		FUZZ_CHECK(expected != NULL && sources.n == SIZE_MAX);
		return;
	}
	FUZZ_CHECK(sources.n <= RELAY_MAX_SOURCES);
	for (size_t i = 0; i < sources.n; i++) {
		struct relay_sources one = {.list = {sources.list[i]}, .n = 1};

		FUZZ_CHECK(one.list[0].prefix <= 128);
		/* a network has its own address; one of IPv6 has no IPv4 address */
		if (one.list[0].prefix >= 96)
			FUZZ_CHECK(relay_sources_contain(&one, one.list[0].address));
		else
			FUZZ_CHECK(!relay_sources_contain(&one, ipv4));
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	FUZZ_CHECK(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 6) {
	case 0:
		check_order(data + 1, size - 1);
		break;
	case 1:
		check_report(data + 1, size - 1);
		break;
	case 2:
		check_sources(text);
		break;
	case 3:
		firewall_read_zones(text, FIREWALL_PORT);
		break;
	case 4:
		firewall_read_ufw(text, FIREWALL_PORT);
		break;
	default:
		firewall_read_nft(text, size - 1, FIREWALL_PORT);
	}
	free(text);
	return 0;
}
