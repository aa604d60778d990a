/* SPDX-License-Identifier: Apache-2.0 */
/* Credential bootstrapping on the BMC: the bytes of the two IPMI commands, accounts and switches.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/state.h"
#include "base/util.h"
#include "endpoint/bootstrap.h"
#include "endpoint/ipmi.h"

struct firmware {
	bool offered, enabled;
	int error; /* of make_account() */
	const char *user, *password;
	unsigned int made;
	bool kept;
};

static bool is_offered(void *arg)
{
	return ((struct firmware *)arg)->offered;
}

static bool is_enabled(void *arg)
{
	return ((struct firmware *)arg)->enabled;
}

static int get_fingerprint(unsigned int number, unsigned char fingerprint[32], void *arg)
{
	if (number != 1)
		return -ENOENT;
	memset(fingerprint, 0xab, 32);
	return 0;
}

static int make_account(
	bool keep_enabled, char user[IPMI_FIELD + 1], char password[IPMI_FIELD + 1], void *arg)
{
	struct firmware *firmware = arg;

	firmware->made++;
	firmware->kept = keep_enabled;
	strcpy(user, firmware->user);
	strcpy(password, firmware->password);
	return firmware->error;
}

static void ask(
	struct firmware *firmware, const char *bytes, size_t length, struct ipmi_answer *out)
{
	const struct ipmi_acts acts = {
		is_offered, is_enabled, get_fingerprint, make_account, firmware};

	ipmi_answer((const unsigned char *)bytes, length, &acts, out);
}

static void completion_codes(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool offered, enabled;
		unsigned char completion;
	} rows[] = {
		{"\x2c\x01\x52\x01",     4, true,  true,  0x00},
		{"\x2c\x01\x52\x02",     4, true,  true,  0xcb}, /* no such certificate */
		{"\x2c\x01\x52\x00",     4, true,  true,  0xcb},
		{"\x2c\x01\x52\xff",     4, true,  true,  0xcb},
		{"\x2c\x01\x52\x01",     4, true,  false, 0x80}, /* disabled */
		{"\x2c\x01\x52\x02",     4, true,  false, 0x80},
		{"\x2c\x02\x52\xa5",     4, true,  false, 0x80},
		{"\x2c\x01\x52\x01",     4, false, true,  0xc1}, /* a firmware without TLS */
		{"\x2c\x02\x52\xa5",     4, false, true,  0xc1},
		{"\x2c\x01\x52",	 3, true,  true,	0xc7}, /* no number */
		{"\x2c\x01\x52\x01\x00", 5, true,  true,	0xc7},
		{"\x2c\x02\x52",	 3, true,  true,	0xc7},
		{"\x2c\x02\x52\xa5\xa5", 5, true,  true,	0xc7},
		{"\x2c\x01",	     2, true,  true,  0xc1}, /* no group */
		{"\x2c",		 1, true,  true,	0xc1},
		       {"",			    0, true,  true,  0xc1},
		{"\x2c\x01\x53\x01",     4, true,  true,  0xc1}, /* another group */
		{"\x2c\x00\x52\x01",     4, true,  true,  0xc1}, /* another command of the group */
		{"\x2c\x03\x52\x01",     4, true,  true,  0xc1},
		{"\x2d\x01\x52\x01",     4, true,  true,  0xc1}, /* a response */
		{"\x06\x01\x52\x01",     4, true,  true,  0xc1}, /* another network function */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct firmware firmware = {.offered = rows[i].offered,
			.enabled = rows[i].enabled,
			.user = "u",
			.password = "p"};
		struct ipmi_answer answer;

		memset(&answer, 0xee, sizeof(answer));
		ask(&firmware, rows[i].bytes, rows[i].length, &answer);
		assert_int_equal(answer.completion, rows[i].completion);
		assert_int_equal(answer.length, rows[i].completion ? 0 : 34);
		assert_int_equal(firmware.made, 0);
	}
}

static void fingerprint_bytes(void **state)
{
	struct firmware firmware = {.offered = true, .enabled = true};
	struct ipmi_answer answer;

	ask(&firmware, "\x2c\x01\x52\x01", 4, &answer);
	assert_memory_equal(answer.data, "\x52\x01\xab\xab", 4);
	assert_int_equal(answer.length, 34);
}

