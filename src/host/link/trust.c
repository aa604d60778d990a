/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/trust.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Alert descriptions, RFC 8446 clause 6.2 and (86) RFC 7507. */
enum alert {
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_BAD_CERTIFICATE = 42,
	ALERT_UNSUPPORTED_CERTIFICATE = 43,
	ALERT_CERTIFICATE_REVOKED = 44,
	ALERT_CERTIFICATE_EXPIRED = 45,
	ALERT_CERTIFICATE_UNKNOWN = 46,
	ALERT_UNKNOWN_CA = 48,
	ALERT_ACCESS_DENIED = 49,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INSUFFICIENT_SECURITY = 71,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_INAPPROPRIATE_FALLBACK = 86,
	ALERT_CERTIFICATE_REQUIRED = 116,
};

bool trust_clock_unset(const struct trust_clock *clock)
{
	return clock->now < clock->build;
}

/* RFC 5280 4.1.2.5: the moment not_after itself is still within the validity. */
bool trust_own_expired(time_t own_not_after, const struct trust_clock *clock)
{
	return !trust_clock_unset(clock) && clock->now > own_not_after;
}

/*
 * not_before is not looked at: a BMC whose clock runs a little ahead makes a certificate that is
 * "not yet valid" here, and the pin already says more than the date could.
 */
static enum trust_verdict check_date(const struct trust_peer *peer, const struct trust_clock *clock,
	enum trust_verdict otherwise)
{
	if (!trust_clock_unset(clock) && clock->now > peer->not_after)
		return TRUST_VERDICT_EXPIRED;
	return otherwise;
}

static enum trust_verdict check_pin(const unsigned char pin[CERT_FINGERPRINT_SIZE],
	const struct trust_peer *peer, const struct trust_clock *clock)
{
	/* Who it is comes before whether it is in date: a stranger's date says nothing. */
	if (memcmp(pin, peer->fingerprint, CERT_FINGERPRINT_SIZE) != 0)
		return TRUST_VERDICT_CHANGED;
	return check_date(peer, clock, TRUST_VERDICT_OK);
}

static enum trust_verdict check_stored(const struct trust_store *store,
	const struct trust_peer *peer, const struct trust_clock *clock)
{
	bool is_next = store->has_next &&
		       memcmp(store->next_pin, peer->fingerprint, CERT_FINGERPRINT_SIZE) == 0;

	return check_pin(is_next ? store->next_pin : store->pin, peer, clock);
}

enum trust_verdict trust_check_peer(const struct trust_store *store,
	const struct settings *settings, const struct trust_peer *peer,
	const struct trust_clock *clock)
{
	unsigned char pin[CERT_FINGERPRINT_SIZE];

	if (!peer)
		return TRUST_VERDICT_NO_CERTIFICATE;
	if (settings->pin[0] != '\0') {
		/* The administrator named one BMC: a pin that cannot be read matches none. */
		if (text_parse_hex(settings->pin, pin, sizeof(pin)) < 0)
			return TRUST_VERDICT_NOT_PINNED;
		return check_pin(pin, peer, clock);
	}
	if (store->damaged)
		return TRUST_VERDICT_NOT_PINNED;
	if (store->pinned)
		return check_stored(store, peer, clock);
	if (!store->window_open)
		return TRUST_VERDICT_NOT_PINNED;
	if (settings->trust == TRUST_FIRST_USE || (settings->trust == TRUST_AUTO && store->no_kcs))
		return check_date(peer, clock, TRUST_VERDICT_FIRST_USE);
	return TRUST_VERDICT_NOT_PINNED;
}

static enum outcome classify_connect(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return OUTCOME_PORT_REFUSED;
	case ETIMEDOUT:
		return OUTCOME_NO_ANSWER;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
		return OUTCOME_UNREACHABLE;
	case ENETDOWN:
	case ENODEV:
	case EADDRNOTAVAIL:
		return OUTCOME_ADDRESS_GONE;
	case ECONNRESET:
	case EPIPE:
		return OUTCOME_TLS_BROKEN;
	default:
		return OUTCOME_LOCAL;
	}
}

static enum outcome classify_verdict(enum trust_verdict verdict)
{
	switch (verdict) {
	case TRUST_VERDICT_OK:
	case TRUST_VERDICT_FIRST_USE:
		return OUTCOME_NONE;
	case TRUST_VERDICT_CHANGED:
		return OUTCOME_IDENTITY_CHANGED;
	case TRUST_VERDICT_EXPIRED:
		return OUTCOME_PEER_EXPIRED;
	case TRUST_VERDICT_NOT_PINNED:
	case TRUST_VERDICT_NO_CERTIFICATE:
		break;
	}
	return OUTCOME_NOT_PINNED;
}

