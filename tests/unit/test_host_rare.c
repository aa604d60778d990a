/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's deciding cores do seldom, and the words that they have for people. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/util.h"
#include "base/version.h"
#include "host/discover/plan.h"
#include "host/discover/plan_address.h"
#include "host/discover/smbios_string.h"
#include "host/link/logcursor.h"
#include "host/link/login.h"
#include "host/link/readiness.h"

#define BMC_ULA	 "fde1:53ba:e9a0:de11::1"
#define HOST_ULA "fde1:53ba:e9a0:de11::2"

struct host {
	struct settings settings;
	struct plan plan;
	struct nic nic;
	struct priv_profile profile;
	struct readiness_input input;
};

static void set_up(struct host *h)
{
	*h = (struct host){
		.settings = {.ipv4 = true,	   .ipv6 = true},
		.plan = { .found = true,
			     .n_bmc_ipv4 = 1,
			     .has_bmc_ipv6 = true,
			     .has_host_ipv6 = true},
		.nic = {		.ifindex = 7,  .name = "bmc0",	      .up = true, .carrier = true},
	};
	inet_pton(AF_INET, "169.254.1.1", &h->plan.bmc_ipv4[0]);
	inet_pton(AF_INET, "169.254.1.2", &h->plan.host_ipv4[0]);
	inet_pton(AF_INET6, BMC_ULA, &h->plan.bmc_ipv6);
	inet_pton(AF_INET6, HOST_ULA, &h->plan.host_ipv6);
	h->input = (struct readiness_input){
		.settings = &h->settings, .plan = &h->plan, .nic = &h->nic, .profile = &h->profile};
}

static enum ladder_ready ask_ipv6(struct host *h, const char *address, unsigned int prefix)
{
	struct ladder_facts facts;

	h->nic.n_ipv6 = 1;
	h->nic.ipv6[0] = (struct nic_address6){.prefix = (uint8_t)prefix};
	inet_pton(AF_INET6, address, &h->nic.ipv6[0].address);
	readiness_get_facts(&h->input, &facts);
	return facts.ready[LADDER_IPV6];
}

/* A prefix that ends within a byte: the bits before its end count, those behind it do not. */
static void ipv6_prefix_within_a_byte(void **state)
{
	struct host h;

	set_up(&h);
	h.plan.has_host_ipv6 = false;
	assert_int_equal(ask_ipv6(&h, "fde1:53ba:e9a0:de1f::9", 60), LADDER_COMPLETE);
	assert_int_equal(ask_ipv6(&h, "fde1:53ba:e9a0:de21::9", 60), LADDER_MISSING);
	assert_int_equal(ask_ipv6(&h, "fde1:53ba:e9a0:de1f::9", 64), LADDER_MISSING);
	assert_int_equal(ask_ipv6(&h, "fde1:53ba:e9a0:de11::9", 0), LADDER_MISSING);
	assert_int_equal(ask_ipv6(&h, BMC_ULA, 64), LADDER_MISSING); /* the BMC's own */
}

static void ipv4_in_use(void **state)
{
	struct in_addr host, bmc;
	struct host h;

	set_up(&h);
	h.profile.once = PRIV_ONCE_SPENT;
	assert_false(readiness_get_used_ipv4(&h.input, &host, &bmc));
	h.nic.n_ipv4 = 1; /* not the planned one, but it reaches the BMC */
	inet_pton(AF_INET, "169.254.9.9", &h.nic.ipv4[0].address);
	h.nic.ipv4[0].peer = h.nic.ipv4[0].address;
	h.nic.ipv4[0].prefix = 16;
	assert_true(readiness_get_used_ipv4(&h.input, &host, &bmc));
	assert_int_equal(host.s_addr, h.nic.ipv4[0].address.s_addr);
	assert_int_equal(bmc.s_addr, h.plan.bmc_ipv4[0].s_addr);
	h.input.nic = NULL;
	assert_false(readiness_get_used_ipv4(&h.input, &host, &bmc));
}

static void act_sets_ipv6_as_a_pair(void **state)
{
	struct priv_profile wanted;
	struct ladder_facts facts;
	struct host h;

	set_up(&h);
	h.plan.host_ipv4_own = true;
	readiness_get_wanted(&h.input, &wanted);
	assert_true(wanted.has_ipv4 && wanted.has_ipv6);
	assert_int_equal(wanted.ipv6_prefix, 128);
	assert_memory_equal(&wanted.bmc_ipv6, &h.plan.bmc_ipv6, 16);
	h.profile.once = PRIV_ONCE_SPENT;
	readiness_get_facts(&h.input, &facts);
	assert_int_equal(facts.once, LADDER_ONCE_SPENT);
}

static void explain(struct host *h, enum ladder_missing missing, enum ladder_protocol protocol,
	char text[256], char mend[256])
{
	readiness_explain(&h->input, missing, protocol, text, 256, mend, 256);
}

