/* SPDX-License-Identifier: Apache-2.0 */
/* In-band access: who is let in, for how long, and what relay and monitor say to each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/util.h"
#include "host/relay/admission.h"
#include "host/relay/message.h"

static void set_address(const char *text, uint8_t address[RELAY_ADDRESS])
{
	struct in_addr ipv4;

	if (inet_pton(AF_INET, text, &ipv4) == 1)
		relay_address_from_ipv4(ipv4, address);
	else
		assert_int_equal(inet_pton(AF_INET6, text, address), 1);
}

static void test_sources_match(void **state)
{
	static const struct {
		const char *sources, *address;
		bool contained;
	} rows[] = {
		{"192.0.2.0/24",				 "192.0.2.1",	      true },
		{"192.0.2.0/24",				 "192.0.2.255",	true },
		{"192.0.2.0/24",				 "192.0.3.0",	      false},
		{"192.0.2.0/24",				 "::ffff:192.0.2.7", true },
		{"192.0.2.0/24",				 "::192.0.2.7",	false}, /* "compatible" is another thing */
		{"192.0.2.0/24",				 "2002:c000:201::1", false},
		{"::ffff:192.0.2.0/120",			 "192.0.2.9",	      true },
		{"::ffff:192.0.2.0/120",			 "192.0.3.9",	      false},
		{"192.0.2.4",			       "192.0.2.4",	   true },
		{"192.0.2.4",			       "192.0.2.5",	   false},
		{"192.0.2.4/31",				 "192.0.2.5",	      true },
		{"192.0.2.4/31",				 "192.0.2.6",	      false},
		{"128.0.0.0/1",				"200.1.1.1",	     true },
		{"128.0.0.0/1",				"127.0.0.1",	     false},
		{"0.0.0.0/0",			       "203.0.113.9",	     true },
		{"0.0.0.0/0",			       "2001:db8::1",	     false},
		{"::/0",				    "2001:db8::1",	true },
		{"::/0",				    "203.0.113.9",	false},
		{"::/64",				   "203.0.113.9",	 false}, /* a mapped address has 80 zeros before it */
		{"::/64",				   "::1",		 true },
		{"2001:db8::/33",				  "2001:db8:7fff::1", true },
		{"2001:db8::/33",				  "2001:db8:8000::1", false},
		{"2001:db8::1",				"2001:db8::1",      true },
		{"2001:db8::1",				"2001:db8::2",      false},
		{"",					"192.0.2.1",	  false},
		{"10.0.0.0/8, 192.0.2.0/24\t2001:db8::/32", "192.0.2.1",	 true },
		{"10.0.0.0/8, 192.0.2.0/24\t2001:db8::/32", "2001:db8:9::1",    true },
		{"10.0.0.0/8, 192.0.2.0/24\t2001:db8::/32", "11.0.0.1",		false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct relay_sources sources;
		uint8_t address[RELAY_ADDRESS];
		const char *expected;

		assert_int_equal(relay_sources_parse(rows[i].sources, &sources, &expected), 0);
		set_address(rows[i].address, address);
		if (relay_sources_contain(&sources, address) != rows[i].contained)
			fail_msg("%s in '%s'", rows[i].address, rows[i].sources);
	}
}

/* From a socket's address to bytes and to text again. */
static void test_addresses_of_sockets(void **state)
{
	static const struct {
		const char *text, *out;
		int family;
	} rows[] = {
		{"192.0.2.1",	      "192.0.2.1",   AF_INET },
		     {"2001:db8::1",	     "2001:db8::1", AF_INET6},
		{"::ffff:192.0.2.1", "192.0.2.1",	  AF_INET6}, /* the same client */
	};
	char endless[INET6_ADDRSTRLEN + 8], text[INET6_ADDRSTRLEN];
	struct relay_source source;
	const char *expected;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sockaddr_storage from = {.ss_family = (sa_family_t)rows[i].family};
		uint8_t address[RELAY_ADDRESS];
		void *at = rows[i].family == AF_INET
				   ? (void *)&((struct sockaddr_in *)&from)->sin_addr
				   : (void *)&((struct sockaddr_in6 *)&from)->sin6_addr;

		assert_int_equal(inet_pton(rows[i].family, rows[i].text, at), 1);
		assert_true(relay_address_from(&from, address));
		relay_address_format(address, text);
		assert_string_equal(text, rows[i].out);
		from.ss_family = AF_UNIX;
		assert_false(relay_address_from(&from, address));
	}
	memset(endless, '1', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(relay_source_parse(endless, &source, &expected), -EINVAL);
}

