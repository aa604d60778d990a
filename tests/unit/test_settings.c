/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "endpoint/settings.h"
#include "host/settings.h"

#define PIN_COLONS                                                                                 \
	"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:"  \
	"dd:ee:ff"
#define PIN_PLAIN "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

static int parse(const char *text, struct settings *s, char **error)
{
	return settings_parse(text, strlen(text), "F", s, error);
}

static void test_defaults(void **state)
{
	struct settings s;

	settings_init(&s);
	assert_string_equal(s.interface, "auto");
	assert_true(s.ipv4 && s.ipv6 && s.tls);
	assert_int_equal(s.host_ipv4.s_addr | s.bmc_ipv4.s_addr, 0);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&s.host_ipv6));
	assert_int_equal(s.port, 0);
	assert_int_equal(s.plain_port, 0);
	assert_int_equal(s.configure, CONFIGURE_ONCE);
	assert_int_equal(s.nic_filter, FILTER_REPLIES);
	assert_int_equal(s.tls_min_version, TLS_1_1);
	assert_int_equal(s.tls_max_version, TLS_1_3);
	assert_int_equal(s.trust, TRUST_AUTO);
	assert_string_equal(s.pin, "");
	assert_true(s.local_names && !s.inband_access && !s.snmp_get &&
		    s.auto_update == AUTO_UPDATE_NOTIFY);
}

static void test_every_key(void **state)
{
	static const char text[] = "[Link]\ninterface = usb:413C:a102\nipv4 = off\nipv6 = off\n"
				   "host_ipv4 = 169.254.1.2\nbmc_ipv4 = 169.254.1.1\n"
				   "host_ipv6 = fde1:53ba:e9a0:de11::2\n"
				   "bmc_ipv6 = fde1:53ba:e9a0:de11::1\n"
				   "port = 8443\nplain_port = 8080\nconfigure = never\n"
				   "nic_filter = off\n"
				   "[Tls]\ntls_min_version = 1.2\ntls_max_version = 1.2\n"
				   "trust = pinned\npin = " PIN_PLAIN "\n"
				   "[Login]\nuser = host\npassword_file = /etc/bmclink/password\n"
				   "[InbandAccess]\nenabled = on\nport = 4443\n"
				   "allow = 192.0.2.0/24 2001:db8::/32\n"
				   "max_connections = 200\nmax_connections_per_source = 7\n"
				   "idle_timeout = 30\n[SnmpGet]\nenabled = on\n"
				   "[LocalNames]\nenabled = off\n[AutoUpdate]\nmode = install\n";
	struct settings s, again;
	char *error = NULL, *written = NULL, address[64];

	assert_int_equal(parse(text, &s, &error), 0);
	assert_string_equal(s.interface, "usb:413C:a102");
	assert_false(s.ipv4 || s.ipv6);
	assert_string_equal(inet_ntop(AF_INET, &s.bmc_ipv4, address, 64), "169.254.1.1");
	assert_string_equal(
		inet_ntop(AF_INET6, &s.host_ipv6, address, 64), "fde1:53ba:e9a0:de11::2");
	assert_int_equal(s.port, 8443);
	assert_int_equal(s.configure, CONFIGURE_NEVER);
	assert_int_equal(s.tls_min_version, TLS_1_2);
	assert_int_equal(s.trust, TRUST_PINNED);
	assert_string_equal(s.pin, PIN_COLONS); /* one form, whichever was written */
	assert_string_equal(s.login_user, "host");
	assert_string_equal(s.login_password_file, "/etc/bmclink/password");
	assert_true(s.inband_access && s.snmp_get && !s.local_names && s.auto_update == 2);

	/* Written and read again it is the same: every key takes part. */
	assert_int_equal(settings_to_text(&s, &written), 0);
	assert_int_equal(parse(written, &again, &error), 0);
	assert_memory_equal(&again, &s, sizeof(s));
	free(written);

	settings_init(&s);
	assert_int_equal(settings_to_text(&s, &written), 0);
	assert_string_equal(written, "");
	free(written);
}

static void test_tls_off_round_trip(void **state)
{
	struct settings s, again;
	char *error = NULL, *written = NULL;

	assert_int_equal(parse("[Tls]\ntls = off\n", &s, &error), 0);
	assert_false(s.tls);
	assert_int_equal(settings_to_text(&s, &written), 0);
	assert_string_equal(written, "[Tls]\ntls = off\n");
	assert_int_equal(parse(written, &again, &error), 0);
	assert_memory_equal(&again, &s, sizeof(s));
	free(written);
}