static void explanations_of_ipv6_and_of_switches(void **state)
{
	char text[256], mend[256];
	struct host h;

	set_up(&h);
	h.input.managed = true;
	explain(&h, LADDER_LACKS_ADDRESS, LADDER_IPV6, text, mend);
	assert_string_equal(text, "bmc0 has no IPv6 address that reaches the BMC at " BMC_ULA
				  ", and another network manager has it");
	assert_string_equal(mend, "ip -6 address add " HOST_ULA " peer " BMC_ULA "/128 dev bmc0");
	h.settings.ipv4 = h.settings.ipv6 = false;
	explain(&h, LADDER_LACKS_ENABLED, LADDER_IPV4, text, mend);
	assert_string_equal(text, "IPv4 is switched off in bmclinkd.conf");
	explain(&h, LADDER_LACKS_ENABLED, LADDER_IPV6, text, mend);
	assert_string_equal(mend, "set ipv6 = on in bmclinkd.conf, then systemctl reload bmclinkd");
	explain(&h, LADDER_LACKS_NOTHING, LADDER_IPV6, text, mend);
	assert_string_equal(text, "");
	assert_string_equal(mend, "");
}

static void words_about_the_password(void **state)
{
	static const int errors[] = {ENOENT, EACCES, ENODATA, EFBIG, EILSEQ, EPERM, ELOOP, EIO};
	const char *said[ARRAY_SIZE(errors)];

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		said[i] = login_explain_password(-errors[i]);
		assert_non_null(strstr(said[i], "password_file"));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(said[i], said[k]);
	}
	assert_string_equal(login_explain_password(-ENOMEM), "password_file cannot be read");
}

static void sources_of_addresses_have_names(void **state)
{
	assert_string_equal(plan_source_name(PLAN_FROM_CONFIG), "configuration");
	assert_string_equal(plan_source_name(PLAN_FROM_SMBIOS), "smbios");
	assert_string_equal(plan_source_name(PLAN_FROM_USB_ID), "usb-id");
	assert_string_equal(plan_source_name(PLAN_FROM_DEFAULT), "default");
	assert_string_equal(plan_source_name((enum plan_source)99), "none");
	assert_ptr_equal(plan_get_meaning((enum smbios42_assignment)200),
		plan_get_meaning(SMBIOS42_ASSIGN_UNKNOWN));
}

/* One, two, three and four bytes of UTF-8; halves of a pair, in either order. */
static void utf16_of_all_lengths(void **state)
{
	static const uint8_t in[] = {
		'a', 0, 0xe9, 0, 0xac, 0x20, 0x3d, 0xd8, 0x00, 0xde, 0x00, 0xde, 0x3d, 0xd8};
	char out[sizeof(in) / 2 * 3 + 1] = {0};

	assert_int_equal(smbios_utf16_to_utf8(in, sizeof(in), out), 12);
	assert_string_equal(out, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80??");
}

static void families_of_packages(void **state)
{
	static const enum package_family families[] = {PACKAGE_DEB, PACKAGE_RPM};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		assert_int_equal(
			version_find_family(version_get_family_name(families[i])), families[i]);
	assert_string_equal(version_get_family_name(PACKAGE_NONE), "none");
	assert_int_equal(version_find_family("none"), PACKAGE_NONE);
	assert_int_equal(version_find_family("apk"), PACKAGE_NONE);
	/* letters decide in both, digits first */
	assert_true(version_compare(PACKAGE_RPM, "1.0-a", "1.0-b") < 0);
	assert_true(version_compare(PACKAGE_RPM, "1.0-ab", "1.0-a") > 0);
	assert_true(version_compare(PACKAGE_DEB, "1.0-a", "1.0-b") < 0);
}

/* Ids of one log say nothing about another one's; a path that is too long is none. */
static void log_cursor_meets_another_log(void **state)
{
	char endless[sizeof(((struct log_cursor *)0)->entries) + 8];
	struct log_cursor cursor;

	log_cursor_init(&cursor, "17");
	assert_string_equal(log_cursor_begin(&cursor, "/a"), "/a");
	assert_string_equal(cursor.last, "17");
	assert_string_equal(log_cursor_begin(&cursor, "/b"), "/b");
	assert_string_equal(cursor.last, "");
	assert_false(cursor.begun);
	memset(endless, 'x', sizeof(endless) - 1);
	endless[0] = '/';
	endless[sizeof(endless) - 1] = '\0';
	assert_null(log_cursor_begin(&cursor, endless));
	log_cursor_clear(&cursor);
}

/* A page that comes when no reading was begun, or after its end. */
static void log_cursor_does_not_take_what_it_did_not_ask_for(void **state)
{
	json_t *page = json_pack("{s:[{s:s}]}", "Members", "Id", "1");
	struct log_cursor cursor;

	log_cursor_init(&cursor, NULL);
	assert_null(log_cursor_take(&cursor, page));
	assert_string_equal(log_cursor_begin(&cursor, "/a"), "/a");
	assert_null(log_cursor_take(&cursor, page)); /* there is no further one */
	assert_null(log_cursor_take(&cursor, page));
	json_decref(page);
	log_cursor_clear(&cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv6_prefix_within_a_byte),
		cmocka_unit_test(ipv4_in_use),
		cmocka_unit_test(act_sets_ipv6_as_a_pair),
		cmocka_unit_test(explanations_of_ipv6_and_of_switches),
		cmocka_unit_test(words_about_the_password),
		cmocka_unit_test(sources_of_addresses_have_names),
		cmocka_unit_test(utf16_of_all_lengths),
		cmocka_unit_test(families_of_packages),
		cmocka_unit_test(log_cursor_meets_another_log),
		cmocka_unit_test(log_cursor_does_not_take_what_it_did_not_ask_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
