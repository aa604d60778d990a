/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handshake with ourselves before anybody is served: what passes it works, also where an
 * allocation of OpenSSL failed on the way. Each n is a process of its own: what OpenSSL could not
 * set up it never looks at again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/crypto.h>

#include "base/util.h"
#include "cert_pairs.h"
#include "endpoint/handshake.h"
#include "starve.h"

#define SAMPLES 60

enum { WORKS = 10, REFUSED = 11, BROKEN = 12 }; /* how a process ends */

static int check(enum tls_version low, enum tls_version high, bool with_certificate)
{
	const struct tls_policy policy = {.minimum = low, .maximum = high, .server = true};
	struct cert_pair pair = {0};
	SSL_CTX *context = NULL;
	int r;

	if (with_certificate)
		make(CERT_ROLE_BMC, utc(2026, 1, 1, 0), &pair);
	assert_int_equal(handshake_context_new(&policy, &pair, &context), 0);
	r = handshake_context_check(context);
	SSL_CTX_free(context);
	cert_pair_clear(&pair);
	return r;
}

static void each_version_alone(void **state)
{
	for (enum tls_version v = TLS_1_1; v <= TLS_1_3; v++)
		assert_int_equal(check(v, v, true), 0);
	assert_int_equal(check(TLS_1_1, TLS_1_3, true), 0);
}

static void without_a_certificate_nobody_can_connect(void **state)
{
	assert_int_equal(check(TLS_1_1, TLS_1_3, false), -EIO);
	assert_int_equal(check(TLS_1_3, TLS_1_3, false), -EIO);
}

/* In a process that has not used OpenSSL. counts: allocations before the check and after it. */
static int live(unsigned long counts[2])
{
	const struct tls_policy policy = {TLS_1_1, TLS_1_3, true};
	struct cert_pair pair;
	SSL_CTX *context;
	int how = WORKS;

	if (!starve_openssl() || tls_init() < 0)
		return BROKEN;
	make(CERT_ROLE_BMC, utc(2026, 1, 1, 0), &pair);
	if (handshake_context_new(&policy, &pair, &context) < 0)
		return BROKEN;
	counts[0] = starve_allocations;
	if (handshake_context_check(context) < 0)
		how = REFUSED;
	counts[1] = starve_allocations;
	starve_fails_at = 0;
	for (int i = 0; how == WORKS && i < 2; i++) /* those who connect */
		how = handshake_context_check(context) < 0 ? BROKEN : WORKS;
	SSL_CTX_free(context);
	cert_pair_clear(&pair);
	return how;
}

/* How such a process ends; < 0: by a signal, for some of the library cannot do without memory. */
static int live_once(unsigned long n, unsigned long counts[2])
{
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		starve_fails_at = n;
		status = live(counts);
		_exit(write(ends[1], counts, 2 * sizeof(*counts)) > 0 ? status : BROKEN);
	}
	close(ends[1]);
	if (read(ends[0], counts, 2 * sizeof(*counts)) <= 0)
		counts[0] = 0;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* First of all: nothing of OpenSSL has been used here yet. */
static void what_passes_works(void **state)
{
	unsigned long counts[2], none[2], n;
	unsigned int refused = 0, passed = 0;

	assert_int_equal(live_once(0, counts), WORKS);
	assert_true(counts[1] > counts[0] + SAMPLES);
	for (unsigned int i = 0; i < SAMPLES; i++) {
		int how;

		n = counts[0] + 1 + i * (counts[1] - counts[0]) / SAMPLES;
		how = live_once(n, none);
		if (how == BROKEN)
			print_error("allocation %lu: passed, and nobody can connect\n", n);
		assert_int_not_equal(how, BROKEN);
		refused += how == REFUSED;
		passed += how == WORKS;
	}
	assert_true(refused > 0 && passed > 0);
}

/* --- a connection without memory --- */

static unsigned int freed;

static void count_freed(
	void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	freed++;
}

/* The SSL is freed once, by whom has it then. Of libevent's allocations the first one alone: 2.1
 * crashes by itself where a later one fails. */
static void wrapped_or_freed_once(void **state)
{
	int index = SSL_get_ex_new_index(0, NULL, NULL, NULL, count_freed);
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	struct event_base *base = event_base_new();
	struct bufferevent *bev;
	int pair[2];

	assert_true(index >= 0 && context && base);
	event_set_mem_functions(starve_allocate, starve_allocate_again, free);
	for (starve_fails_at = 0; starve_fails_at <= 1; starve_fails_at++) {
		starve_allocations = freed = 0;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		bev = handshake_wrap(base, pair[0], SSL_new(context), BUFFEREVENT_SSL_ACCEPTING);
		assert_int_equal(bev == NULL, starve_fails_at);
		assert_int_equal(freed, starve_fails_at);
		if (bev)
			bufferevent_free(bev);
		else
			close(pair[0]);
		event_base_loop(base, EVLOOP_NONBLOCK); /* it is freed from there */
		assert_int_equal(freed, 1);
		close(pair[1]);
	}
	event_base_free(base);
	SSL_CTX_free(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_works),
		cmocka_unit_test(each_version_alone),
		cmocka_unit_test(without_a_certificate_nobody_can_connect),
		cmocka_unit_test(wrapped_or_freed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
