/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate in PEM, as a file or from the other end. */
#include <stdlib.h>
#include <string.h>

#include "base/cert.h"
#include "endpoint/trust.h"
#include "fuzz.h"

static void check(X509 *certificate)
{
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE], again[CERT_FINGERPRINT_SIZE];
	time_t not_before, not_after;
	X509 *second = NULL;
	char *pem = NULL;

	FUZZ_CHECK(cert_get_fingerprint(certificate, fingerprint) == 0);
	cert_get_dates(certificate, &not_before, &not_after);
	FUZZ_CHECK(cert_to_pem(certificate, &pem) == 0);
	FUZZ_CHECK(cert_from_pem(pem, strlen(pem), &second) == 0);
	FUZZ_CHECK(cert_get_fingerprint(second, again) == 0);
	FUZZ_CHECK(memcmp(fingerprint, again, sizeof(again)) == 0);
	X509_free(second);
	free(pem);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_certificate certificate;
	X509 *x = NULL;
	char *canonical = NULL, *again = NULL;

	if (cert_from_pem((const char *)data, size, &x) == 0)
		check(x);
	X509_free(x);
	if (trust_read_pem((const char *)data, size, &certificate, &canonical) == 0) {
		FUZZ_CHECK(trust_read_pem(canonical, strlen(canonical), &certificate, &again) == 0);
		FUZZ_CHECK(strcmp(canonical, again) == 0);
		free(again);
		free(canonical);
	}
	return 0;
}
