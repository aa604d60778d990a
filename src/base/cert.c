/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cert.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/state.h"
#include "base/util.h"

#define SERIAL_BYTES 16 /* of the 20 that RFC 5280 4.1.2.2 allows */
#define MAX_NAMES    1024

void cert_pair_clear(struct cert_pair *pair)
{
	EVP_PKEY_free(pair->key);
	X509_free(pair->certificate);
	pair->key = NULL;
	pair->certificate = NULL;
}

/* OpenSSL's queue must not keep what a later tls_take_error() would report as its own. */
static int fail(int error)
{
	bool no_memory = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;

	ERR_clear_error();
	return no_memory ? -ENOMEM : error;
}

#define LATEST ((time_t)(UINT64_MAX >> (65 - 8 * sizeof(time_t))))

/* A time_t of 32 bits ends in 2038: what comes later is its last second, not "long ago". */
static time_t from_calendar(struct tm *tm)
{
	int year = tm->tm_year;
	time_t t = timegm(tm);

	if (t == -1 && year > 100)
		return LATEST;
	return t;
}

/* Calendar years: 29 February becomes 1 March where there is none, never less than the term. */
static time_t add_years(time_t from, int years)
{
	struct tm tm;

	if (!gmtime_r(&from, &tm))
		return -1;
	tm.tm_year += years;
	return from_calendar(&tm);
}

static int add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	if (!extension)
		return -EINVAL;
	ok = X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return ok ? 0 : -ENOMEM;
}

/* A name goes into OpenSSL's "TYPE:value,..." notation, whose separators it must not contain. */
static bool name_is_plain(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= 253 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_") ==
		       length;
}

static int add_names(X509 *certificate, const char *const *names)
{
	char value[MAX_NAMES];
	unsigned char address[sizeof(struct in6_addr)];
	size_t used = 0;

	for (; names && *names; names++) {
		bool literal = inet_pton(AF_INET, *names, address) == 1 ||
			       inet_pton(AF_INET6, *names, address) == 1;
		int n;

		if (!name_is_plain(*names) || (!literal && strchr(*names, ':')))
			return -EINVAL;
		n = snprintf(value + used, sizeof(value) - used, "%s%s:%s", used ? "," : "",
			literal ? "IP" : "DNS", *names);
		if (n < 0 || (size_t)n >= sizeof(value) - used)
			return -E2BIG;
		used += (size_t)n;
	}
	return used ? add_extension(certificate, NID_subject_alt_name, value) : 0;
}

static int set_serial(X509 *certificate)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number;
	int r = -ENOMEM;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, of full length */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	if (number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)))
		r = 0;
	BN_free(number);
	return r;
}

static int set_subject(X509 *certificate, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	if (!X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
		    (const unsigned char *)common_name, -1, -1, 0) ||
		!X509_set_issuer_name(certificate, name))
		return -EINVAL;
	return 0;
}

static int set_dates(X509 *certificate, const struct cert_request *request)
{
	time_t not_after = request->not_after;

	if (not_after == 0)
		not_after = add_years(request->not_before, CERT_VALID_YEARS);
	if (not_after < request->not_before)
		return -EINVAL;
	/* ASN1_TIME_set() takes UTCTime up to 2049 and GeneralizedTime after, as RFC 5280 wants. */
	if (!ASN1_TIME_set(X509_getm_notBefore(certificate), request->not_before) ||
		!ASN1_TIME_set(X509_getm_notAfter(certificate), not_after))
		return -EINVAL;
	return 0;
}

/*
 * The agent has keyAgreement beside digitalSignature because stock bmcweb demanded both up to 2023.
 * Not a CA: whoever trusts this certificate trusts this one key, and nothing that it might sign.
 */
static int add_extensions(X509 *certificate, const struct cert_request *request)
{
	bool agent = request->role == CERT_ROLE_AGENT;
	int r;

	r = add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE");
	if (r == 0)
		r = add_extension(certificate, NID_key_usage,
			agent ? "critical,digitalSignature,keyAgreement"
			      : "critical,digitalSignature");
	if (r == 0)
		r = add_extension(
			certificate, NID_ext_key_usage, agent ? "clientAuth" : "serverAuth");
	if (r == 0)
		r = add_extension(certificate, NID_subject_key_identifier, "hash");
	if (r == 0)
		r = add_names(certificate, request->names);
	return r;
}

static int fill_certificate(X509 *certificate, EVP_PKEY *key, const struct cert_request *request)
{
	int r;

	if (!X509_set_version(certificate, X509_VERSION_3) || !X509_set_pubkey(certificate, key))
		return -ENOMEM;
	r = set_serial(certificate);
	if (r == 0)
		r = set_dates(certificate, request);
	if (r == 0)
		r = set_subject(certificate, request->common_name);
	if (r == 0)
		r = add_extensions(certificate, request);
	if (r == 0 && !X509_sign(certificate, key, EVP_sha256()))
		r = -EIO;
	return r;
}

/*
 * As others will read it, before anything is built on it: where memory was short, OpenSSL has made
 * certificates without an error that nobody could verify.
 */
