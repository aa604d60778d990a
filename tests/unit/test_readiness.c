/* SPDX-License-Identifier: Apache-2.0 */
/* What is complete, what the one-time act would set, and what an administrator is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/util.h"
#include "host/link/readiness.h"

struct machine {
	struct settings settings;
	struct plan plan;
	struct nic nic;
	struct priv_profile profile;
	struct readiness_input input;
	struct ladder_facts facts;
};

static struct in_addr ip4(const char *text)
{
	struct in_addr address = {0};

	assert_int_equal(inet_pton(AF_INET, text, &address), 1);
	return address;
}

static struct in6_addr ip6(const char *text)
{
	struct in6_addr address = {0};

	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

static void setup(struct machine *m)
{
	*m = (struct machine){
		.settings = {.ipv4 = true,			   .ipv6 = true},
		.plan = {.found = true,
			     .ipv4_source = PLAN_FROM_DEFAULT,
			     .n_bmc_ipv4 = 2,
			     .host_ipv4_own = true},
		.nic = {.ifindex = 7, .name = "bmc0", .up = true, .carrier = true},
		.profile = {.once = PRIV_ONCE_ARMED	   },
	};
	m->plan.bmc_ipv4[0] = ip4("169.254.1.1");
	m->plan.host_ipv4[0] = ip4("169.254.1.2");
	m->plan.bmc_ipv4[1] = ip4("169.254.0.1");
	m->plan.host_ipv4[1] = ip4("169.254.0.2");
	m->input = (struct readiness_input){
		.settings = &m->settings, .plan = &m->plan, .nic = &m->nic, .profile = &m->profile};
}

static void add4(struct machine *m, const char *address, const char *peer, unsigned int prefix)
{
	m->nic.ipv4[m->nic.n_ipv4++] =
		(struct nic_address4){ip4(address), ip4(peer != NULL ? peer : address), prefix};
}

static void add6(
	struct machine *m, const char *address, unsigned int prefix, bool tentative, bool failed)
{
	m->nic.ipv6[m->nic.n_ipv6++] =
		(struct nic_address6){ip6(address), prefix, tentative, failed};
}

static void get(struct machine *m)
{
	readiness_get_facts(&m->input, &m->facts);
}

static void no_nic(void **state)
{
	struct machine m;

	setup(&m);
	m.input.nic = NULL;
	get(&m);
	assert_false(m.facts.nic_present);
}

static void ipv4_usable_addresses(void **state)
{
	static const struct {
		const char *address, *peer;
		unsigned int prefix;
		enum ladder_ready ready;
	} rows[] = {
		{"169.254.1.2",	"169.254.1.1", 32, LADDER_COMPLETE}, /* ours */
		{"169.254.1.2",	NULL,	      24, LADDER_COMPLETE},
		{"169.254.77.5", NULL,	       16,
			LADDER_COMPLETE				       }, /* link-local by DHCP or NetworkManager */
		{"169.254.1.2",	NULL,	      32, LADDER_MISSING }, /* reaches nobody */
		{"192.168.7.1",	NULL,	      24, LADDER_MISSING }, /* another net */
		{"169.254.1.1",	NULL,	      24, LADDER_MISSING }, /* the BMC's own address on our side */
		{"169.254.2.2",	"169.254.2.1", 32, LADDER_MISSING },
		{"10.0.0.1",     NULL,	   0,  LADDER_MISSING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct machine m;

		setup(&m);
		add4(&m, rows[i].address, rows[i].peer, rows[i].prefix);
		get(&m);
		assert_int_equal(m.facts.ready[LADDER_IPV4], rows[i].ready);
	}
}

static void ipv4_disabled_and_without_peer(void **state)
{
	struct machine m;

	setup(&m);
	m.settings.ipv4 = false;
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV4], LADDER_DISABLED);
	setup(&m);
	m.input.ipv4_disabled_by_manager = true;
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV4], LADDER_DISABLED);
	setup(&m);
	m.plan.n_bmc_ipv4 = 0;
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV4], LADDER_NO_PEER);
	assert_false(m.facts.can_set_ipv4);
}

static void ipv6_link_local(void **state)
{
	struct machine m;

	setup(&m);
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_MISSING);
	add6(&m, "fe80::1", 64, false, true); /* a duplicate is no address */
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_MISSING);
	add6(&m, "fe80::2", 64, true, false);
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_PENDING);
	m.nic.ipv6[1].tentative = false;
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_COMPLETE);
	m.nic.ipv6_disabled = true;
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_DISABLED);
	m.nic.ipv6_disabled = false;
	m.settings.ipv6 = false;
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_DISABLED);
}