static void test_interface(void **state)
{
	static const char *const right[] = {"auto", "eth0", "idrac", "enx0a1b2c3d4e5f", "a.b",
		"bmc@0", "usb:413c:a102", "usb0", "0123456789abcde"};
	static const char *const wrong[] = {"0123456789abcdef", "a b", "a/b", "..", ".", "a:1",
		"usb:413c", "usb:413c:a10", "usb:413c:a1022", "usb:413c:a10g", "usb:413c-a102",
		"usb::413c:a10", "pci:1:2", "a\x1b[m"};
	char text[128], expected[256], *error;
	struct settings s;

	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		snprintf(text, sizeof(text), "[Link]\ninterface = %s\n", right[i]);
		assert_int_equal(parse(text, &s, &error), 0);
		assert_string_equal(s.interface, right[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(text, sizeof(text), "[Link]\ninterface = %s\n", wrong[i]);
		error = NULL;
		assert_int_equal(parse(text, &s, &error), -EINVAL);
		snprintf(expected, sizeof(expected),
			"F:2: Key 'interface' in [Link]: expected auto, the name of a NIC, or "
			"usb:VVVV:PPPP, found");
		assert_memory_equal(error, expected, strlen(expected));
		free(error);
	}
}

/* clang-format off */
static const struct {
	const char *text, *error;
} errors[] = {
	{"[Link]\nport = 0\n", "F:2: Key 'port' in [Link]: expected a port number from 1 to 65535, or nothing, found '0'"},
	{"[Link]\nport = 65536\n", "F:2: Key 'port' in [Link]"},
	{"[Link]\nconfigure = twice\n", "F:2: Key 'configure' in [Link]: expected once or never, found 'twice'"},
	{"[Link]\nnic_filter = on\n", "F:2: Key 'nic_filter' in [Link]: expected replies or off"},
	{"[Tls]\ntls_min_version = 1.0\n", "F:2: Key 'tls_min_version' in [Tls]: expected 1.1, 1.2 or 1.3, found '1.0'"},
	{"[Tls]\ntls_max_version = 1.0\n", "F:2: Key 'tls_max_version' in [Tls]"},
	{"[Tls]\ntrust = anyone\n", "F:2: Key 'trust' in [Tls]: expected kcs, first-use, pinned or auto"},
	{"[Tls]\npin = 00:11\n", "F:2: Key 'pin' in [Tls]: expected the SHA-256 fingerprint"},
	{"[AutoUpdate]\nmode = on\n", "F:2: Key 'mode' in [AutoUpdate]: expected off, notify or install"},
	{"[Link]\ntls = on\n", "F:2: unknown key in [Link]"},
	{"[Link]\nhost_ipv4 = 1.2.3.4\nbmc_ipv4 = 1.2.3.4\n", "F: host_ipv4 and bmc_ipv4 in [Link]"},
	{"[Link]\nhost_ipv6 = fd00::1\nbmc_ipv6 = fd00:0::1\n", "F: host_ipv6 and bmc_ipv6 in [Link]"},
	{"[Link]\nport = 80\nplain_port = 80\n", "F: port and plain_port"},
	{"[Tls]\ntls_min_version = 1.3\ntls_max_version = 1.2\n", "F: tls_min_version in [Tls]: expected at most"},
	{"[Login]\nuser = a b\n", "F:2: Key 'user' in [Login]: expected the name of an account"},
	{"[Login]\nuser = a:b\n", "F:2: Key 'user' in [Login]"},
	{"[Login]\nuser = 12345678901234567890123456789012345678901234567890123456789012345\n", "F:2: Key 'user' in [Login]"},
	{"[Login]\nuser = x\npassword_file = secret\n", "F:3: Key 'password_file' in [Login]: expected an absolute path"},
	{"[Login]\npassword_file = /secret\n", "F: password_file in [Login]: expected user"},
	{"[Tls]\ntls = off\n[Login]\nuser = x\npassword_file = /secret\n", "F: password_file in [Login]: expected tls = on"},
	{"[Tls]\ntls = off\npin = " PIN_PLAIN "\n", "F: pin in [Tls]: expected tls = on"},
};
/* clang-format on */

static void test_errors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct settings s = {.port = 7};
		char *error = NULL;

		assert_int_equal(parse(errors[i].text, &s, &error), -EINVAL);
		if (!error || strncmp(error, errors[i].error, strlen(errors[i].error)) != 0)
			fail_msg("expected: %s\nfound: %s", errors[i].error, error);
		assert_int_equal(s.port, 7);
		free(error);
	}
}

/* The twins of the contradictions above: only one of the two given, or only one protocol. */
static void test_no_contradiction(void **state)
{
	static const char *const right[] = {"[Link]\nhost_ipv4 = 1.2.3.4\n",
		"[Link]\nbmc_ipv6 = fd00::1\n", "[Link]\nport = 80\n",
		"[Tls]\ntls_min_version = 1.2\ntls_max_version = 1.2\n",
		"[Link]\nipv4 = off\nipv6 = off\n", "[Login]\nuser = bmclink\n",
		"[Login]\nuser = x\npassword_file = /secret\n",
		("[Login]\nuser = "
		 "1234567890123456789012345678901234567890123456789012345678901234\n"),
		"[Tls]\ntls = off\n[Login]\nuser = x\n",
		"[Tls]\ntrust = pinned\n" /* bmclinkctl trust pin may give it */};
	struct settings s;
	char *error = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(right); i++)
		if (parse(right[i], &s, &error) != 0)
			fail_msg("%s: %s", right[i], error);
}