static void test_sources_refused(void **state)
{
	static const char *const bad[] = {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1",
		"192.0.2.0/+8", "192.0.2.0/ 8", "192.0.2.0/8x", "192.0.2.0/0008", "192.0.2.1/24",
		"192.0.2/24", "192.0.2.0.0/24", "0192.0.2.1", "2001:db8::/129", "2001:db8::1/64",
		"fe80::1%eth0", "example.com", "any", "/8", "192.0.2.0/24/24",
		"192.0.2.0/24;10.0.0.0/8", "10.0.0.1/0", "::1/0"};
	static const char longer[] =
		"1111111111111111111111111111111111111111111111111111111111111";
	struct relay_sources sources = {.n = 77};
	const char *expected = NULL;
	char many[RELAY_MAX_SOURCES * 16 + 32] = "";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (relay_sources_parse(bad[i], &sources, &expected) == 0)
			fail_msg("'%s' is taken", bad[i]);
		assert_non_null(expected);
		assert_int_equal(sources.n, 77);
	}
	assert_int_equal(relay_sources_parse(longer, &sources, &expected), -EINVAL);
	for (unsigned int i = 0; i < RELAY_MAX_SOURCES; i++)
		sprintf(many + strlen(many), "10.0.%u.0/24 ", i);
	assert_int_equal(relay_sources_parse(many, &sources, &expected), 0);
	assert_int_equal(sources.n, RELAY_MAX_SOURCES);
	strcat(many, "10.1.0.0/24");
	assert_int_equal(relay_sources_parse(many, &sources, &expected), -EINVAL);
	assert_int_equal(sources.n, RELAY_MAX_SOURCES);
}