static void credential_bytes(void **state)
{
	struct firmware firmware = {
		.offered = true, .enabled = true, .user = "short", .password = "sixteencharacter"};
	struct ipmi_answer answer;

	ask(&firmware, "\x2c\x02\x52\xa5", 4, &answer);
	assert_int_equal(answer.completion, 0);
	assert_int_equal(answer.length, 33);
	assert_memory_equal(answer.data, "\x52short\0\0\0\0\0\0\0\0\0\0\0sixteencharacter", 33);
	assert_true(firmware.kept);
	for (int control = 0; control < 256; control++) {
		const char bytes[4] = {0x2c, 0x02, 0x52, (char)control};

		ask(&firmware, bytes, 4, &answer);
		assert_int_equal(firmware.kept, control == 0xa5);
	}
	firmware.error = -EIO;
	ask(&firmware, "\x2c\x02\x52\xa5", 4, &answer);
	assert_int_equal(answer.completion, 0xff);
	assert_int_equal(answer.length, 0);
	for (size_t i = 0; i < sizeof(answer.data); i++)
		assert_int_equal(answer.data[i], 0);
}

static void accounts(void **state)
{
	char users[BOOTSTRAP_MAX + 1][BOOTSTRAP_USER_SIZE];
	char secrets[BOOTSTRAP_MAX + 1][BOOTSTRAP_SECRET_SIZE];
	struct bootstrap bootstrap;
	unsigned int id;

	bootstrap_init(&bootstrap);
	assert_null(bootstrap_check(&bootstrap, "", ""));
	for (size_t i = 0; i <= BOOTSTRAP_MAX; i++) {
		assert_int_equal(bootstrap_make(&bootstrap, users[i], secrets[i], &id), 0);
		assert_int_equal(id, i + 1);
		assert_int_equal(strlen(secrets[i]), 15);
		for (const char *s = users[i], *t = secrets[i]; *s || *t; *s ? s++ : t++)
			assert_null(strchr("'\"\\ \t", *s ? *s : *t));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(secrets[k], secrets[i]);
	}
	assert_int_equal(bootstrap.n, BOOTSTRAP_MAX);
	assert_null(bootstrap_check(&bootstrap, users[0], secrets[0])); /* made room */
	for (unsigned int i = 1; i <= BOOTSTRAP_MAX; i++) {
		assert_int_equal(bootstrap_check(&bootstrap, users[i], secrets[i])->id, i + 1);
		assert_null(bootstrap_check(&bootstrap, users[i], secrets[i - 1]));
		assert_null(bootstrap_check(&bootstrap, users[i], ""));
		assert_null(bootstrap_check(&bootstrap, "", secrets[i]));
	}
	assert_int_equal(bootstrap_remove(&bootstrap, 3), 0);
	assert_int_equal(bootstrap_remove(&bootstrap, 3), -ENOENT);
	assert_null(bootstrap_check(&bootstrap, users[2], secrets[2]));
	assert_non_null(bootstrap_check(&bootstrap, users[3], secrets[3]));
	bootstrap_reset(&bootstrap);
	assert_int_equal(bootstrap.n, 0);
	assert_null(bootstrap_check(&bootstrap, users[3], secrets[3]));
	assert_int_equal(bootstrap_make(&bootstrap, users[0], secrets[0], &id), 0);
	assert_int_equal(id, BOOTSTRAP_MAX + 2); /* never used again */
}

