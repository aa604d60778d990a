/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which hosts this BMC knows, and when a new one may become known. Pure but for trust_load() and
 * trust_save(); the caller brings the clocks.
 *
 * A host is known by the fingerprint of its certificate. Trust is made only while the enrolment
 * window is open: it opens (for ten minutes by default) when the store is empty at start, on
 * forget, on a notice that the host was reset or powered on, when every known certificate has
 * expired, by the administrator, and for the first host that has a certificate where hosts were
 * served without TLS until now. One enrolment closes it.
 */
#ifndef BMCLINK_ENDPOINT_TRUST_H
#define BMCLINK_ENDPOINT_TRUST_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/cert.h"

#define TRUST_MAX_KNOWN 8		      /* a host with two systems has two */
#define TRUST_MAX_ALL	(2 * TRUST_MAX_KNOWN) /* each may have its successor beside it */
#define TRUST_MAX_PEM	8192
#define TRUST_FILE	"trust.json"

struct trust_clock {
	time_t now;	 /* CLOCK_REALTIME */
	time_t build;	 /* a clock before this was never set: dates are skipped */
	int64_t mono_ms; /* CLOCK_BOOTTIME or such: the window is a duration, not a date */
};

struct trust_certificate {
	unsigned char fingerprint[CERT_FINGERPRINT_SIZE];
	time_t not_after;
};

struct trust_known {
	unsigned int id; /* of the resource; never used again */
	struct trust_certificate certificate;
	time_t added;
	unsigned int replaces; /* id of the certificate that goes when this one is used; or 0 */
	bool knows_next; /* it trusts our next certificate; in memory only: it says so again */
	char *pem;	 /* owned */
};

enum trust_reason { /* why the window was opened */
	TRUST_REASON_EMPTY,
	TRUST_REASON_FORGET,
	TRUST_REASON_HOST_RESET,
	TRUST_REASON_EXPIRED,
	TRUST_REASON_ADMINISTRATOR,
	TRUST_REASON_WAS_PLAIN,
};

struct trust {
	struct trust_known known[TRUST_MAX_ALL];
	unsigned int n_known;
	unsigned int next_id;
	unsigned int window_minutes; /* how long a window is open; set by the owner */
	bool window_open;
	enum trust_reason window_reason;
	int64_t window_until_ms;
	bool was_plain; /* a host was served without TLS, and none has enrolled since */
};

enum trust_verdict {
	TRUST_VERDICT_KNOWN,
	TRUST_VERDICT_ENROLLING, /* unknown, and the window is open */
	TRUST_VERDICT_UNKNOWN,
	TRUST_VERDICT_EXPIRED,
};

bool trust_clock_unset(const struct trust_clock *clock);
enum trust_verdict trust_judge(const struct trust *trust,
	const struct trust_certificate *certificate, const struct trust_clock *clock);
const char *trust_verdict_text(enum trust_verdict verdict);

/* True: it was closed and is open now. Open already: its time starts over. */
bool trust_window_open(
	struct trust *trust, enum trust_reason reason, const struct trust_clock *clock);
void trust_window_close(struct trust *trust);
bool trust_window_is_open(const struct trust *trust, const struct trust_clock *clock);
const char *trust_reason_text(enum trust_reason reason);

/* A host is served without TLS. True where that is news that must be kept: nobody is known. */
bool trust_note_plain(struct trust *trust);
/* True when all known certificates have expired (and there are some). */
bool trust_all_expired(const struct trust *trust, const struct trust_clock *clock);
/* The first expiry after now; 0: none. */
time_t trust_next_expiry(const struct trust *trust, const struct trust_clock *clock);

/*
 * Renewal by a known host: its next certificate beside the one it has (id replaced), which goes
 * when the next one is used for the first time. One may wait at a time. The window is not touched,
 * and no other host has to make room.
 */
int trust_renew(struct trust *trust, unsigned int replaced,
	const struct trust_certificate *certificate, const char *pem,
	const struct trust_clock *clock);
/* This certificate was used: returns the id of the one that it replaces, once; else 0. */
unsigned int trust_take_replaced(
	struct trust *trust, const unsigned char fingerprint[CERT_FINGERPRINT_SIZE]);

/* Our own next certificate (rollover.h): the host of this one trusts it; false: it is not known. */
bool trust_note_next(struct trust *trust, const unsigned char fingerprint[CERT_FINGERPRINT_SIZE]);
/* True when there is a host that can connect, and all of them trust it. */
bool trust_all_know_next(const struct trust *trust, const struct trust_clock *clock);
void trust_forget_next(struct trust *trust); /* it is another one, or none, from now on */

/*
 * Make a certificate known (pem is copied) and close the window. -EEXIST: known already. When the
 * store is full an expired one goes, else the oldest. -ENOMEM leaves all as it was.
 */
int trust_add(struct trust *trust, const struct trust_certificate *certificate, const char *pem,
	const struct trust_clock *clock);
const struct trust_known *trust_find(
	const struct trust *trust, const unsigned char fingerprint[CERT_FINGERPRINT_SIZE]);
const struct trust_known *trust_find_id(const struct trust *trust, unsigned int id);
/* With the successor that it named: whoever had its key named that. -ENOENT */
int trust_remove_id(struct trust *trust, unsigned int id);
/* All of it, for a change that is true once it is saved. -ENOMEM: copy knows nobody. */
int trust_copy(const struct trust *trust, struct trust *copy);
void trust_clear(struct trust *trust); /* forget all; frees */

/*
 * The known certificates and was_plain in TRUST_FILE of a directory; the window is not kept: a
 * restart of an empty store opens it anew. Load: no file is an empty store; -EBADMSG: the file is
 * not ours to understand, trust stays empty.
 */
int trust_load(struct trust *trust, int dir_fd);
int trust_save(const struct trust *trust, int dir_fd);

/* Read a certificate; *canonical (may be NULL) is its PEM form without anything around it, which
 * the caller frees. -EINVAL: not a certificate. */
int trust_read_pem(
	const char *pem, size_t length, struct trust_certificate *certificate, char **canonical);

#endif