static void test_anyone(void **state)
{
	static const struct {
		const char *source;
		bool anyone;
	} rows[] = {
		{"0.0.0.0/0",	      true },
		{"::/0",		 true },
		{"::ffff:0.0.0.0/96", true },
		{"0.0.0.0/1",	      false},
		{"0.0.0.0/32",	       false},
		{"::/1",		 false},
		{"::/128",		   false},
		{"10.0.0.0/8",	       false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct relay_sources sources;
		const char *expected;

		assert_int_equal(relay_sources_parse(rows[i].source, &sources, &expected), 0);
		if (relay_sources_have_anyone(&sources) != rows[i].anyone)
			fail_msg("%s", rows[i].source);
	}
}

static void set_rules(struct admission_rules *rules, unsigned int max, unsigned int per_source)
{
	const char *expected;

	*rules = (struct admission_rules){
		.max = max, .max_per_source = per_source, .idle_ms = 600000};
	set_address("169.254.1.1", rules->bmc);
	assert_int_equal(relay_sources_parse("192.0.2.0/24 2001:db8::/32 169.254.0.0/16",
				 &rules->sources, &expected),
		0);
}

static enum admission_verdict take(struct admission *admission, const char *text)
{
	uint8_t address[RELAY_ADDRESS];

	set_address(text, address);
	return admission_take(admission, address);
}

static void give_back(struct admission *admission, const char *text)
{
	uint8_t address[RELAY_ADDRESS];

	set_address(text, address);
	admission_give_back(admission, address);
}

static void test_admission(void **state)
{
	static struct admission admission;
	struct admission_rules rules;

	set_rules(&rules, 4, 2);
	admission_init(&admission, &rules);
	assert_int_equal(take(&admission, "198.51.100.1"), ADMISSION_NOT_ALLOWED);
	/* in an allowed network, and yet the one that must not come in */
	assert_int_equal(take(&admission, "169.254.1.1"), ADMISSION_NOT_ALLOWED);
	assert_int_equal(take(&admission, "::ffff:169.254.1.1"), ADMISSION_NOT_ALLOWED);
	assert_int_equal(take(&admission, "169.254.1.3"), ADMISSION_OK);
	assert_int_equal(take(&admission, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(take(&admission, "::ffff:192.0.2.1"), ADMISSION_OK);
	assert_int_equal(take(&admission, "192.0.2.1"), ADMISSION_SOURCE_FULL);
	/* a host has a /64 of addresses, and is one source */
	assert_int_equal(take(&admission, "2001:db8::1"), ADMISSION_OK);
	assert_int_equal(admission.now, 4);
	assert_int_equal(take(&admission, "192.0.2.2"), ADMISSION_FULL);
	give_back(&admission, "169.254.1.3");
	assert_int_equal(take(&admission, "2001:db8::2"), ADMISSION_OK);
	give_back(&admission, "192.0.2.1");
	assert_int_equal(take(&admission, "2001:db8::ffff:3"), ADMISSION_SOURCE_FULL);
	assert_int_equal(take(&admission, "2001:db8:0:1::1"), ADMISSION_OK);
	give_back(&admission, "192.0.2.1");
	give_back(&admission, "192.0.2.1"); /* once too often: nothing */
	give_back(&admission, "2001:db8::7");
	give_back(&admission, "2001:db8::8");
	give_back(&admission, "2001:db8:0:1::9");
	assert_int_equal(admission.now, 0);
	assert_int_equal(admission.n_keys, 0);
}

static void test_admission_many_sources(void **state)
{
	static struct admission admission;
	struct admission_rules rules;
	char text[INET6_ADDRSTRLEN];
	unsigned int round, i;

	set_rules(&rules, RELAY_MAX_CONNECTIONS, 1);
	admission_init(&admission, &rules);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < RELAY_MAX_CONNECTIONS; i++) {
			snprintf(text, sizeof(text), "2001:db8:%x:%x::1", round, i);
			assert_int_equal(take(&admission, text), ADMISSION_OK);
			assert_int_equal(take(&admission, text), ADMISSION_SOURCE_FULL);
		}
		assert_int_equal(take(&admission, "192.0.2.9"), ADMISSION_FULL);
		for (i = 0; i < RELAY_MAX_CONNECTIONS; i++) {
			snprintf(text, sizeof(text), "2001:db8:%x:%x::2", round, i);
			give_back(&admission, text);
		}
		assert_int_equal(admission.n_keys, 0);
	}
}

static void test_deadlines(void **state)
{
	struct admission_rules rules;
	struct relay_times times = {.since_ms = 1000, .progress_ms = 5000};

	set_rules(&rules, 1, 1);
	times.phase = RELAY_PHASE_FIRST;
	assert_int_equal(relay_get_deadline(&times, &rules), 1000 + RELAY_FIRST_MS);
	times.phase = RELAY_PHASE_CONNECT;
	assert_int_equal(relay_get_deadline(&times, &rules), 1000 + RELAY_CONNECT_MS);
	times.phase = RELAY_PHASE_OPEN;
	assert_int_equal(relay_get_deadline(&times, &rules), 5000 + 600000);
	times.stalled = true;
	assert_int_equal(relay_get_deadline(&times, &rules), 5000 + RELAY_STALL_MS);
	rules.idle_ms = 2000; /* shorter than what a stall may take */
	assert_int_equal(relay_get_deadline(&times, &rules), 7000);
}

static void test_messages(void **state)
{
	struct admission_rules rules, read;
	struct relay_report report = {.end = RELAY_END_IDLE, .ms = 12, .to_bmc = 1, .from_bmc = 2};
	struct relay_report read_report;
	uint8_t buffer[RELAY_MAX_MESSAGE];
	struct wire_writer out;
	struct wire_reader in;
	size_t cut;

	set_rules(&rules, 5, 3);
	wire_writer_init(&out, buffer, sizeof(buffer));
	relay_put_order(&out, &rules);
	assert_false(out.failed);
	for (cut = 2; cut <= out.used; cut++) {
		wire_reader_init(&in, buffer, cut);
		assert_int_equal(wire_get_u16(&in), RELAY_MESSAGE_ORDER);
		assert_int_equal(relay_get_order(&in, &read), cut == out.used ? 0 : -EPROTO);
	}
	assert_int_equal(read.max, 5);
	assert_int_equal(read.max_per_source, 3);
	assert_int_equal(read.idle_ms, 600000);
	assert_int_equal(read.sources.n, 3);
	assert_memory_equal(read.bmc, rules.bmc, RELAY_ADDRESS);

	wire_writer_init(&out, buffer, sizeof(buffer));
	relay_put_report(&out, &report);
	for (cut = 2; cut <= out.used + 1; cut++) {
		wire_reader_init(&in, buffer, cut);
		wire_get_u16(&in);
		assert_int_equal(
			relay_get_report(&in, &read_report), cut == out.used ? 0 : -EPROTO);
	}
	assert_int_equal(read_report.end, RELAY_END_IDLE);
	buffer[2] = RELAY_ENDS; /* a reason that there is not */
	wire_reader_init(&in, buffer, out.used);
	wire_get_u16(&in);
	assert_int_equal(relay_get_report(&in, &read_report), -EPROTO);
	for (unsigned int i = 0; i < RELAY_ENDS; i++)
		assert_non_null(relay_end_text((enum relay_end)i));
	assert_null(relay_end_text(RELAY_ENDS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources_match),
		cmocka_unit_test(test_addresses_of_sockets),
		cmocka_unit_test(test_sources_refused),
		cmocka_unit_test(test_anyone),
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_admission_many_sources),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
