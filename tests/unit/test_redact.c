/* SPDX-License-Identifier: Apache-2.0 */
/* What a bundle for support must not have, form by form, each with what must stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "ctl/redact.h"

#define PEM_BEGIN                                                                                  \
	"-----BEGIN PRIVATE "                                                                      \
	"KEY-----"
#define PEM_END                                                                                    \
	"-----END PRIVATE "                                                                        \
	"KEY-----"
#define PEM_EC                                                                                     \
	"-----BEGIN EC PRIVATE "                                                                   \
	"KEY-----"

struct row {
	const char *in, *out;
};

/* clang-format off */
static const struct row secrets[] = {
	{"password = hunter2 and more\nipv4 = on", "password = [removed]\nipv4 = on"},
	{"Password: x", "Password: [removed]"},
	{"password =\nnext = 1", "password =\nnext = 1"},
	{"{\"password\": \"a\\\"b\", \"x\": 1}", "{\"password\": \"[removed]\", \"x\": 1}"},
	{"{\"Token\":\"abc\",\"n\":2}", "{\"Token\":\"[removed]\",\"n\":2}"},
	{"{\\\"token\\\": \\\"abc\\\", \\\"n\\\": 2}", "{\\\"token\\\": \\\"[removed]\\\", \\\"n\\\": 2}"},
	{"{\"tokens\": [\"a]\", {\"b\": 1}], \"n\": 2}", "{\"tokens\": \"[removed]\", \"n\": 2}"},
	{"{\"secret\": 1234, \"n\": 2}", "{\"secret\": \"[removed]\", \"n\": 2}"},
	{"{\"password_set\": true}", "{\"password_set\": true}"},
	{"X-Auth-Token: 0123 abc\r\nHost: bmc", "X-Auth-Token: [removed]\nHost: bmc"},
	{"Authorization: Basic dXNlcjpwYXNz", "Authorization: [removed]"},
	{"sent Basic dXNlcjpwYXNz to it", "sent Basic [removed] to it"},
	{"Set-Cookie: sid=1; path=/", "Set-Cookie: [removed]"},
	{"Environment=BMC_PASSWORD=calvin A=1", "Environment=BMC_PASSWORD=[removed]"},
	{"run --password hunter2 --host x", "run --password [removed]"},
	{"https://root:calvin@169.254.1.1/redfish", "https://[removed]@169.254.1.1/redfish"},
	{"rocommunity public", "rocommunity public"}, /* no separator: no assignment */
	{"community: public", "community: [removed]"},
	{PEM_BEGIN "\nMIGH\n" PEM_END "\nrest", "[removed]\nrest"},
	{PEM_EC "\\nMIGH\\n-----END EC PRIVATE " "KEY-----\\n", "[removed]\\n"},
	{PEM_BEGIN "\ncut off", "[removed]"},
	{"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"},
	{"pin = 4711", "pin = [removed]"},
	{"password_file = /etc/bmclink/bmc-account", "password_file = /etc/bmclink/bmc-account"},
	{"the password file is missing", "the password file is missing"},
	{"spinning up the NIC: 3", "spinning up the NIC: 3"},
	{"known-literal in a sentence", "[removed] in a sentence"},
};

static const struct row stays[] = {
	{"169.254.1.2 peer 169.254.1.1/32", NULL}, {"127.0.0.1 and ::1", NULL}, {"224.0.0.251", NULL},
	{"fe80::/64 dev bmc0", NULL}, {"fde1:53ba:e9a0:de11::1", NULL},
	{"\"firmware_version\": \"3.30.30.30\"", NULL}, {"firmware 2.70.70.70", NULL},
	{"2026-11-22T16:40:02Z", NULL}, {"table inet bmclink_12", NULL}, {"0000:00:14.0 USB 413c:a102", NULL},
	{"iDRAC 9, port 443, 700 ms", NULL}, {"00:00:00:00:00:00 ff:ff:ff:ff:ff:ff", NULL},
	{"the latest of hosts", NULL}, {"bad: cafe", NULL}, {"\"hostname\": \"\"", NULL},
};