static void ipv6_ula(void **state)
{
	struct machine m;

	setup(&m);
	m.plan.has_bmc_ipv6 = m.plan.has_host_ipv6 = true;
	m.plan.bmc_ipv6 = ip6("fde1:53ba:e9a0:de11::1");
	m.plan.host_ipv6 = ip6("fde1:53ba:e9a0:de11::2");
	m.plan.host_ipv6_prefix = 128;
	add6(&m, "fe80::2", 64, false, false);
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_MISSING);
	assert_true(m.facts.can_set_ipv6);
	add6(&m, "fde1:53ba:e9a0:de12::9", 64, false, false);
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_MISSING);
	add6(&m, "fde1:53ba:e9a0:de11::9", 64, false, false); /* by router advertisement */
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_COMPLETE);
	m.nic.n_ipv6 = 1;
	add6(&m, "fde1:53ba:e9a0:de11::2", 128, false, false); /* ours, by peer */
	get(&m);
	assert_int_equal(m.facts.ready[LADDER_IPV6], LADDER_COMPLETE);
}

static void wanted_is_what_lacks(void **state)
{
	struct priv_profile wanted;
	struct machine m;

	setup(&m);
	m.input.candidate = 1;
	readiness_get_wanted(&m.input, &wanted);
	assert_true(wanted.has_ipv4);
	assert_false(wanted.has_ipv6);
	assert_int_equal(wanted.bmc_ipv4.s_addr, ip4("169.254.0.1").s_addr);
	assert_int_equal(wanted.host_ipv4.s_addr, ip4("169.254.0.2").s_addr);

	add4(&m, "169.254.0.2", "169.254.0.1", 32); /* complete: the act only brings the NIC up */
	readiness_get_wanted(&m.input, &wanted);
	assert_false(wanted.has_ipv4);
}

static void new_birth_gets_the_old_addresses(void **state)
{
	struct priv_profile wanted;
	struct machine m;

	setup(&m);
	m.profile = (struct priv_profile){.once = PRIV_ONCE_REAPPLY,
		.has_ipv4 = true,
		.host_ipv4 = ip4("169.254.9.2"),
		.bmc_ipv4 = ip4("169.254.9.1")};
	readiness_get_wanted(&m.input, &wanted);
	assert_true(wanted.has_ipv4);
	assert_int_equal(wanted.host_ipv4.s_addr, ip4("169.254.9.2").s_addr);
	get(&m);
	assert_int_equal(m.facts.once, LADDER_ONCE_REAPPLY);

	m.profile.has_ipv4 = false; /* the act had nothing to set: neither has a new birth */
	get(&m);
	assert_false(m.facts.can_set_ipv4);
	m.settings.configure = CONFIGURE_NEVER;
	get(&m);
	assert_int_equal(m.facts.once, LADDER_ONCE_NEVER);
}

static void profile_outlives_a_changed_plan_but_not_the_administrator(void **state)
{
	struct in_addr host, bmc;
	struct machine m;

	setup(&m);
	m.profile = (struct priv_profile){.once = PRIV_ONCE_SPENT,
		.has_ipv4 = true,
		.host_ipv4 = ip4("169.254.9.2"),
		.bmc_ipv4 = ip4("169.254.9.1")};
	readiness_get_ipv4(&m.input, &host, &bmc);
	assert_int_equal(bmc.s_addr, ip4("169.254.9.1").s_addr);
	m.plan.ipv4_source = PLAN_FROM_CONFIG;
	readiness_get_ipv4(&m.input, &host, &bmc);
	assert_int_equal(bmc.s_addr, ip4("169.254.1.1").s_addr);
}

static void explanations_name_condition_and_command(void **state)
{
	char text[256], mend[256];
	struct machine m;

	setup(&m);
	readiness_explain(&m.input, LADDER_LACKS_ADDRESS, LADDER_IPV4, text, sizeof(text), mend,
		sizeof(mend));
	assert_string_equal(text, "bmc0 has no IPv4 address that reaches the BMC at 169.254.1.1");
	assert_string_equal(
		mend, "ip address add 169.254.1.2 peer 169.254.1.1/32 scope link dev bmc0");
	readiness_explain(
		&m.input, LADDER_LACKS_UP, LADDER_IPV4, text, sizeof(text), mend, sizeof(mend));
	assert_string_equal(mend, "ip link set bmc0 up");
	for (int missing = LADDER_LACKS_NIC; missing <= LADDER_LACKS_PEER; missing++) {
		for (int p = LADDER_IPV4; p <= LADDER_IPV6; p++) {
			readiness_explain(&m.input, (enum ladder_missing)missing,
				(enum ladder_protocol)p, text, sizeof(text), mend, sizeof(mend));
			assert_true(strlen(text) > 10);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_nic),
		cmocka_unit_test(ipv4_usable_addresses),
		cmocka_unit_test(ipv4_disabled_and_without_peer),
		cmocka_unit_test(ipv6_link_local),
		cmocka_unit_test(ipv6_ula),
		cmocka_unit_test(wanted_is_what_lacks),
		cmocka_unit_test(new_birth_gets_the_old_addresses),
		cmocka_unit_test(profile_outlives_a_changed_plan_but_not_the_administrator),
		cmocka_unit_test(explanations_name_condition_and_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
