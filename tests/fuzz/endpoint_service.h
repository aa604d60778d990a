/* SPDX-License-Identifier: Apache-2.0 */
/* A whole endpoint in this process, without a NIC: connections are socket pairs. */
#ifndef BMCLINK_TESTS_ENDPOINT_SERVICE_H
#define BMCLINK_TESTS_ENDPOINT_SERVICE_H

#include "endpoint/connection_priv.h"
#include "endpoint/service.h"
#include "fuzz.h"

#define FUZZ_PASSWORD "fuzz-fuzz"  /* of the administrator */
#define FUZZ_TOKEN    "fuzz-token" /* of a session of his */

enum principal {
	PRINCIPAL_PLAIN,     /* the host of a service without TLS */
	PRINCIPAL_REFUSED,   /* on the plain port of a service with TLS */
	PRINCIPAL_NOBODY,    /* TLS, no certificate: what follows may log in */
	PRINCIPAL_HOST,	     /* data/host.crt, known */
	PRINCIPAL_GUEST,     /* data/guest.crt, enrolling: the window is open */
	PRINCIPAL_HANDSHAKE, /* the bytes of TLS itself */
	PRINCIPAL_COUNT,
};

struct service *endpoint_service_start(void); /* once a process */
void endpoint_service_reset(struct service *service, enum principal principal);
/* Is what the service knows of hosts, passwords and sessions as endpoint_service_reset() made it?
 */
bool endpoint_service_is_untouched(const struct service *service);

/* Send in, in pieces, over a connection of its own; until it is closed. The answer's beginning is
 * in answer (size bytes, NUL behind it). */
void endpoint_service_talk(struct service *service, enum principal principal, struct fuzz_input *in,
	uint32_t seed, char *answer, size_t size);

#endif
