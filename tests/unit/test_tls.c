/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS policy: versions, security level, and whose key it is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/tls.h"
#include "cert_pairs.h"

static void test_tls_policy(void **state)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct tls_policy policy = {.minimum = TLS_1_1, .maximum = TLS_1_3};
	struct cert_pair a, b, mixed;
	char text[128];

	assert_int_equal(tls_context_apply(context, &policy, NULL), 0);
	assert_int_equal(SSL_CTX_get_min_proto_version(context), TLS1_1_VERSION);
	assert_int_equal(SSL_CTX_get_max_proto_version(context), TLS1_3_VERSION);
	assert_int_equal(SSL_CTX_get_security_level(context), 0);
	assert_true(SSL_CTX_get_options(context) & SSL_OP_NO_TICKET);
	assert_int_equal(SSL_CTX_get_session_cache_mode(context), SSL_SESS_CACHE_OFF);
	policy.minimum = TLS_1_2;
	assert_int_equal(tls_context_apply(context, &policy, NULL), 0);
	assert_int_equal(SSL_CTX_get_security_level(context), 2);

	policy.minimum = TLS_1_0; /* the mandate's floor cannot be lowered */
	assert_int_equal(tls_context_apply(context, &policy, NULL), -EINVAL);
	policy.minimum = TLS_1_3;
	policy.maximum = TLS_1_2;
	assert_int_equal(tls_context_apply(context, &policy, NULL), -EINVAL);

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &a);
	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &b);
	mixed.certificate = a.certificate;
	mixed.key = b.key;
	policy = (struct tls_policy){.minimum = TLS_1_2, .maximum = TLS_1_3};
	assert_int_equal(tls_context_apply(context, &policy, &mixed), -EKEYREJECTED);
	tls_take_error(text, sizeof(text));
	assert_string_equal(text, "key values mismatch");
	tls_take_error(text, sizeof(text));
	assert_string_equal(text, "no error");
	assert_int_equal(tls_context_apply(context, &policy, &a), 0);
	cert_pair_clear(&a);
	cert_pair_clear(&b);
	SSL_CTX_free(context);
}

static void test_tls_names(void **state)
{
	for (enum tls_version v = TLS_1_0; v <= TLS_1_3; v++)
		assert_int_equal(tls_version_from_openssl(tls_version_to_openssl(v)), v);
	assert_string_equal(tls_version_name(TLS_1_1), "TLS 1.1");
	assert_string_equal(tls_version_name(TLS_NONE), "none");
	assert_int_equal(tls_version_from_openssl(SSL3_VERSION), TLS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls_policy),
		cmocka_unit_test(test_tls_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
