/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the BMC says over IPMI (DSP0270 1.3, credential bootstrapping): the fingerprints of its
 * certificates, and an account to begin with. Pure: bytes of an answer in, meaning out. As lenient
 * as shipped firmware asks for, and no more: docs/decisions.md.
 */
#ifndef BMCLINK_HOST_KCS_H
#define BMCLINK_HOST_KCS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cert.h"
#include "base/ipmi.h"

#define KCS_MAX_CERTIFICATES 8

enum kcs_status {
	KCS_OK,
	KCS_DISABLED,	    /* 80h: switched off, or somebody was first */
	KCS_NOT_THERE,	    /* C1h and its like: the BMC does not know the command */
	KCS_NO_CERTIFICATE, /* CBh: not this number */
	KCS_REFUSED,	    /* any other completion code */
	KCS_BROKEN,	    /* no answer to this question */
};

struct kcs_credentials {
	char user[IPMI_FIELD + 1], password[IPMI_FIELD + 1];
};

/* bytes: completion code, then the data. What is put out is untouched unless KCS_OK. */
enum kcs_status kcs_read_fingerprint(
	const uint8_t *bytes, size_t length, unsigned char fingerprint[CERT_FINGERPRINT_SIZE]);
/* The caller wipes the credentials. */
enum kcs_status kcs_read_credentials(
	const uint8_t *bytes, size_t length, struct kcs_credentials *credentials);

/* A sentence for people, without a full stop. */
void kcs_explain(
	enum kcs_status status, const uint8_t *bytes, size_t length, char *out, size_t size);

#endif
