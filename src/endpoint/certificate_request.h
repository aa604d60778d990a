/* SPDX-License-Identifier: Apache-2.0 */
/* A key and a request for a certificate of it (PKCS #10), and the certificate that comes back. */
#ifndef BMCLINK_ENDPOINT_CERTIFICATE_REQUEST_H
#define BMCLINK_ENDPOINT_CERTIFICATE_REQUEST_H

#include "base/cert.h"

#define CERTIFICATE_REQUEST_MAX_NAME  64 /* bytes of one part of the subject, RFC 5280 */
#define CERTIFICATE_REQUEST_MAX_NAMES 16

struct certificate_subject { /* NULL: not given */
	const char *common_name, *organization, *unit, *city, *state, *country, *email;
	/* Subject alternative names: DNS names and IP literals. */
	const char *names[CERTIFICATE_REQUEST_MAX_NAMES];
	unsigned int n_names;
};

/* ECDSA P-256. -EINVAL: a part of the subject is not one. The caller frees both. */
int certificate_request_make(const struct certificate_subject *subject, EVP_PKEY **key, char **pem);
int certificate_request_save_key(EVP_PKEY *key, int dir_fd, const char *name);
int certificate_request_load_key(int dir_fd, const char *name, EVP_PKEY **key);

/*
 * Read one certificate in PEM form, with its private key behind or before it or without: then the
 * key is one of the candidates (NULL: none). -EBADMSG: not one certificate; -EKEYREJECTED: no key
 * of it; -EINVAL: a server cannot use it. *why: static text.
 */
int certificate_read(const char *pem, size_t length, EVP_PKEY *const *candidates,
	unsigned int n_candidates, struct cert_pair *pair, const char **why);

#endif