static enum outcome classify_alert(const struct trust_facts *facts)
{
	switch (facts->alert_in) {
	case ALERT_CERTIFICATE_EXPIRED:
		return OUTCOME_OWN_EXPIRED;
	case ALERT_UNKNOWN_CA:
	case ALERT_CERTIFICATE_UNKNOWN:
		return OUTCOME_NOT_KNOWN;
	case ALERT_PROTOCOL_VERSION:
	case ALERT_INSUFFICIENT_SECURITY:
	case ALERT_INAPPROPRIATE_FALLBACK:
		return OUTCOME_VERSION;
	case ALERT_HANDSHAKE_FAILURE:
		/* Before its certificate came it cannot be about ours: nothing was in common.
		 * After it, TLS 1.2 says so of a missing certificate. */
		return facts->verify_called ? OUTCOME_REFUSED : OUTCOME_VERSION;
	case ALERT_BAD_CERTIFICATE:
	case ALERT_UNSUPPORTED_CERTIFICATE:
	case ALERT_CERTIFICATE_REVOKED:
	case ALERT_ACCESS_DENIED:
	case ALERT_CERTIFICATE_REQUIRED:
		return OUTCOME_REFUSED;
	default: /* decode errors and the like: a fault, not a judgement */
		return OUTCOME_TLS_BROKEN;
	}
}

static enum outcome classify_tls(const struct trust_facts *facts)
{
	enum outcome outcome = OUTCOME_NONE;

	if (facts->verify_called)
		outcome = classify_verdict(facts->verdict);
	if (outcome != OUTCOME_NONE)
		return outcome;
	if (facts->alert_in >= 0)
		return classify_alert(facts);
	if (facts->version_error || facts->alert_out == ALERT_PROTOCOL_VERSION)
		return OUTCOME_VERSION;
	/* No memory, or a library that never got over having had none: not the BMC's doing. */
	if (facts->alert_out == ALERT_INTERNAL_ERROR && facts->http_status == 0)
		return OUTCOME_LOCAL;
	if (facts->handshake_done)
		return OUTCOME_NONE;
	if (facts->bytes_not_tls && facts->tls_demanded)
		return OUTCOME_VERSION; /* not a disturbance that passes */
	return facts->timed_out && !facts->bytes_not_tls ? OUTCOME_TLS_TIMEOUT : OUTCOME_TLS_BROKEN;
}

static enum outcome classify_answer(const struct trust_facts *facts)
{
	if (facts->timed_out)
		return OUTCOME_ANSWER_TIMEOUT;
	if (facts->http_status == 0) {
		/* In TLS 1.3 a client believes the handshake done before the server has judged:
		 * the first answer is what ends it. */
		return facts->plain ? OUTCOME_BAD_ANSWER : OUTCOME_TLS_BROKEN;
	}
	if (facts->http_status == 426 && facts->plain && !facts->tls_enabled)
		return OUTCOME_TLS_REQUIRED;
	if (facts->http_status == 401 || facts->http_status == 403)
		return OUTCOME_REFUSED;
	if (facts->http_status != 200 || !facts->answer_valid)
		return OUTCOME_BAD_ANSWER;
	if (!facts->principal_known)
		return facts->plain ? OUTCOME_REFUSED : OUTCOME_NOT_KNOWN;
	return OUTCOME_CONNECTED;
}

enum outcome trust_classify(const struct trust_facts *facts)
{
	enum outcome outcome;

	if (facts->own_expired && !facts->plain)
		return OUTCOME_OWN_EXPIRED;
	if (facts->local_failure)
		return OUTCOME_LOCAL;
	if (facts->connect_errno != 0)
		return classify_connect(facts->connect_errno);
	if (!facts->plain) {
		outcome = classify_tls(facts);
		if (outcome != OUTCOME_NONE)
			return outcome;
	}
	return classify_answer(facts);
}

/* Has anybody, ever, told us that this BMC speaks TLS? */
static bool tls_expected(const struct trust_store *store, const struct settings *settings)
{
	return store->damaged || store->seen_tls || store->pinned || settings->pin[0] != '\0';
}

static bool is_not_tls(const struct trust_facts *facts)
{
	return facts->bytes_not_tls && facts->alert_in < 0 && !facts->verify_called &&
	       !facts->handshake_done;
}

enum trust_plain trust_plain_decide(const struct trust_store *store,
	const struct settings *settings, const struct trust_facts *facts)
{
	bool expected = tls_expected(store, settings);

	if (!settings->tls || facts->local_failure || facts->own_expired)
		return TRUST_PLAIN_NO;
	if (!settings_allow_plain(settings) && !expected)
		return TRUST_PLAIN_NO;
	/* These two ask for a BMC that proves who it is; without TLS none can. */
	if ((settings->trust == TRUST_PINNED || settings->trust == TRUST_KCS) && !expected)
		return TRUST_PLAIN_NO;
	if (facts->plain) {
		if (!facts->answer_valid)
			return TRUST_PLAIN_NO;
		return expected ? TRUST_PLAIN_DOWNGRADE : TRUST_PLAIN_OK;
	}
	/* Before a word of downgrade is said of a refused port, the plain one is looked at: a BMC
	 * that restarts refuses, too. */
	if (facts->connect_errno == ECONNREFUSED)
		return TRUST_PLAIN_TRY_PLAIN_PORT;
	if (facts->connect_errno == 0 && is_not_tls(facts))
		return expected ? TRUST_PLAIN_DOWNGRADE : TRUST_PLAIN_SAME_PORT;
	return TRUST_PLAIN_NO;
}