static int prove_certificate(X509 *certificate, EVP_PKEY *key)
{
	unsigned char *bytes = NULL;
	const unsigned char *at;
	X509 *copy = NULL;
	int length = i2d_X509(certificate, &bytes);
	int r = -EIO;

	at = bytes;
	if (length > 0)
		copy = d2i_X509(NULL, &at, length);
	if (copy && X509_verify(copy, key) == 1 && X509_check_private_key(copy, key) == 1 &&
		X509_NAME_cmp(X509_get_subject_name(copy), X509_get_issuer_name(copy)) == 0 &&
		X509_get_ext_count(copy) == X509_get_ext_count(certificate) &&
		X509_check_purpose(copy, -1, 0) == 1)
		r = 0;
	X509_free(copy);
	OPENSSL_free(bytes);
	return r;
}

int cert_pair_make(const struct cert_request *request, struct cert_pair *pair)
{
	struct cert_pair made = {0};
	int r;

	made.key = EVP_EC_gen("P-256");
	made.certificate = X509_new();
	if (!made.key || !made.certificate)
		r = -ENOMEM;
	else
		r = fill_certificate(made.certificate, made.key, request);
	if (r == 0)
		r = prove_certificate(made.certificate, made.key);
	if (r < 0) {
		cert_pair_clear(&made);
		return fail(r);
	}
	*pair = made;
	return 0;
}

int cert_pair_save(
	const struct cert_pair *pair, int dir_fd, const char *key_name, const char *cert_name)
{
	_cleanup_free_ char *pem = NULL;
	BIO *bio = BIO_new(BIO_s_secmem());
	char *data;
	long length;
	int r;

	if (!bio || !PEM_write_bio_PrivateKey(bio, pair->key, NULL, NULL, 0, NULL, NULL)) {
		BIO_free(bio);
		return fail(-ENOMEM);
	}
	length = BIO_get_mem_data(bio, &data);
	r = state_write_file(dir_fd, key_name, data, (size_t)length, 0600);
	BIO_free(bio);
	if (r == 0)
		r = cert_to_pem(pair->certificate, &pem);
	if (r == 0)
		r = state_write_file(dir_fd, cert_name, pem, strlen(pem), 0644);
	return r;
}

/* An encrypted key must fail; OpenSSL's own callback would ask on the terminal. */
static int no_password(char *buffer, int size, int writing, void *arg)
{
	return -1;
}

static int parse_key(const char *data, size_t length, EVP_PKEY **key)
{
	BIO *bio = BIO_new_mem_buf(data, (int)length);

	if (!bio)
		return fail(-ENOMEM);
	*key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	return *key ? 0 : fail(-EKEYREJECTED);
}

int cert_pair_load(int dir_fd, const char *key_name, const char *cert_name, struct cert_pair *pair)
{
	_cleanup_free_ char *cert_pem = NULL, *key_pem = NULL;
	struct cert_pair loaded = {0};
	size_t cert_length, key_length;
	int r;

	r = state_read_file(dir_fd, key_name, &key_pem, &key_length);
	if (r == 0)
		r = state_read_file(dir_fd, cert_name, &cert_pem, &cert_length);
	if (r != 0)
		return r == -EFBIG ? -EKEYREJECTED : r;

	r = parse_key(key_pem, key_length, &loaded.key);
	OPENSSL_cleanse(key_pem, key_length);
	if (r == 0)
		r = cert_from_pem(cert_pem, cert_length, &loaded.certificate);
	if (r == 0 && X509_check_private_key(loaded.certificate, loaded.key) != 1)
		r = -EKEYREJECTED;
	if (r < 0) {
		cert_pair_clear(&loaded);
		return fail(r);
	}
	*pair = loaded;
	return 0;
}

int cert_get_fingerprint(const X509 *certificate, unsigned char fingerprint[CERT_FINGERPRINT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	if (!X509_digest(certificate, EVP_sha256(), digest, &length) ||
		length != CERT_FINGERPRINT_SIZE)
		return fail(-EINVAL);
	memcpy(fingerprint, digest, CERT_FINGERPRINT_SIZE);
	return 0;
}

static int get_time(const ASN1_TIME *from, time_t *out)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(from, &tm))
		return fail(-EINVAL);
	*out = from_calendar(&tm);
	return 0;
}

int cert_get_dates(const X509 *certificate, time_t *not_before, time_t *not_after)
{
	time_t before, after;

	if (get_time(X509_get0_notBefore(certificate), &before) < 0 ||
		get_time(X509_get0_notAfter(certificate), &after) < 0)
		return -EINVAL;
	*not_before = before;
	*not_after = after;
	return 0;
}

int cert_to_pem(const X509 *certificate, char **pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *copy = NULL;
	long length;

	if (bio && PEM_write_bio_X509(bio, certificate)) {
		length = BIO_get_mem_data(bio, &data);
		copy = strndup(data, (size_t)length);
	}
	BIO_free(bio);
	if (!copy)
		return fail(-ENOMEM);
	*pem = copy;
	return 0;
}

int cert_from_pem(const char *pem, size_t length, X509 **certificate)
{
	X509 *parsed;
	BIO *bio;

	if (length > STATE_MAX_FILE)
		return -EKEYREJECTED;
	bio = BIO_new_mem_buf(pem, (int)length);
	if (!bio)
		return fail(-ENOMEM);
	parsed = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!parsed)
		return fail(-EKEYREJECTED);
	*certificate = parsed;
	return 0;
}