static void reset(void **state)
{
	static const struct {
		bool enabled, after, enabled_then, changed;
	} rows[] = {
		{true,  true,  true,  false},
		{false, true,  true,  true },
		{true,  false, true,  false},
		{false, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bootstrap bootstrap = {
			.enabled = rows[i].enabled, .enable_after_reset = rows[i].after};

		assert_int_equal(bootstrap_reset(&bootstrap), rows[i].changed);
		assert_int_equal(bootstrap.enabled, rows[i].enabled_then);
	}
}

static void window(void **state)
{
	static const struct {
		enum enrolment_mode mode;
		bool seen, enabled, barred;
	} rows[] = {
		{ENROLMENT_AUTO,	 false, true,  false},
		{ENROLMENT_AUTO,	 true,  true,  true },
		{ENROLMENT_AUTO,	 true,  false, false},
		{ENROLMENT_FIRST_USE, true,  true,  false},
		{ENROLMENT_KCS,	false, false, true },
		{ENROLMENT_KCS,	true,  true,  true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bootstrap bootstrap = {
			.ipmi_seen = rows[i].seen, .enabled = rows[i].enabled};

		assert_int_equal(
			bootstrap_replaces_window(&bootstrap, rows[i].mode), rows[i].barred);
	}
}

static void roles(void **state)
{
	assert_true(bootstrap_role_is_allowed(privilege_find_role("Administrator")));
	assert_true(bootstrap_role_is_allowed(privilege_find_role("BmclinkBootstrap")));
	assert_false(bootstrap_role_is_allowed(privilege_find_role("BmclinkHost")));
	assert_false(bootstrap_role_is_allowed(privilege_find_role("AuthNone")));
	assert_false(bootstrap_role_is_allowed(privilege_find_role("nonsense")));
	assert_false(bootstrap_role_is_allowed(ROLE_NONE));
	/* The default one enrols, reads, and goes; it changes nothing else. */
	assert_true(privilege_allows(ROLE_BOOTSTRAP, ENTITY_HOST_CERTIFICATES, HTTP_POST));
	assert_true(privilege_allows(ROLE_BOOTSTRAP, ENTITY_ACCOUNT, HTTP_DELETE));
	for (int entity = 0; entity < ENTITY_COUNT; entity++) {
		if (entity == ENTITY_HOST_CERTIFICATES || entity == ENTITY_ACCOUNT ||
			entity == ENTITY_SESSION || entity == ENTITY_SESSIONS)
			continue;
		assert_false(privilege_allows(ROLE_BOOTSTRAP, (enum entity)entity, HTTP_POST));
		assert_false(privilege_allows(ROLE_BOOTSTRAP, (enum entity)entity, HTTP_PATCH));
		assert_false(privilege_allows(ROLE_BOOTSTRAP, (enum entity)entity, HTTP_DELETE));
	}
	assert_false(privilege_allows(ROLE_BOOTSTRAP, ENTITY_ACCOUNT, HTTP_PATCH));
}

static char dir[] = "/tmp/test-bootstrap-XXXXXX";

static int set_up(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	return rmdir(dir);
}

static void files(void **state)
{
	static const char *const broken[] = {"", "{", "[]", "{}", "{\"Version\": 1}",
		"{\"Version\": 2, \"Enabled\": true, \"EnableAfterReset\": true, "
		"\"RoleId\": \"BmclinkBootstrap\", \"IpmiSeen\": true}",
		"{\"Version\": 1, \"Enabled\": true, \"EnableAfterReset\": true, "
		"\"RoleId\": \"BmclinkHost\", \"IpmiSeen\": true}",
		"{\"Version\": 1, \"Enabled\": 1, \"EnableAfterReset\": true, "
		"\"RoleId\": \"BmclinkBootstrap\", \"IpmiSeen\": true}"};
	_cleanup_close_ int fd = state_open_dir(dir, 0700);
	struct bootstrap saved, loaded;

	assert_int_equal(bootstrap_load(&loaded, fd), 0);
	assert_true(loaded.enabled && loaded.enable_after_reset && !loaded.ipmi_seen);
	assert_int_equal(loaded.role, ROLE_BOOTSTRAP);
	bootstrap_init(&saved);
	saved.enabled = false;
	saved.ipmi_seen = true;
	saved.role = ROLE_ADMINISTRATOR;
	assert_int_equal(bootstrap_save(&saved, fd), 0);
	assert_int_equal(bootstrap_load(&loaded, fd), 0);
	assert_memory_equal(&loaded, &saved, sizeof(saved));
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		assert_int_equal(
			state_write_file(fd, BOOTSTRAP_FILE, broken[i], strlen(broken[i]), 0600),
			0);
		assert_true(bootstrap_load(&loaded, fd) < 0);
		assert_false(loaded.enabled || loaded.enable_after_reset); /* the safe side */
	}
	assert_int_equal(state_remove_file(fd, BOOTSTRAP_FILE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completion_codes),
		cmocka_unit_test(fingerprint_bytes),
		cmocka_unit_test(credential_bytes),
		cmocka_unit_test(accounts),
		cmocka_unit_test(reset),
		cmocka_unit_test(window),
		cmocka_unit_test(roles),
		cmocka_unit_test_setup_teardown(files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