static int parse_endpoint(const char *text, struct endpoint_settings *s, char **error)
{
	return endpoint_settings_parse(text, strlen(text), "F", s, error);
}

static void test_endpoint(void **state)
{
	struct endpoint_settings s = {0};
	char *error = NULL;

	assert_int_equal(parse_endpoint("", &s, &error), 0);
	assert_string_equal(s.interface, "usb0");
	assert_true(s.ipv4 && s.ipv6 && s.tls && s.profile == 0);
	assert_int_equal(s.port, 443);
	assert_int_equal(s.plain_port, 80);
	assert_int_equal(s.tls_min_version, TLS_1_1);
	assert_int_equal(s.tls_max_version, TLS_1_3);
	assert_int_equal(s.log_max_records, 100000);
	assert_int_equal(s.enrolment_minutes, 10);
	assert_int_equal(s.max_connections, 96);
	assert_int_equal(s.keep_alive_seconds, 120);

	assert_int_equal(parse_endpoint("[Endpoint]\nprofile = idrac\nuuid = "
					"4C4C4544-0051-4810-8057-B9C04F4D3632\n"
					"firmware_version = 3.30.30.30\nhooks = /usr/lib/hooks\n",
				 &s, &error),
		0);
	assert_int_equal(s.profile, 1);
	assert_string_equal(s.uuid, "4c4c4544-0051-4810-8057-b9c04f4d3632");
	assert_string_equal(s.firmware_version, "3.30.30.30");
	assert_string_equal(s.hooks, "/usr/lib/hooks");
}

static void test_endpoint_errors(void **state)
{
	static const char *const wrong[] = {"[Endpoint]\nuuid = 4c4c4544\n",
		"[Endpoint]\nuuid = 4c4c4544-0051-4810-8057-b9c04f4d363g\n",
		"[Endpoint]\nuuid = 4c4c4544a0051-4810-8057-b9c04f4d3632\n",
		"[Endpoint]\ninterface = 0123456789abcdef\n", "[Endpoint]\ninterface = a/b\n",
		"[Endpoint]\nhooks = relative\n", "[Endpoint]\nfirmware_version = v3\n",
		"[Endpoint]\nfirmware_version = 3/4\n", "[Endpoint]\nlog_max_records = 0\n",
		"[Endpoint]\nprofile = ilo\n", "[Endpoint]\nproduct = a\x1b[2J\n"};
	static const char *const contradictions[] = {"[Endpoint]\nport = 80\n",
		"[Endpoint]\ntls_max_version = 1.1\ntls_min_version = 1.2\n",
		"[Endpoint]\nipv4 = off\nipv6 = off\n"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct endpoint_settings s = {.port = 7};
		char *error = NULL;

		if (parse_endpoint(wrong[i], &s, &error) != -EINVAL)
			fail_msg("%s passed", wrong[i]);
		assert_memory_equal(error, "F:2: Key ", 9);
		assert_int_equal(s.port, 7);
		free(error);
	}
	for (size_t i = 0; i < ARRAY_SIZE(contradictions); i++) {
		struct endpoint_settings s = {.port = 7};
		char *error = NULL;

		if (parse_endpoint(contradictions[i], &s, &error) != -EINVAL)
			fail_msg("%s passed", contradictions[i]);
		assert_memory_equal(error, "F: ", 3);
		free(error);
	}
}

/* The files that are installed: every key commented out, at its default; and each key is in them.
 */
static void check_default_file(
	const char *path, const char *end, int (*parse_text)(const char *text, char **error))
{
	char line[1024], text[65536] = "", *error = NULL;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#' && line[1] != ' ' && line[1] != '\n')
			strcat(text, line + 1);
		else
			strcat(text, line);
	}
	fclose(f);
	assert_non_null(strstr(text, end));
	if (parse_text(text, &error) != 0)
		fail_msg("%s: %s", path, error);
}

static int parse_agent_default(const char *text, char **error)
{
	struct settings s, defaults;
	int r = settings_parse(text, strlen(text), "bmclinkd.conf", &s, error);

	settings_init(&defaults);
	if (r == 0)
		assert_memory_equal(&s, &defaults, sizeof(s));
	return r;
}

static int parse_endpoint_default(const char *text, char **error)
{
	struct endpoint_settings s = {0}, defaults = {0};
	int r = endpoint_settings_parse(text, strlen(text), "endpoint.conf", &s, error);

	assert_int_equal(parse_endpoint("", &defaults, error), 0);
	if (r == 0)
		assert_memory_equal(&s, &defaults, sizeof(s));
	return r;
}

static void test_installed_files(void **state)
{
	check_default_file(
		TEST_DATA "/../../data/bmclinkd.conf", "mode = notify\n", parse_agent_default);
	check_default_file(TEST_DATA "/../../data/endpoint.conf", "enrolment_minutes = 10\n",
		parse_endpoint_default);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_tls_off_round_trip),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_no_contradiction),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_endpoint_errors),
		cmocka_unit_test(test_installed_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
