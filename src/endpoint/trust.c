/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool trust_clock_unset(const struct trust_clock *clock)
{
	return clock->now < clock->build;
}

static bool has_expired(const struct trust_certificate *c, const struct trust_clock *clock)
{
	return !trust_clock_unset(clock) && c->not_after < clock->now;
}

/*
 * The date of "not before" is not looked at: the certificate is known by its fingerprint or taken
 * in the window, and a BMC whose clock is a little behind must not refuse a certificate that its
 * host has made just now.
 */
enum trust_verdict trust_judge(const struct trust *trust,
	const struct trust_certificate *certificate, const struct trust_clock *clock)
{
	if (has_expired(certificate, clock))
		return TRUST_VERDICT_EXPIRED;
	if (trust_find(trust, certificate->fingerprint))
		return TRUST_VERDICT_KNOWN;
	return trust_window_is_open(trust, clock) ? TRUST_VERDICT_ENROLLING : TRUST_VERDICT_UNKNOWN;
}

const char *trust_verdict_text(enum trust_verdict verdict)
{
	switch (verdict) {
	case TRUST_VERDICT_KNOWN:
		return "known";
	case TRUST_VERDICT_ENROLLING:
		return "unknown, and the enrolment window is open";
	case TRUST_VERDICT_UNKNOWN:
		return "it is not known, and the enrolment window is closed";
	case TRUST_VERDICT_EXPIRED:
		return "it has expired";
	}
	return "";
}

bool trust_window_open(
	struct trust *trust, enum trust_reason reason, const struct trust_clock *clock)
{
	bool was_open = trust_window_is_open(trust, clock);

	trust->window_open = true;
	trust->window_until_ms = clock->mono_ms + (int64_t)trust->window_minutes * 60 * 1000;
	trust->window_reason = reason;
	return !was_open;
}

void trust_window_close(struct trust *trust)
{
	trust->window_open = false;
}

bool trust_window_is_open(const struct trust *trust, const struct trust_clock *clock)
{
	return trust->window_open && clock->mono_ms < trust->window_until_ms;
}

const char *trust_reason_text(enum trust_reason reason)
{
	switch (reason) {
	case TRUST_REASON_EMPTY:
		return "no host is known yet";
	case TRUST_REASON_FORGET:
		return "the host was forgotten";
	case TRUST_REASON_HOST_RESET:
		return "the host was reset or powered on";
	case TRUST_REASON_EXPIRED:
		return "the known certificate has expired";
	case TRUST_REASON_ADMINISTRATOR:
		return "opened by the administrator";
	case TRUST_REASON_WAS_PLAIN:
		return "hosts were served without TLS until now, and none has enrolled";
	}
	return "";
}

bool trust_note_plain(struct trust *trust)
{
	if (trust->n_known || trust->was_plain)
		return false;
	trust->was_plain = true;
	return true;
}

bool trust_all_expired(const struct trust *trust, const struct trust_clock *clock)
{
	for (unsigned int i = 0; i < trust->n_known; i++) {
		if (!has_expired(&trust->known[i].certificate, clock))
			return false;
	}
	return trust->n_known > 0;
}

time_t trust_next_expiry(const struct trust *trust, const struct trust_clock *clock)
{
	time_t next = 0;

	for (unsigned int i = 0; i < trust->n_known; i++) {
		time_t t = trust->known[i].certificate.not_after;

		if (t >= clock->now && (!next || t < next))
			next = t;
	}
	return next;
}

static void remove_at(struct trust *trust, unsigned int i)
{
	free(trust->known[i].pem);
	memmove(&trust->known[i], &trust->known[i + 1],
		(trust->n_known - i - 1) * sizeof(trust->known[0]));
	trust->n_known--;
}

static unsigned int find_index(const struct trust *trust, unsigned int id)
{
	unsigned int i = 0;

	while (i < trust->n_known && trust->known[i].id != id)
		i++;
	return i;
}

static void remove_successors(struct trust *trust, unsigned int id)
{
	for (unsigned int i = trust->n_known; i-- > 0;) {
		if (trust->known[i].replaces == id)
			remove_at(trust, i);
	}
}

/* Successors that wait do not count: their hosts do. */
static unsigned int count_hosts(const struct trust *trust)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < trust->n_known; i++)
		n += trust->known[i].replaces == 0;
	return n;
}

/* An expired one goes, else the oldest. */
static void make_room(struct trust *trust, const struct trust_clock *clock)
{
	unsigned int victim = TRUST_MAX_ALL;

	if (count_hosts(trust) < TRUST_MAX_KNOWN)
		return;
	for (unsigned int i = 0; i < trust->n_known; i++) {
		bool expired = has_expired(&trust->known[i].certificate, clock);

		if (trust->known[i].replaces || (victim < TRUST_MAX_ALL && !expired))
			continue;
		victim = i;
		if (expired)
			break;
	}
	trust_remove_id(trust, trust->known[victim].id);
}