static const struct row identifiers[] = {
	{"mac 02:00:5e:FF:00:01 here", "mac-"}, {"02-00-5e-ff-00-01", "mac-"}, {"dev enx02005eff0001:", "mac-"},
	{"inet 10.20.30.40/24", "ip4-"}, {"[10.20.30.40]:443", "ip4-"}, {"to 10.20.30.40:443,", "ip4-"},
	{"fe80::1234:56ff:fe78:9abc%bmc0", "ip6-"}, {"2001:db8::10.", "ip6-"},
	{"4c4c4544-0042-3510-8052-b4c04f4d3332", "uuid-"}, {"4c4c454400423510 8052", NULL},
	{"4c4c4544004235108052b4c04f4d3332", "uuid-"},
	{"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", "fingerprint-"},
	{"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "fingerprint-"},
	{"\"serial\": \"ABC 123\"", "name-"}, {"service_tag = 7XYZ123", "name-"}, {"on Server-Seven.", "name-"},
};
/* clang-format on */

static struct redact *make(bool keep)
{
	struct redact *redact = redact_new("0123456789abcdef", 16, keep);

	assert_non_null(redact);
	assert_int_equal(redact_add_secret(redact, "known-literal", 13), 0);
	assert_int_equal(redact_add_secret(redact, "abc", 3), 0); /* too short: not taken */
	assert_int_equal(redact_add_identifier(redact, "name", "server-seven"), 0);
	assert_int_equal(redact_add_identifier(redact, "name", "test"), 0);
	return redact;
}

static char *run(struct redact *redact, const char *in)
{
	char *out;
	size_t n;

	assert_int_equal(redact_text(redact, in, strlen(in), &out, &n), 0);
	assert_int_equal(strlen(out), n);
	return out;
}

static void test_secrets_go(void **state)
{
	for (int keep = 0; keep < 2; keep++) {
		struct redact *redact = make(keep);

		for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
			char *out = run(redact, secrets[i].in);

			assert_string_equal(out, secrets[i].out);
			free(out);
		}
		assert_true(redact_get_counts(redact).secrets > 15);
		redact_free(redact);
	}
}

static void test_what_stays(void **state)
{
	struct redact *redact = make(false);

	for (size_t i = 0; i < ARRAY_SIZE(stays); i++) {
		char *out = run(redact, stays[i].in);

		assert_string_equal(out, stays[i].in);
		free(out);
	}
	assert_int_equal(redact_get_counts(redact).identifiers, 0);
	redact_free(redact);
}

static void test_identifiers_get_pseudonyms(void **state)
{
	struct redact *redact = make(false), *keep = make(true);

	for (size_t i = 0; i < ARRAY_SIZE(identifiers); i++) {
		char *out = run(redact, identifiers[i].in), *kept = run(keep, identifiers[i].in);

		if (identifiers[i].out)
			assert_non_null(strstr(out, identifiers[i].out));
		else
			assert_string_equal(out, identifiers[i].in);
		assert_string_equal(kept, identifiers[i].in);
		free(out);
		free(kept);
	}
	redact_free(redact);
	redact_free(keep);
}

static void assert_same(
	struct redact *a, const char *one, struct redact *b, const char *other, bool same)
{
	char *x = run(a, one), *y = run(b, other);

	if (same)
		assert_string_equal(x, y);
	else
		assert_string_not_equal(x, y);
	free(x);
	free(y);
}

/* Whoever reads must see that two places mean the same thing, in whatever spelling. */
static void test_pseudonyms_are_stable(void **state)
{
	struct redact *one = make(false), *again = make(false);
	struct redact *other = redact_new("another machine", 15, false);

	assert_same(one, "02:00:5e:ff:00:01", again, "02-00-5E-FF-00-01", true);
	assert_same(one, "02:00:5e:ff:00:01", again, "enx02005eff0001", true);
	assert_same(one, "2001:db8::10", again, "2001:0db8:0:0::0010", true);
	assert_same(one, "10.20.30.40", again, "10.20.30.41", false);
	assert_same(one, "10.20.30.40", other, "10.20.30.40", false);
	redact_free(one);
	redact_free(again);
	redact_free(other);
}

static void test_bytes_keep_their_length(void **state)
{
	struct redact *redact = make(false);
	unsigned char out[40] = {0}, in[40];

	memset(in, 7, sizeof(in));
	redact_make_bytes(redact, in, 33, out);
	assert_memory_not_equal(in, out, 33);
	assert_int_equal(out[33], 0);
	redact_free(redact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_go),
		cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_identifiers_get_pseudonyms),
		cmocka_unit_test(test_pseudonyms_are_stable),
		cmocka_unit_test(test_bytes_keep_their_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
