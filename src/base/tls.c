/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/text.h"
#include "base/util.h"

/*
 * Security level 0 (below) would let in everything that OpenSSL was built with, therefore all three
 * lists are explicit: forward secrecy only, AEAD first; the CBC suites are there for TLS 1.1, which
 * knows nothing better. Their MAC is HMAC-SHA1, the only one that TLS 1.1 has.
 */
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
			      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:"
			      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_legacy[] = ":ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
				     "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA";
static const char ciphers_1_3[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
				  "TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384";
static const char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:"
				 "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
				 "RSA+SHA256:RSA+SHA384:RSA+SHA512";

struct version_row {
	enum tls_version version;
	int openssl;
	const char *name;
};

static const struct version_row versions[] = {
	{TLS_1_0, TLS1_VERSION,	"TLS 1.0"},
	{TLS_1_1, TLS1_1_VERSION, "TLS 1.1"},
	{TLS_1_2, TLS1_2_VERSION, "TLS 1.2"},
	{TLS_1_3, TLS1_3_VERSION, "TLS 1.3"},
};

int tls_init(void)
{
	return OPENSSL_init_crypto(0, NULL) == 1 && OPENSSL_init_ssl(0, NULL) == 1 &&
			       OSSL_LIB_CTX_get0_global_default() &&
			       SSL_get_ex_data_X509_STORE_CTX_idx() >= 0 && RAND_status() == 1
		       ? 0
		       : -ENOMEM;
}

const char *tls_version_name(enum tls_version version)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (versions[i].version == version)
			return versions[i].name;
	}
	return "none";
}

enum tls_version tls_version_from_openssl(int version)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (versions[i].openssl == version)
			return versions[i].version;
	}
	return TLS_NONE;
}

int tls_version_to_openssl(enum tls_version version)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (versions[i].version == version)
			return versions[i].openssl;
	}
	return 0;
}

static int set_algorithms(SSL_CTX *context, bool legacy)
{
	char list[512];

	snprintf(list, sizeof(list), "%s%s", ciphers, legacy ? ciphers_legacy : "");
	/* TLS 1.1 signs with SHA-1, which OpenSSL 3 has at level 0 only. */
	SSL_CTX_set_security_level(context, legacy ? 0 : 2);
	if (!SSL_CTX_set_cipher_list(context, list) ||
		!SSL_CTX_set_ciphersuites(context, ciphers_1_3) ||
		!SSL_CTX_set1_groups_list(context, groups) ||
		!SSL_CTX_set1_sigalgs_list(context, signatures))
		return -EINVAL;
	return 0;
}

/*
 * A resumed session skips the verification of certificates, so that trust which was taken away
 * would live on in it: no tickets, no cache, on both ends.
 */
static void set_options(SSL_CTX *context, bool server)
{
	SSL_CTX_set_options(
		context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (!server)
		return;
	SSL_CTX_set_num_tickets(context, 0);
	/* Clients that close without close_notify are the rule, not an error worth an alert. */
	SSL_CTX_set_options(
		context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

int tls_context_apply(
	SSL_CTX *context, const struct tls_policy *policy, const struct cert_pair *pair)
{
	if (policy->minimum < TLS_1_1 || policy->maximum < policy->minimum ||
		policy->maximum > TLS_1_3)
		return -EINVAL;
	if (!SSL_CTX_set_min_proto_version(context, tls_version_to_openssl(policy->minimum)) ||
		!SSL_CTX_set_max_proto_version(context, tls_version_to_openssl(policy->maximum)))
		return -EINVAL;
	if (set_algorithms(context, policy->minimum < TLS_1_2) < 0)
		return -EINVAL;
	set_options(context, policy->server);
	if (!pair || !pair->certificate)
		return 0;
	if (SSL_CTX_use_certificate(context, pair->certificate) != 1 ||
		SSL_CTX_use_PrivateKey(context, pair->key) != 1)
		return -EKEYREJECTED;
	return 0;
}

void tls_take_error(char *out, size_t size)
{
	const char *data = NULL;
	char text[256];
	unsigned long code;
	int flags = 0;

	/* The first in the queue is the cause; the later ones are who passed it on. */
	code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	if (code == 0) {
		text_make_printable("no error", strlen("no error"), out, size);
		return;
	}
	if (ERR_SYSTEM_ERROR(code))
		snprintf(text, sizeof(text), "%s", strerror(ERR_GET_REASON(code)));
	else
		snprintf(text, sizeof(text), "%s%s%s",
			ERR_reason_error_string(code) ?: "unknown error",
			(flags & ERR_TXT_STRING) && data && *data ? ": " : "",
			(flags & ERR_TXT_STRING) && data ? data : "");
	text_make_printable(text, strlen(text), out, size);
	ERR_clear_error();
}
