/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both ends' TLS has in common: versions, ciphers, no resumption, our own verification.
 * TLS 1.1 needs OpenSSL's security level 0, therefore the cipher list is explicit and strong.
 */
#ifndef BMCLINK_BASE_TLS_H
#define BMCLINK_BASE_TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/cert.h"

enum tls_version { TLS_NONE = 0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };

/*
 * Once, before anything else of OpenSSL. -ENOMEM: it could not be set up, and must not be used: 3.0
 * does not look again, and crashes.
 */
int tls_init(void);

const char *tls_version_name(enum tls_version version); /* "TLS 1.3"; "none" */
enum tls_version tls_version_from_openssl(int version);
int tls_version_to_openssl(enum tls_version version);

struct tls_policy {
	enum tls_version minimum, maximum; /* TLS_1_1 is the lowest that the mandate allows */
	bool server;
};

/*
 * Apply the policy and the pair to a context made by the caller or by libcurl: versions, ciphers,
 * no tickets, no cache, no renegotiation, no compression. The verify callback is the caller's
 * business.
 */
int tls_context_apply(
	SSL_CTX *context, const struct tls_policy *policy, const struct cert_pair *pair);

/* One line of the OpenSSL error queue, printable; empties the queue. */
void tls_take_error(char *out, size_t size);

#endif
