/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust store's file: trust.json in the worker's state directory. Each change is durable before
 * the function returns; when it cannot be made durable, the store in memory stays as it was.
 */
#ifndef BMCLINK_HOST_TRUST_STORE_H
#define BMCLINK_HOST_TRUST_STORE_H

#include "host/link/trust.h"

#define TRUST_STORE_FILE "trust.json"

/*
 * Read the store. 0; -ENOENT: there is no file, the store trusts nobody and its window is closed;
 * -EBADMSG: the file cannot be understood, the store is set to damaged. A missing or damaged file
 * never opens a window: trust_store_reset() does, at a fresh installation (identity.h) or when an
 * administrator asks. Other negative errno: damaged, too. The store is always set.
 */
int trust_store_load(int dir_fd, struct trust_store *store);

/* Forget everything and open the window. */
int trust_store_reset(int dir_fd, struct trust_store *store);
/* Pin this BMC and close the window; it has spoken TLS, or will. */
int trust_store_pin(int dir_fd, struct trust_store *store,
	const unsigned char fingerprint[CERT_FINGERPRINT_SIZE], time_t now);
/* As it says, and how; trust_store_pin() is for first use. */
int trust_store_pin_as(int dir_fd, struct trust_store *store,
	const unsigned char fingerprint[CERT_FINGERPRINT_SIZE], enum trust_how how, time_t now);
extern const char *const trust_how_names[]; /* "", "first-use", "kcs", "pinned" */
/* The BMC knows us: nothing is asked for over IPMI any more. Writes only when it is news. */
int trust_store_end_enrolling(int dir_fd, struct trust_store *store);
/*
 * The pinned BMC's next certificate beside the pin; NULL: none is announced any more. For the
 * caller to make sure that the pinned BMC itself said so. -ENOENT: none is pinned. Writes only when
 * it is news.
 */
int trust_store_set_next(int dir_fd, struct trust_store *store, const unsigned char *fingerprint);
/* The next certificate was shown: it is the pin from now on, the only one. */
int trust_store_promote(int dir_fd, struct trust_store *store, time_t now);
/* Remember that the BMC has TLS: plain is a downgrade from now on. Writes only when it is news. */
int trust_store_note_tls(int dir_fd, struct trust_store *store);
/* The window closes with the first connection, also with one without TLS. Writes only when open. */
int trust_store_close_window(int dir_fd, struct trust_store *store);

#endif
