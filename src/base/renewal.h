/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a certificate is to be renewed, and when a renewal that failed is tried again; and the files
 * of a pair that has a successor. Both ends stand on it. What decides is pure: wall times are
 * CLOCK_REALTIME seconds, waits are ms of one monotonic clock.
 */
#ifndef BMCLINK_BASE_RENEWAL_H
#define BMCLINK_BASE_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cert.h"

#define RENEWAL_LEAD_SECONDS (30 * 86400) /* before expiry; of a short life a third, if less */
#define RENEWAL_RETRY_MIN_MS 60000
#define RENEWAL_RETRY_MAX_MS (6 * 3600 * 1000)
#define RENEWAL_LOOK_MS	     (6 * 3600 * 1000) /* the clock may be set while we wait */

/* How long before expiry a certificate with these dates is renewed at the latest, in seconds. */
time_t renewal_get_lead(time_t not_before, time_t not_after);
/*
 * The moment of renewal: the lead before expiry, and up to a tenth of it sooner. seed (of the
 * certificate's fingerprint) says how much, so that hosts that were installed together do not renew
 * together, and a restart does not move the moment.
 */
time_t renewal_get_due(time_t not_before, time_t not_after, uint32_t seed);
uint32_t renewal_get_seed(const X509 *certificate);

struct renewal_backoff { /* zeroed: nothing failed yet */
	unsigned int failures;
	uint64_t until_ms;
};

/* A minute, doubling to six hours; the seed shortens it by up to a tenth. */
void renewal_fail(struct renewal_backoff *backoff, uint64_t now_ms, uint32_t seed);
/* How long to wait, in ms; 0: it may be tried. */
uint64_t renewal_get_wait(const struct renewal_backoff *backoff, uint64_t now_ms);

/*
 * A pair and its successor in four files. Two files cannot be renamed as one: the key goes first,
 * and a kill in between leaves the new key, the old certificate and the successor's certificate,
 * which renewal_load() finds and finishes.
 */
struct renewal_files {
	const char *key, *certificate, *next_key, *next_certificate;
};

/* As cert_pair_load(), finishing a promotion that was cut short. */
int renewal_load(int dir_fd, const struct renewal_files *files, struct cert_pair *pair);
/* The successor, after renewal_load(). What is not whole was never shown to anybody, and goes. */
void renewal_load_next(int dir_fd, const struct renewal_files *files, struct cert_pair *next);
/* The successor's files take the place of the pair's, durably. */
int renewal_promote(int dir_fd, const struct renewal_files *files);
int renewal_drop_next(int dir_fd, const struct renewal_files *files); /* 0 when there is none */

#endif
