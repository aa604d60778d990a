/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: what is in them, their ten years, and their text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "base/util.h"
#include "cert_pairs.h"

static void test_agent_pair(void **state)
{
	struct cert_pair pair;
	char name[64];
	BASIC_CONSTRAINTS *constraints;

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &pair);
	assert_int_equal(X509_get_version(pair.certificate), X509_VERSION_3);
	X509_NAME_get_text_by_NID(
		X509_get_subject_name(pair.certificate), NID_commonName, name, sizeof(name));
	assert_string_equal(name, "host");
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(pair.certificate),
				 X509_get_issuer_name(pair.certificate)),
		0);
	assert_int_equal(X509_verify(pair.certificate, pair.key), 1);
	assert_int_equal(EVP_PKEY_get_bits(pair.key), 256);
	assert_true(EVP_PKEY_is_a(pair.key, "EC"));

	/* What stock bmcweb demanded of a client: both usages, and clientAuth. */
	assert_int_equal(
		X509_get_key_usage(pair.certificate), KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT);
	assert_int_equal(X509_get_extended_key_usage(pair.certificate), XKU_SSL_CLIENT);
	assert_int_equal(X509_check_purpose(pair.certificate, X509_PURPOSE_SSL_CLIENT, 0), 1);
	assert_int_equal(X509_check_purpose(pair.certificate, X509_PURPOSE_SSL_SERVER, 0), 0);

	constraints = X509_get_ext_d2i(pair.certificate, NID_basic_constraints, NULL, NULL);
	assert_non_null(constraints);
	assert_int_equal(constraints->ca, 0);
	BASIC_CONSTRAINTS_free(constraints);
	cert_pair_clear(&pair);
	cert_pair_clear(&pair); /* safe at any time */
}

static void test_bmc_pair(void **state)
{
	struct cert_pair pair;

	make(CERT_ROLE_BMC, utc(2026, 1, 1, 0), &pair);
	assert_int_equal(X509_get_extended_key_usage(pair.certificate), XKU_SSL_SERVER);
	assert_int_equal(X509_check_purpose(pair.certificate, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_purpose(pair.certificate, X509_PURPOSE_SSL_CLIENT, 0), 0);
	assert_int_equal(X509_check_host(pair.certificate, "idrac.local", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(pair.certificate, "other.local", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(pair.certificate, "169.254.1.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(pair.certificate, "169.254.1.2", 0), 0);
	assert_int_equal(X509_check_ip_asc(pair.certificate, "fde1:53ba:e9a0:de11::1", 0), 1);
	cert_pair_clear(&pair);
}

static void test_serials_and_keys_differ(void **state)
{
	struct cert_pair a, b;

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &a);
	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &b);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a.certificate),
				     X509_get0_serialNumber(b.certificate)),
		0);
	assert_int_not_equal(EVP_PKEY_eq(a.key, b.key), 1);
	cert_pair_clear(&a);
	cert_pair_clear(&b);
}

