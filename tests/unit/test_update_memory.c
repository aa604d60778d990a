/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocation of OpenSSL's fails while a signature is checked: a right one is right or cannot be
 * checked, and never wrong; a wrong one is never right. Each n is a process of its own: what
 * OpenSSL could not set up it never looks at again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/minisign.h"
#include "starve.h"

#define SAMPLES 120

enum { RIGHT = 10, WRONG = 11, NOT_CHECKED = 12, BROKEN = 13 }; /* how a process ends */

static const char key_text[] = "untrusted comment: minisign public key 20D55DC7F6BCF496\n"
			       "RWSW9Lz2x13VIHh7CezMP6naP0DCPQDEpz2QeZfSQNMuYSg82smTmBlf\n";
static const char good[] =
	"untrusted comment: signature from minisign secret key\n"
	"RUSW9Lz2x13VICB0H/9yzfFBjaCPr+Dx7ynGbFBcG4p3mFRYujt34nSdBXQ0wKPYzRyBDH6kWGAoSo6Cd8TTnWpN"
	"Deh3BppJFAA=\n"
	"trusted comment: timestamp:1 file:data\n"
	"jOU16j93WcqvHVCTBZGTPJl2QR10PGs2y/6okIgCU7hqrfyKczva1BfGb7Emk+16aprguNt6TsoABHszri9wCA=="
	"\n";

static int check(const unsigned char digest[MINISIGN_DIGEST_SIZE])
{
	struct minisign_signature signature;
	struct minisign_key key;

	if (minisign_parse_key(key_text, strlen(key_text), &key) < 0 ||
		minisign_parse_signature(good, strlen(good), &signature) < 0)
		return BROKEN;
	switch (minisign_verify(&key, &signature, digest)) {
	case 0:
		return RIGHT;
	case -EBADMSG:
		return WRONG;
	case -ENOTRECOVERABLE:
		return NOT_CHECKED;
	default:
		return BROKEN;
	}
}

/* In a process that has not used OpenSSL for this: twice, the fault hits the first. */
static void live(const char *data, unsigned long n, int ends)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct {
		unsigned long total;
		int how[2];
	} told;

	if (!starve_openssl() ||
		EVP_Digest(data, strlen(data), digest, NULL, EVP_blake2b512(), NULL) != 1)
		_exit(1);
	starve_allocations = 0;
	starve_fails_at = n;
	told.how[0] = check(digest);
	told.total = starve_allocations;
	told.how[1] = check(digest);
	_exit(write(ends, &told, sizeof(told)) != sizeof(told));
}

/* False: it ended by a signal, for some of the library cannot do without memory. */
static bool live_once(const char *data, unsigned long n, unsigned long *total, int how[2])
{
	int ends[2], status;
	struct {
		unsigned long total;
		int how[2];
	} told = {0};
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		live(data, n, ends[1]);
	close(ends[1]);
	if (read(ends[0], &told, sizeof(told)) != sizeof(told))
		told.how[0] = 0;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*total = told.total;
	memcpy(how, told.how, sizeof(told.how));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static unsigned int try_each(const char *data, int verdict, int never)
{
	unsigned long total, none;
	unsigned int not_checked = 0;
	int how[2];

	assert_true(live_once(data, 0, &total, how));
	assert_int_equal(how[0], verdict);
	assert_int_equal(how[1], verdict);
	assert_true(total > 20);
	for (unsigned long n = 1; n <= total; n += 1 + total / SAMPLES) {
		if (!live_once(data, n, &none, how))
			continue;
		for (int i = 0; i < 2; i++) {
			if (how[i] == never || how[i] == BROKEN)
				fail_msg("allocation %lu of %lu: %d", n, total, how[i]);
			not_checked += how[i] == NOT_CHECKED;
		}
	}
	return not_checked;
}

static void a_right_one_is_never_wrong(void **state)
{
	assert_true(try_each("hello, agent\n", RIGHT, WRONG) > 0);
}

static void a_wrong_one_is_never_right(void **state)
{
	try_each("hello, Agent\n", WRONG, RIGHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_one_is_never_wrong),
		cmocka_unit_test(a_wrong_one_is_never_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
