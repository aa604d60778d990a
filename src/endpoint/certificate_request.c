/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/certificate_request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/state.h"
#include "base/text.h"
#include "base/util.h"

#define MAX_EXTENSION 1024

static int fail(int r)
{
	ERR_clear_error();
	return r;
}

static int add_part(X509_NAME *name, const char *part, const char *value)
{
	if (!value)
		return 0;
	if (!*value || !text_is_printable(value, CERTIFICATE_REQUEST_MAX_NAME))
		return -EINVAL;
	return X509_NAME_add_entry_by_txt(
		       name, part, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0)
		       ? 0
		       : fail(-EINVAL);
}

static int set_subject(X509_REQ *request, const struct certificate_subject *subject)
{
	const struct {
		const char *part, *value;
	} parts[] = {
		{"C",	      subject->country     },
		 {"ST",		subject->state	      },
		 {"L",	       subject->city	    },
		{"O",	      subject->organization},
		      {"OU",	     subject->unit	  },
		     {"CN",	    subject->common_name },
		{"emailAddress", subject->email       }
	};
	X509_NAME *name = X509_REQ_get_subject_name(request);
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++)
		r = add_part(name, parts[i].part, parts[i].value);
	return r;
}

/* Nothing of OpenSSL's syntax for extensions gets through. */
static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length < 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:*-") ==
		       length;
}

static int format_names(const struct certificate_subject *subject, char *out, size_t size)
{
	struct in6_addr address;
	size_t used = 0;

	for (unsigned int i = 0; i < subject->n_names; i++) {
		const char *name = subject->names[i];
		bool ip = inet_pton(AF_INET, name, &address) == 1 ||
			  inet_pton(AF_INET6, name, &address) == 1;

		if (!is_name(name) || (!ip && strchr(name, ':')))
			return -EINVAL;
		used += (size_t)snprintf(
			out + used, size - used, "%s%s:%s", i ? "," : "", ip ? "IP" : "DNS", name);
		if (used >= size)
			return -EINVAL;
	}
	return 0;
}

static int add_extensions(X509_REQ *request, const struct certificate_subject *subject)
{
	const struct {
		int nid;
		const char *value;
	} fixed[] = {
		{NID_key_usage,	"critical,digitalSignature"},
		      {NID_ext_key_usage, "serverAuth"		      }
	       };
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	char names[MAX_EXTENSION] = "";
	int r = format_names(subject, names, sizeof(names));

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fixed); i++) {
		X509_EXTENSION *one = X509V3_EXT_conf_nid(NULL, NULL, fixed[i].nid, fixed[i].value);

		r = one && sk_X509_EXTENSION_push(list, one) ? 0 : -ENOMEM;
	}
	if (r == 0 && names[0]) {
		X509_EXTENSION *one = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

		r = one && sk_X509_EXTENSION_push(list, one) ? 0 : -EINVAL;
	}
	if (r == 0 && !X509_REQ_add_extensions(request, list))
		r = -ENOMEM;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return r < 0 ? fail(r) : 0;
}

/* What is in a BIO as text of the caller's; frees the BIO. */
static int take_text(BIO *bio, char **text)
{
	char *data;
	long length = BIO_get_mem_data(bio, &data);

	*text = length > 0 ? strndup(data, (size_t)length) : NULL;
	BIO_free(bio);
	return *text ? 0 : -ENOMEM;
}

int certificate_request_make(const struct certificate_subject *subject, EVP_PKEY **key, char **pem)
{
	EVP_PKEY *made = EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	int r = made && request && bio && X509_REQ_set_pubkey(request, made) ? 0 : -ENOMEM;

	if (r == 0)
		r = set_subject(request, subject);
	if (r == 0)
		r = add_extensions(request, subject);
	if (r == 0 && (!X509_REQ_sign(request, made, EVP_sha256()) ||
			      !PEM_write_bio_X509_REQ(bio, request)))
		r = -EIO;
	X509_REQ_free(request);
	if (r == 0)
		r = take_text(bio, pem);
	else
		BIO_free(bio);
	if (r < 0) {
		EVP_PKEY_free(made);
		return fail(r);
	}
	*key = made;
	return 0;
}

int certificate_request_save_key(EVP_PKEY *key, int dir_fd, const char *name)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *data;
	long length;
	int r;

	if (!bio || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		BIO_free(bio);
		return fail(-ENOMEM);
	}
	length = BIO_get_mem_data(bio, &data);
	r = state_write_file(dir_fd, name, data, (size_t)length, 0600);
	BIO_free(bio);
	return r;
}

/* An encrypted key must fail; OpenSSL's own callback would ask on the terminal. */
static int no_password(char *buffer, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_key(const char *pem, size_t length)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

int certificate_request_load_key(int dir_fd, const char *name, EVP_PKEY **key)
{
	char *pem = NULL;
	size_t length;
	int r = state_read_file(dir_fd, name, &pem, &length);

	if (r < 0)
		return r;
	*key = read_key(pem, length);
	OPENSSL_cleanse(pem, length);
	free(pem);
	return *key ? 0 : -EKEYREJECTED;
}

static int read_certificate(const char *pem, size_t length, X509 **certificate)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	X509 *first = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
	X509 *second = first ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	if (first && !second) {
		*certificate = first;
		return 0;
	}
	X509_free(first);
	X509_free(second);
	return -EBADMSG;
}

static int find_key(struct cert_pair *pair, const char *pem, size_t length,
	EVP_PKEY *const *candidates, unsigned int n_candidates)
{
	EVP_PKEY *given = read_key(pem, length);

	if (given && X509_check_private_key(pair->certificate, given) == 1) {
		pair->key = given;
		return 0;
	}
	EVP_PKEY_free(given);
	for (unsigned int i = 0; !given && i < n_candidates; i++) {
		if (!candidates[i] || X509_check_private_key(pair->certificate, candidates[i]) != 1)
			continue;
		if (!EVP_PKEY_up_ref(candidates[i]))
			return -ENOMEM;
		pair->key = candidates[i];
		return 0;
	}
	return fail(-EKEYREJECTED);
}

/* ECDSA or RSA of today's strength; its extensions, if any, allow a server. */
static bool is_useful(const struct cert_pair *pair)
{
	int kind = EVP_PKEY_get_base_id(pair->key), bits = EVP_PKEY_get_security_bits(pair->key);
	bool useful = (kind == EVP_PKEY_EC || kind == EVP_PKEY_RSA) && bits >= 112 &&
		      X509_check_purpose(pair->certificate, X509_PURPOSE_SSL_SERVER, 0) == 1;

	ERR_clear_error();
	return useful;
}

int certificate_read(const char *pem, size_t length, EVP_PKEY *const *candidates,
	unsigned int n_candidates, struct cert_pair *pair, const char **why)
{
	struct cert_pair made = {0};
	int r = read_certificate(pem, length, &made.certificate);

	*why = "one certificate in PEM form is expected";
	if (r < 0)
		return r;
	*why = "its private key is neither with it nor of a request that was made here";
	r = find_key(&made, pem, length, candidates, n_candidates);
	if (r == 0 && !is_useful(&made)) {
		*why = "a TLS server cannot use it";
		r = -EINVAL;
	}
	if (r < 0) {
		cert_pair_clear(&made);
		return r;
	}
	*pair = made;
	return 0;
}
