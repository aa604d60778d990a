/* SPDX-License-Identifier: Apache-2.0 */
/* The BMC's trust store as a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/state.h"
#include "base/util.h"
#include "endpoint_trust_fixture.h"

/* Durable; not where it stands beside a host, which no version of ours has written. */
static void keep_was_plain(void **state)
{
	static const char strange[] =
		"{\"Version\": 1, \"NextId\": 1, \"WasPlain\": 1, \"Hosts\": []}";
	char folder[] = "/tmp/test-trust-XXXXXX", command[64];
	struct trust *trust = *state, read = {.window_minutes = 7};
	int fd;

	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	trust->next_id = 1;
	assert_int_equal(trust_save(trust, fd), 0);
	assert_int_equal(trust_load(&read, fd), 0);
	assert_false(read.was_plain);
	trust_note_plain(trust);
	assert_int_equal(trust_save(trust, fd), 0);
	assert_int_equal(trust_load(&read, fd), 0);
	assert_true(read.was_plain);
	assert_int_equal(read.n_known, 0);
	assert_int_equal(state_write_file(fd, TRUST_FILE, strange, sizeof(strange) - 1, 0600), 0);
	assert_int_equal(trust_load(&read, fd), 0);
	assert_false(read.was_plain);
	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

/* Durable, and nothing but what it should be comes back. */
static void keep_in_file(void **state)
{
	char folder[] = "/tmp/test-trust-XXXXXX", command[64];
	struct cert_request request = {.role = CERT_ROLE_AGENT,
		.common_name = "host",
		.not_before = NOW,
		.not_after = NOW + YEAR};
	struct trust_clock clock = {.now = NOW, .build = BUILD};
	struct trust_certificate c, again;
	struct trust *trust = *state, read = {.window_minutes = 7};
	struct cert_pair pair = {0};
	_cleanup_free_ char *pem = NULL;
	_cleanup_free_ char *noisy = NULL;
	_cleanup_free_ char *canonical = NULL;
	int fd;

	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(trust_load(&read, fd), 0);
	assert_int_equal(read.n_known, 0);

	assert_int_equal(cert_pair_make(&request, &pair), 0);
	assert_int_equal(cert_to_pem(pair.certificate, &pem), 0);
	assert_true(asprintf(&noisy, "text before\n%s", pem) > 0);
	assert_int_equal(trust_read_pem(noisy, strlen(noisy), &c, &canonical), 0);
	assert_string_equal(canonical, pem);
	assert_int_equal(c.not_after, NOW + YEAR);
	assert_int_equal(trust_read_pem("nonsense", 8, &again, NULL), -EINVAL);

	trust_window_open(trust, TRUST_REASON_FORGET, &clock);
	assert_int_equal(trust_add(trust, &c, canonical, &clock), 0);
	assert_int_equal(trust_save(trust, fd), 0);
	assert_int_equal(trust_load(&read, fd), 0);
	assert_int_equal(read.n_known, 1);
	assert_int_equal(read.window_minutes, 7);
	assert_false(read.window_open);
	assert_int_equal(trust_judge(&read, &c, &clock), TRUST_VERDICT_KNOWN);
	assert_int_equal(read.next_id, 2);
	trust_clear(&read);

	assert_int_equal(state_write_file(fd, TRUST_FILE, "{\"Version\": 2}", 14, 0600), 0);
	assert_int_equal(trust_load(&read, fd), -EBADMSG);
	assert_int_equal(read.n_known, 0);
	assert_int_equal(state_write_file(fd, TRUST_FILE, "garbage", 7, 0600), 0);
	assert_int_equal(trust_load(&read, fd), -EBADMSG);

	cert_pair_clear(&pair);
	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keep_was_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(keep_in_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
