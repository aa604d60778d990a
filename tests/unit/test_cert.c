/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/cert.h"
#include "base/state.h"
#include "base/text.h"
#include "base/tls.h"
#include "base/util.h"
#include "folder.h"

static const char *const bmc_names[] = {
	"idrac.local", "169.254.1.1", "fde1:53ba:e9a0:de11::1", NULL};

static time_t utc(int year, int month, int day, int hour)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour};

	return timegm(&tm);
}

static void make(enum cert_role role, time_t not_before, struct cert_pair *pair)
{
	struct cert_request request = {.role = role,
		.common_name = role == CERT_ROLE_AGENT ? "host" : "bmc",
		.names = role == CERT_ROLE_BMC ? bmc_names : NULL,
		.not_before = not_before};

	assert_int_equal(cert_pair_make(&request, pair), 0);
}

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

static void test_save_and_load(void **state)
{
	struct folder *f = *state;
	struct cert_pair made, loaded = {NULL, NULL};
	struct stat st;

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &made);
	umask(0);
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "agent.key", "agent.crt"), 0);
	umask(022);
	assert_int_equal(fstatat(f->dir_fd, "agent.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstatat(f->dir_fd, "agent.crt", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);

	assert_int_equal(cert_pair_load(f->dir_fd, "agent.key", "agent.crt", &loaded), 0);
	assert_int_equal(EVP_PKEY_eq(made.key, loaded.key), 1);
	assert_int_equal(X509_cmp(made.certificate, loaded.certificate), 0);
	cert_pair_clear(&made);
	cert_pair_clear(&loaded);
}

static void load_fails(struct folder *f, int error)
{
	struct cert_pair pair = {NULL, NULL};

	assert_int_equal(cert_pair_load(f->dir_fd, "k", "c", &pair), error);
	assert_null(pair.key);
	assert_null(pair.certificate);
	assert_int_equal(ERR_peek_error(), 0);
}

static void write_file(struct folder *f, const char *name, const char *data, size_t length)
{
	assert_int_equal(state_write_file(f->dir_fd, name, data, length, 0600), 0);
}

static void test_load_missing_and_mismatched(void **state)
{
	struct folder *f = *state;
	struct cert_pair a, b, mixed;

	load_fails(f, -ENOENT);
	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &a);
	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &b);
	assert_int_equal(cert_pair_save(&a, f->dir_fd, "k", "c"), 0);
	assert_int_equal(state_remove_file(f->dir_fd, "c"), 0);
	load_fails(f, -ENOENT);

	mixed.key = a.key;
	mixed.certificate = b.certificate;
	assert_int_equal(cert_pair_save(&mixed, f->dir_fd, "k", "c"), 0);
	load_fails(f, -EKEYREJECTED);
	cert_pair_clear(&a);
	cert_pair_clear(&b);
}

/* Cut anywhere, neither file is taken; the same files whole are. */
static void test_load_truncated(void **state)
{
	struct folder *f = *state;
	const char *const names[] = {"k", "c"};
	struct cert_pair made, loaded;

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &made);
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		_cleanup_free_ char *whole = NULL;
		size_t length;

		assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
		assert_int_equal(state_read_file(f->dir_fd, names[n], &whole, &length), 0);
		for (size_t cut = 0; cut < length - 1; cut += 13) {
			write_file(f, names[n], whole, cut);
			load_fails(f, -EKEYREJECTED);
		}
		write_file(f, names[n], whole, length);
		assert_int_equal(cert_pair_load(f->dir_fd, "k", "c", &loaded), 0);
		cert_pair_clear(&loaded);
	}
	cert_pair_clear(&made);
}

static void test_load_foreign(void **state)
{
	struct folder *f = *state;
	struct cert_pair made;
	static const char text[] = "not a certificate\n";
	_cleanup_free_ char *pem = NULL;
	size_t length;
	char command[256];

	make(CERT_ROLE_AGENT, utc(2026, 1, 1, 0), &made);
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
	write_file(f, "c", text, sizeof(text) - 1);
	load_fails(f, -EKEYREJECTED);
	write_file(f, "c", "\0\0\0\0", 4);
	load_fails(f, -EKEYREJECTED);

	/* swapped */
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "c", "k"), 0);
	load_fails(f, -EKEYREJECTED);

	/* an encrypted key is refused at once, nobody is asked on the terminal */
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
	snprintf(command, sizeof(command),
		"openssl ec -in %s/k -aes128 -passout pass:secret -out %s/e 2>/dev/null", f->path,
		f->path);
	assert_int_equal(system(command), 0);
	assert_int_equal(state_read_file(f->dir_fd, "e", &pem, &length), 0);
	write_file(f, "k", pem, length);
	load_fails(f, -EKEYREJECTED);
	cert_pair_clear(&made);
}

static void run(const char *command, char *line, size_t size)
{
	FILE *pipe = popen(command, "r");

	assert_non_null(pipe);
	assert_non_null(fgets(line, (int)size, pipe));
	assert_int_equal(pclose(pipe), 0);
	line[strcspn(line, "\n")] = '\0';
}

static void test_fingerprint_as_openssl(void **state)
{
	struct folder *f = *state;
	unsigned char ours[CERT_FINGERPRINT_SIZE], theirs[CERT_FINGERPRINT_SIZE];
	struct cert_pair made;
	char command[256], line[512], *hex;

	make(CERT_ROLE_BMC, utc(2026, 1, 1, 0), &made);
	assert_int_equal(cert_pair_save(&made, f->dir_fd, "k", "c"), 0);
	snprintf(command, sizeof(command), "openssl x509 -in %s/c -noout -fingerprint -sha256",
		f->path);
	run(command, line, sizeof(line));
	hex = strchr(line, '=');
	assert_non_null(hex);
	assert_int_equal(text_parse_hex(hex + 1, theirs, sizeof(theirs)), 0);
	assert_int_equal(cert_get_fingerprint(made.certificate, ours), 0);
	assert_memory_equal(ours, theirs, sizeof(ours));

	/* As stock BMCs verify a client: the certificate itself in the trust store, and purpose. */
	snprintf(command, sizeof(command),
		"openssl verify -purpose sslserver -CAfile %s/c %s/c 2>&1", f->path, f->path);
	run(command, line, sizeof(line));
	assert_non_null(strstr(line, "OK"));
	cert_pair_clear(&made);
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
		cmocka_unit_test(test_agent_pair),
		cmocka_unit_test(test_bmc_pair),
		cmocka_unit_test(test_serials_and_keys_differ),
		cmocka_unit_test(test_ten_years),
		cmocka_unit_test(test_chosen_end),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test_setup_teardown(test_save_and_load, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			test_load_missing_and_mismatched, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_load_truncated, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_load_foreign, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(
			test_fingerprint_as_openssl, folder_setup, folder_teardown),
		cmocka_unit_test(test_dates_after_2038),
		cmocka_unit_test(test_pem_round_trip),
		cmocka_unit_test(test_tls_policy),
		cmocka_unit_test(test_tls_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
