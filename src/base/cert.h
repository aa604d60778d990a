/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Self-signed certificates, ECDSA P-256, 10 years, and their fingerprints (SHA-256 of the DER form,
 * as DSP0270 1.3 clause "Get Manager Certificate Fingerprint" has it).
 */
#ifndef BMCLINK_BASE_CERT_H
#define BMCLINK_BASE_CERT_H

#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#define CERT_FINGERPRINT_SIZE 32
#define CERT_VALID_YEARS      10

struct cert_pair {
	EVP_PKEY *key;
	X509 *certificate;
};

enum cert_role {
	CERT_ROLE_AGENT,
	CERT_ROLE_BMC
}; /* extended key usage: clientAuth or serverAuth */

struct cert_request {
	enum cert_role role;
	const char *common_name;
	const char *const
		*names; /* subject alternative names: DNS or IP literals; NULL ends; may be NULL */
	time_t not_before; /* now, or the build date where the clock is unset */
	time_t not_after;  /* 0: not_before + 10 years */
};

int cert_pair_make(const struct cert_request *request, struct cert_pair *pair);
/* Key file mode 0600, certificate 0644, both PEM, written durably under dir_fd (state.h). */
int cert_pair_save(
	const struct cert_pair *pair, int dir_fd, const char *key_name, const char *cert_name);
/* -ENOENT: not there. -EKEYREJECTED: unreadable, or key and certificate do not belong together. */
int cert_pair_load(int dir_fd, const char *key_name, const char *cert_name, struct cert_pair *pair);
void cert_pair_clear(struct cert_pair *pair); /* frees, sets NULL; safe at any time */

int cert_get_fingerprint(const X509 *certificate, unsigned char fingerprint[CERT_FINGERPRINT_SIZE]);
int cert_get_dates(const X509 *certificate, time_t *not_before, time_t *not_after);
/* PEM text; caller frees. */
int cert_to_pem(const X509 *certificate, char **pem);
int cert_from_pem(const char *pem, size_t length, X509 **certificate);

#endif