/* Ten years are calendar years: 2, 3 leap days in between, a start on 29 February, past 2050. */
static void test_ten_years(void **state)
{
	static const struct {
		int from[4], to[4];
	} rows[] = {
		{{2026, 1, 15, 7},   {2036, 1, 15, 7}  },
		{{2027, 12, 31, 23}, {2037, 12, 31, 23}},
		{{2028, 2, 29, 0},   {2038, 3, 1, 0}	  },
		{{2028, 2, 28, 0},   {2038, 2, 28, 0}  },
		{{2045, 6, 1, 12},   {2055, 6, 1, 12}  },
		{{1970, 1, 1, 0},	  {1980, 1, 1, 0}	 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int *f = rows[i].from, *t = rows[i].to;
		struct cert_pair pair;
		time_t before, after;

		if (sizeof(time_t) == 4 && f[0] >= 2038)
			continue;
		make(CERT_ROLE_AGENT, utc(f[0], f[1], f[2], f[3]), &pair);
		assert_int_equal(cert_get_dates(pair.certificate, &before, &after), 0);
		assert_int_equal(before, utc(f[0], f[1], f[2], f[3]));
		/* A time_t of 32 bits ends in 2038, and a certificate made with it no later. */
		if (sizeof(time_t) > 4 || t[0] < 2038)
			assert_int_equal(after, utc(t[0], t[1], t[2], t[3]));
		else
			assert_int_equal(after, INT32_MAX);
		cert_pair_clear(&pair);
	}
}

static void test_chosen_end(void **state)
{
	struct cert_request request = {.role = CERT_ROLE_AGENT,
		.common_name = "host",
		.not_before = utc(2026, 1, 1, 0),
		.not_after = utc(2026, 1, 2, 0)};
	struct cert_pair pair = {NULL, NULL};
	time_t before, after;

	assert_int_equal(cert_pair_make(&request, &pair), 0);
	assert_int_equal(cert_get_dates(pair.certificate, &before, &after), 0);
	assert_int_equal(after, utc(2026, 1, 2, 0));
	cert_pair_clear(&pair);

	request.not_after = request.not_before - 1;
	assert_int_equal(cert_pair_make(&request, &pair), -EINVAL);
	assert_null(pair.key);
}

/* A name must not be able to write further extension syntax. */
static void test_hostile_names(void **state)
{
	static const char *const bad[] = {"a,IP:1.2.3.4", "", "a b", "x:y", "a\ndirName:b", "*.x"};
	struct cert_pair pair = {NULL, NULL};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *const names[] = {bad[i], NULL};
		struct cert_request request = {.role = CERT_ROLE_BMC,
			.common_name = "bmc",
			.names = names,
			.not_before = utc(2026, 1, 1, 0)};

		assert_int_equal(cert_pair_make(&request, &pair), -EINVAL);
		assert_null(pair.certificate);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* Where time_t ends in 2038, a later date is the end of time and not before its beginning. */
static void test_dates_after_2038(void **state)
{
	time_t before, after, begin = utc(2026, 1, 1, 0);
	struct cert_pair pair = {0};

	make(CERT_ROLE_BMC, begin, &pair);
	assert_int_equal(
		ASN1_TIME_set_string(X509_getm_notAfter(pair.certificate), "20600101000000Z"), 1);
	assert_int_equal(cert_get_dates(pair.certificate, &before, &after), 0);
	assert_int_equal(before, begin);
	if (sizeof(time_t) > 4)
		assert_int_equal(after, utc(2060, 1, 1, 0));
	else
		assert_int_equal(after, INT32_MAX);
	cert_pair_clear(&pair);
	/* One that is made ends where the clock of its maker does. */
	make(CERT_ROLE_BMC, utc(2037, 6, 1, 0), &pair);
	assert_int_equal(cert_get_dates(pair.certificate, &before, &after), 0);
	assert_true(after > before && after >= INT32_MAX);
	cert_pair_clear(&pair);
}

static void test_pem_round_trip(void **state)
{
	struct cert_pair made;
	_cleanup_free_ char *pem = NULL;
	X509 *parsed = NULL;

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &made);
	assert_int_equal(cert_to_pem(made.certificate, &pem), 0);
	assert_int_equal(cert_from_pem(pem, strlen(pem), &parsed), 0);
	assert_int_equal(X509_cmp(parsed, made.certificate), 0);
	X509_free(parsed);
	parsed = NULL;
	assert_int_equal(cert_from_pem(pem, strlen(pem) / 2, &parsed), -EKEYREJECTED);
	assert_int_equal(cert_from_pem("", 0, &parsed), -EKEYREJECTED);
	assert_null(parsed);
	cert_pair_clear(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agent_pair),
		cmocka_unit_test(test_bmc_pair),
		cmocka_unit_test(test_serials_and_keys_differ),
		cmocka_unit_test(test_ten_years),
		cmocka_unit_test(test_chosen_end),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_dates_after_2038),
		cmocka_unit_test(test_pem_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