/* replaces: see struct trust_known. */
static int add(struct trust *trust, const struct trust_certificate *certificate, const char *pem,
	unsigned int replaces, const struct trust_clock *clock)
{
	char *copy;

	if (trust_find(trust, certificate->fingerprint))
		return -EEXIST;
	copy = strdup(pem);
	if (!copy)
		return -ENOMEM;
	if (replaces)
		remove_successors(trust, replaces);
	else
		make_room(trust, clock);
	if (!trust->next_id)
		trust->next_id = 1;
	trust->known[trust->n_known++] = (struct trust_known){
		.id = trust->next_id++,
		.certificate = *certificate,
		.added = clock->now,
		.replaces = replaces,
		.pem = copy,
	};
	return 0;
}

int trust_add(struct trust *trust, const struct trust_certificate *certificate, const char *pem,
	const struct trust_clock *clock)
{
	int r = add(trust, certificate, pem, 0, clock);

	if (r < 0)
		return r;
	trust_window_close(trust);
	trust->was_plain = false;
	return 0;
}

int trust_renew(struct trust *trust, unsigned int replaced,
	const struct trust_certificate *certificate, const char *pem,
	const struct trust_clock *clock)
{
	const struct trust_known *known = trust_find_id(trust, replaced);

	/* One that waits itself has not been used: it cannot name its own. */
	if (!known || known->replaces)
		return -ENOENT;
	return add(trust, certificate, pem, replaced, clock);
}

unsigned int trust_take_replaced(
	struct trust *trust, const unsigned char fingerprint[CERT_FINGERPRINT_SIZE])
{
	unsigned int replaced = 0;

	for (unsigned int i = 0; i < trust->n_known; i++) {
		struct trust_known *known = &trust->known[i];

		if (memcmp(known->certificate.fingerprint, fingerprint, CERT_FINGERPRINT_SIZE) != 0)
			continue;
		replaced = known->replaces;
		known->replaces = 0;
	}
	return replaced;
}

bool trust_note_next(struct trust *trust, const unsigned char fingerprint[CERT_FINGERPRINT_SIZE])
{
	for (unsigned int i = 0; i < trust->n_known; i++) {
		struct trust_known *known = &trust->known[i];

		if (memcmp(known->certificate.fingerprint, fingerprint, CERT_FINGERPRINT_SIZE) != 0)
			continue;
		known->knows_next = true;
		return true;
	}
	return false;
}

bool trust_all_know_next(const struct trust *trust, const struct trust_clock *clock)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < trust->n_known; i++) {
		const struct trust_known *known = &trust->known[i];

		/* One that waits to be used is of a host that has another. */
		if (known->replaces || has_expired(&known->certificate, clock))
			continue;
		if (!known->knows_next)
			return false;
		n++;
	}
	return n > 0;
}

void trust_forget_next(struct trust *trust)
{
	for (unsigned int i = 0; i < trust->n_known; i++)
		trust->known[i].knows_next = false;
}

const struct trust_known *trust_find(
	const struct trust *trust, const unsigned char fingerprint[CERT_FINGERPRINT_SIZE])
{
	for (unsigned int i = 0; i < trust->n_known; i++) {
		if (memcmp(trust->known[i].certificate.fingerprint, fingerprint,
			    CERT_FINGERPRINT_SIZE) == 0)
			return &trust->known[i];
	}
	return NULL;
}

const struct trust_known *trust_find_id(const struct trust *trust, unsigned int id)
{
	for (unsigned int i = 0; i < trust->n_known; i++) {
		if (trust->known[i].id == id)
			return &trust->known[i];
	}
	return NULL;
}

int trust_remove_id(struct trust *trust, unsigned int id)
{
	unsigned int i = find_index(trust, id);

	if (i == trust->n_known)
		return -ENOENT;
	remove_at(trust, i);
	remove_successors(trust, id);
	return 0;
}

int trust_copy(const struct trust *trust, struct trust *copy)
{
	*copy = *trust;
	for (unsigned int i = 0; i < trust->n_known; i++) {
		copy->known[i].pem = strdup(trust->known[i].pem);
		if (!copy->known[i].pem) {
			copy->n_known = i;
			trust_clear(copy);
			return -ENOMEM;
		}
	}
	return 0;
}

void trust_clear(struct trust *trust)
{
	while (trust->n_known)
		remove_at(trust, trust->n_known - 1);
}
