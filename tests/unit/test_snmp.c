/* SPDX-License-Identifier: Apache-2.0 */
/* The drop-in for snmpd: what goes into it, what must not, and what is read of others' files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "host/monitor/snmp_text.h"

static struct snmp_access make_access(void)
{
	struct snmp_access access = {
		.port = 161,
		.user = "bmclink-x",
		.auth_key = "0123456789abcdefghij",
		.priv_key = "abcdefghij0123456789",
		.engine = {0x80, 0, 0x1f, 0x88, 5, 1},
		.engine_length = 6
	  };

	access.bmc.s_addr = htonl(0xa9fe0101);
	return access;
}

static void test_whole(void **state)
{
	static const char expected[] = SNMP_TEXT_MARK
		" 'bmclinkctl snmp disable'\n"
		"proxy -Cn bmclink -v 3 -t 1 -r 2 -l authPriv -u bmclink-x -a SHA-256 "
		"-A 0123456789abcdefghij -x AES -X abcdefghij0123456789 -e 0x80001f880501 "
		"udp:169.254.1.1:161 .1.3.6.1.4.1.674.10892.5\n"
		"view bmclink included .1.3.6.1.4.1.674.10892.5\n"
		"com2sec -Cn bmclink bmclink0 default one\n"
		"com2sec6 -Cn bmclink bmclink0 default one\n"
		"group bmclink v1 bmclink0\n"
		"group bmclink v2c bmclink0\n"
		"com2sec -Cn bmclink bmclink1 default two\n"
		"com2sec6 -Cn bmclink bmclink1 default two\n"
		"group bmclink v1 bmclink1\n"
		"group bmclink v2c bmclink1\n"
		"access bmclink bmclink any noauth exact bmclink none none\n"
		"rouser -s usm alice auth -V bmclink bmclink\n";
	struct snmp_clients clients = {
		.subtree = SNMP_IDRAC, .communities = "one two", .users = "alice"};
	struct snmp_access access = make_access();
	char *text = snmp_text_make(&access, &clients);

	assert_string_equal(text, expected);
	assert_true(snmp_text_is_ours(text));
	free(text);
	clients.communities = clients.users = "";
	text = snmp_text_make(&access, &clients);
	assert_null(strstr(text, "com2sec"));
	assert_null(strstr(text, "access")); /* nobody is named, nobody reads */
	assert_null(strstr(text, "rouser"));
	free(text);
}

static void test_no_word_ends_a_line(void **state)
{
	static const char *const bad[] = {"a\nrwcommunity x", "a\"", "a'b", "a#", "-C", ".a", "a;b",
		"a  b", " a", "a\tb", "\xc3\xa4", "123456789012345678901234567890123"};
	struct snmp_access access = make_access();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct snmp_clients clients = {
			.subtree = SNMP_OWN, .communities = bad[i], .users = ""};

		assert_null(snmp_text_make(&access, &clients));
		clients.communities = "";
		clients.users = bad[i];
		assert_null(snmp_text_make(&access, &clients));
	}
	assert_null(snmp_text_make(&access,
		&(struct snmp_clients){.subtree = "1.3 .1", .communities = "a", .users = ""}));
	assert_null(snmp_text_make(
		&access, &(struct snmp_clients){.subtree = "", .communities = "a", .users = ""}));
}

static void test_access(void **state)
{
	struct snmp_access access = make_access();

	assert_true(snmp_text_is_access(&access));
	strcpy(access.auth_key, "0123456789abcde"); /* short */
	assert_false(snmp_text_is_access(&access));
	strcpy(access.auth_key, "0123456789abcdef -A");
	assert_false(snmp_text_is_access(&access));
	access = make_access();
	access.port = 0;
	assert_false(snmp_text_is_access(&access));
	access = make_access();
	access.engine_length = 4;
	assert_false(snmp_text_is_access(&access));
	access = make_access();
	access.bmc.s_addr = 0;
	assert_false(snmp_text_is_access(&access));
}

static void test_include(void **state)
{
	static const char folder[] = "/etc/snmp/snmpd.conf.d";

	assert_true(snmp_text_includes("a b\nincludeDir /etc/snmp/snmpd.conf.d\n", folder));
	assert_true(snmp_text_includes("\tincludedir \"/etc/snmp/snmpd.conf.d/\"", folder));
	assert_false(snmp_text_includes("#includeDir /etc/snmp/snmpd.conf.d\n", folder));
	assert_false(snmp_text_includes("includeDir /etc/snmp/snmpd.conf.d2\n", folder));
	assert_false(snmp_text_includes("includeDir /etc/snmp\n", folder));
	assert_false(snmp_text_includes("includeFile /etc/snmp/snmpd.conf.d\n", folder));
	assert_false(snmp_text_includes("includeDir", folder));
	assert_false(snmp_text_includes("", folder));
}

static void test_communities_of_others(void **state)
{
	assert_true(snmp_text_has_community("rocommunity public\n", "public"));
	assert_true(snmp_text_has_community("x\n rwcommunity6 'two' default\n", "one two"));
	assert_true(snmp_text_has_community("com2sec -Cn c name default \"two\"\n", "one two"));
	assert_false(snmp_text_has_community("#rocommunity public\n", "public"));
	assert_false(snmp_text_has_community("rocommunity publics\n", "public"));
	assert_false(snmp_text_has_community("sysContact public\n", "public"));
	assert_false(snmp_text_has_community("rocommunity other # public\n", "public"));
	assert_false(snmp_text_has_community("rocommunity \"\n", ""));
	assert_false(snmp_text_has_community("com2sec \"", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_no_word_ends_a_line),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_communities_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
