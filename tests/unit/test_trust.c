/* SPDX-License-Identifier: Apache-2.0 */
/* The table of docs/architecture.md, "Trust", row by row; each right case beside its wrong twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/state.h"
#include "base/util.h"
#include "folder.h"
#include "host/link/trust.h"
#include "host/link/trust_store.h"

#define BUILD 1767225600 /* 2026-01-01 */
#define NOW   (BUILD + 86400 * 30)
#define YEAR  (86400 * 365)

#define PIN_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PIN_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

enum stored { NOTHING, WINDOW, WINDOW_NO_KCS, PINNED_A, DAMAGED, DAMAGED_WINDOW };

static struct trust_store make_store(enum stored stored)
{
	struct trust_store store = {0};

	store.window_open = stored == WINDOW || stored == WINDOW_NO_KCS || stored == DAMAGED_WINDOW;
	store.no_kcs = stored == WINDOW_NO_KCS;
	store.damaged = stored == DAMAGED || stored == DAMAGED_WINDOW;
	if (stored == PINNED_A) {
		store.pinned = true;
		store.seen_tls = true;
		memset(store.pin, 0xaa, sizeof(store.pin));
	}
	return store;
}

static struct settings make_settings(enum settings_trust trust, const char *pin)
{
	struct settings settings = {.tls = true, .plain = true, .trust = (int)trust};

	snprintf(settings.pin, sizeof(settings.pin), "%s", pin);
	return settings;
}

struct peer_row {
	const char *what;
	enum stored stored;
	enum settings_trust trust;
	const char *pin;
	int shown; /* byte of the fingerprint */
	time_t not_after, now;
	enum trust_verdict verdict;
};

#define FIRST TRUST_FIRST_USE
#define OK    TRUST_VERDICT_OK
/* clang-format off */
static const struct peer_row peer_rows[] = {
	{"pin right", PINNED_A, FIRST, "", 0xaa, NOW + YEAR, NOW, OK},
	{"pin changed", PINNED_A, FIRST, "", 0xbb, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"pin right, other modes", PINNED_A, TRUST_PINNED, "", 0xaa, NOW + YEAR, NOW, OK},
	{"pin changed, other modes", PINNED_A, TRUST_KCS, "", 0xbb, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"configured pin right", NOTHING, TRUST_PINNED, PIN_A, 0xaa, NOW + YEAR, NOW, OK},
	{"configured pin wrong", NOTHING, TRUST_PINNED, PIN_A, 0xbb, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"configured pin goes before the stored", PINNED_A, FIRST, PIN_B, 0xbb, NOW + YEAR, NOW, OK},
	{"stored pin does not count beside it", PINNED_A, FIRST, PIN_B, 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"configured pin goes before an open window", WINDOW, FIRST, PIN_B, 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_CHANGED},
	{"pin that cannot be read", PINNED_A, FIRST, "zz", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"pin cut short", PINNED_A, FIRST, "aaaa", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},

	{"first use, window open", WINDOW, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_FIRST_USE},
	{"first use, window closed", NOTHING, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = pinned, window open", WINDOW, TRUST_PINNED, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = kcs, window open", WINDOW, TRUST_KCS, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = auto, IPMI not asked yet", WINDOW, TRUST_AUTO, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = auto, nothing over IPMI", WINDOW_NO_KCS, TRUST_AUTO, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_FIRST_USE},
	{"trust = kcs, nothing over IPMI", WINDOW_NO_KCS, TRUST_KCS, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"trust = pinned, nothing over IPMI", WINDOW_NO_KCS, TRUST_PINNED, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"store damaged", DAMAGED, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"store damaged, window in it", DAMAGED_WINDOW, FIRST, "", 0xaa, NOW + YEAR, NOW, TRUST_VERDICT_NOT_PINNED},
	{"store damaged, pin configured", DAMAGED, FIRST, PIN_A, 0xaa, NOW + YEAR, NOW, OK},

	{"last second", PINNED_A, FIRST, "", 0xaa, NOW, NOW, OK},
	{"expired", PINNED_A, FIRST, "", 0xaa, NOW - 1, NOW, TRUST_VERDICT_EXPIRED},
	{"expired, configured pin", NOTHING, FIRST, PIN_A, 0xaa, NOW - 1, NOW, TRUST_VERDICT_EXPIRED},
	{"expired and changed: who comes first", PINNED_A, FIRST, "", 0xbb, NOW - 1, NOW, TRUST_VERDICT_CHANGED},
	{"first use, last second", WINDOW, FIRST, "", 0xaa, NOW, NOW, TRUST_VERDICT_FIRST_USE},
	{"first use of an expired one", WINDOW, FIRST, "", 0xaa, NOW - 1, NOW, TRUST_VERDICT_EXPIRED},
	{"made by a BMC whose clock was at 1970", PINNED_A, FIRST, "", 0xaa, 10 * YEAR, NOW, TRUST_VERDICT_EXPIRED},
	{"our clock at 1970, peer in date", PINNED_A, FIRST, "", 0xaa, NOW + YEAR, 60, OK},
	{"our clock at 1970, date would be over", PINNED_A, FIRST, "", 0xaa, 30, 60, OK},
	{"our clock at 1970 does not help a stranger", PINNED_A, FIRST, "", 0xbb, NOW + YEAR, 60, TRUST_VERDICT_CHANGED},
	{"our clock a second before the build", PINNED_A, FIRST, "", 0xaa, BUILD - 10, BUILD - 1, OK},
	{"our clock at the build", PINNED_A, FIRST, "", 0xaa, BUILD - 10, BUILD, TRUST_VERDICT_EXPIRED},
};
/* clang-format on */

static void test_peer(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(peer_rows); i++) {
		const struct peer_row *row = &peer_rows[i];
		struct trust_store store = make_store(row->stored);
		struct settings settings = make_settings(row->trust, row->pin);
		struct trust_peer peer = {.not_before = 0, .not_after = row->not_after};
		struct trust_clock clock = {.now = row->now, .build = BUILD};
		enum trust_verdict verdict;

		memset(peer.fingerprint, row->shown, sizeof(peer.fingerprint));
		verdict = trust_check_peer(&store, &settings, &peer, &clock);
		if (verdict != row->verdict)
			fail_msg("%s: verdict %d, not %d", row->what, verdict, row->verdict);
	}
}

static void test_no_certificate(void **state)
{
	struct trust_store store = make_store(WINDOW);
	struct settings settings = make_settings(FIRST, "");
	struct trust_clock clock = {.now = NOW, .build = BUILD};

	assert_int_equal(
		trust_check_peer(&store, &settings, NULL, &clock), TRUST_VERDICT_NO_CERTIFICATE);
}

static void test_clock_and_own(void **state)
{
	struct trust_clock good = {.now = NOW, .build = BUILD}, unset = {.now = 5, .build = BUILD};

	assert_false(trust_clock_unset(&good));
	assert_true(trust_clock_unset(&unset));
	assert_false(trust_own_expired(NOW, &good));
	assert_true(trust_own_expired(NOW - 1, &good));
	assert_false(trust_own_expired(1, &unset));
}

/* --- what one attempt showed, and what it means --- */

static struct trust_facts fresh(void)
{
	return (struct trust_facts){.alert_in = -1, .alert_out = -1, .tls_enabled = true};
}

static struct trust_facts refused_by(int alert, bool verify_called, bool handshake_done)
{
	struct trust_facts facts = fresh();

	facts.alert_in = alert;
	facts.verify_called = verify_called;
	facts.handshake_done = handshake_done;
	facts.verdict = TRUST_VERDICT_OK;
	return facts;
}

static struct trust_facts answered(bool plain, int status, bool valid, bool known)
{
	struct trust_facts facts = fresh();

	facts.plain = plain;
	facts.verify_called = facts.handshake_done = !plain;
	facts.verdict = TRUST_VERDICT_OK;
	facts.http_status = status;
	facts.answer_valid = valid;
	facts.principal_known = known;
	return facts;
}

static void check(struct trust_facts facts, enum outcome outcome, const char *what)
{
	if (trust_classify(&facts) != outcome)
		fail_msg("%s: %s, not %s", what, outcome_name(trust_classify(&facts)),
			outcome_name(outcome));
}

static void test_alerts(void **state)
{
	static const struct {
		int alert;
		bool verified; /* the alert came after the BMC's certificate */
		enum outcome outcome;
	} rows[] = {
		{45,  true,  OUTCOME_OWN_EXPIRED},
		{48,  true,  OUTCOME_NOT_KNOWN  },
		{46,  true,  OUTCOME_NOT_KNOWN  },
		{42,  true,  OUTCOME_REFUSED	  },
		{43,  true,  OUTCOME_REFUSED	  },
		{44,  true,  OUTCOME_REFUSED	  },
		{49,  true,  OUTCOME_REFUSED	  },
		{116, true,  OUTCOME_REFUSED	   },
		{40,  true,  OUTCOME_REFUSED	  },
		{40,  false, OUTCOME_VERSION	   },
		{70,  false, OUTCOME_VERSION	   },
		{71,  false, OUTCOME_VERSION	   },
		{86,  false, OUTCOME_VERSION	   },
		{80,  true,  OUTCOME_TLS_BROKEN },
		{50,  false, OUTCOME_TLS_BROKEN },
		{10,  false, OUTCOME_TLS_BROKEN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char what[64];

		snprintf(what, sizeof(what), "alert %d", rows[i].alert);
		check(refused_by(rows[i].alert, rows[i].verified, false), rows[i].outcome, what);
		/* TLS 1.3: our side was done already, the alert came at the first read. */
		if (rows[i].verified)
			check(refused_by(rows[i].alert, true, true), rows[i].outcome, what);
	}
}

static void test_connect(void **state)
{
	static const struct {
		int error;
		enum outcome outcome;
	} rows[] = {
		{ECONNREFUSED,  OUTCOME_PORT_REFUSED},
		{ETIMEDOUT,	    OUTCOME_NO_ANSWER   },
		{EHOSTUNREACH,  OUTCOME_UNREACHABLE },
		{ENETUNREACH,   OUTCOME_UNREACHABLE },
		{ENETDOWN,	   OUTCOME_ADDRESS_GONE},
		{EADDRNOTAVAIL, OUTCOME_ADDRESS_GONE},
		{ECONNRESET,    OUTCOME_TLS_BROKEN  },
		{EPERM,		OUTCOME_LOCAL	     },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trust_facts facts = fresh();

		facts.connect_errno = rows[i].error;
		check(facts, rows[i].outcome, strerror(rows[i].error));
	}
}

static void test_handshake_ends(void **state)
{
	struct trust_facts facts = fresh();

	check(facts, OUTCOME_TLS_BROKEN, "closed or reset in the handshake");
	facts.timed_out = true;
	check(facts, OUTCOME_TLS_TIMEOUT, "silence in the handshake");
	facts.handshake_done = true;
	check(facts, OUTCOME_ANSWER_TIMEOUT, "silence after the handshake");
	facts.timed_out = false;
	check(facts, OUTCOME_TLS_BROKEN, "reset after a TLS 1.3 handshake, the alert was lost");

	facts = fresh();
	facts.bytes_not_tls = true;
	check(facts, OUTCOME_TLS_BROKEN, "bytes that are not TLS");
	facts = fresh();
	facts.version_error = true;
	check(facts, OUTCOME_VERSION, "TLS 1.0 chosen by the server");
	facts = fresh();
	facts.alert_out = 70;
	check(facts, OUTCOME_VERSION, "we refused its version");
	facts.alert_out = 47;
	check(facts, OUTCOME_TLS_BROKEN, "we refused its hello");
	facts.alert_out = 80;
	check(facts, OUTCOME_LOCAL, "our library had no memory");
	facts.handshake_done = true;
	check(facts, OUTCOME_LOCAL, "after the handshake, too");
	facts.alert_in = 80;
	check(facts, OUTCOME_TLS_BROKEN, "the BMC's had none");
	facts = fresh();
	facts.local_failure = true;
	check(facts, OUTCOME_LOCAL, "no socket");
}

static void test_verdicts(void **state)
{
	static const struct {
		enum trust_verdict verdict;
		enum outcome outcome;
	} rows[] = {
		{TRUST_VERDICT_CHANGED,	OUTCOME_IDENTITY_CHANGED},
		{TRUST_VERDICT_EXPIRED,	OUTCOME_PEER_EXPIRED    },
		{TRUST_VERDICT_NOT_PINNED,	   OUTCOME_NOT_PINNED	     },
		{TRUST_VERDICT_NO_CERTIFICATE, OUTCOME_NOT_PINNED	 },
	};
	struct trust_facts facts = answered(false, 200, true, true);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		facts = fresh();
		facts.verify_called = true;
		facts.verdict = rows[i].verdict;
		facts.alert_out = 48; /* ours is the consequence, not the cause */
		check(facts, rows[i].outcome, "verdict");
		facts = answered(false, 200, true, true);
		facts.verdict = rows[i].verdict; /* no later answer makes it good */
		check(facts, rows[i].outcome, "verdict, and yet answered");
	}
	facts.verdict = TRUST_VERDICT_FIRST_USE;
	check(facts, OUTCOME_CONNECTED, "first use");
}

static void test_own_expired(void **state)
{
	struct trust_facts facts = answered(false, 200, true, true);

	facts.own_expired = true;
	check(facts, OUTCOME_OWN_EXPIRED, "own expired, whatever came back");
	facts.own_expired = false;
	check(facts, OUTCOME_CONNECTED, "own in date");
	facts = answered(true, 200, true, true);
	facts.own_expired = true;
	facts.tls_enabled = false;
	check(facts, OUTCOME_CONNECTED, "tls = off needs no certificate");
}

static void test_answers(void **state)
{
	struct trust_facts facts;

	check(answered(false, 200, true, true), OUTCOME_CONNECTED, "TLS, known");
	check(answered(false, 200, true, false), OUTCOME_NOT_KNOWN, "TLS, not known");
	check(answered(false, 200, false, false), OUTCOME_BAD_ANSWER, "TLS, not Redfish");
	check(answered(false, 401, false, false), OUTCOME_REFUSED, "401 to the service root");
	check(answered(false, 403, false, false), OUTCOME_REFUSED, "403 to the service root");
	check(answered(false, 301, false, false), OUTCOME_BAD_ANSWER, "redirect");
	check(answered(false, 503, false, false), OUTCOME_BAD_ANSWER, "503");
	check(answered(false, 426, false, false), OUTCOME_BAD_ANSWER, "426 within TLS");
	check(answered(true, 200, true, true), OUTCOME_CONNECTED, "plain");
	check(answered(true, 200, true, false), OUTCOME_REFUSED, "plain without AuthNone");
	check(answered(true, 0, false, false), OUTCOME_BAD_ANSWER, "plain, closed");
	check(answered(false, -1, false, false), OUTCOME_BAD_ANSWER, "TLS, not HTTP");
	check(answered(true, -1, false, false), OUTCOME_BAD_ANSWER, "plain, not HTTP");

	facts = answered(true, 426, false, false);
	check(facts, OUTCOME_BAD_ANSWER, "426, but tls is on here");
	facts.tls_enabled = false;
	check(facts, OUTCOME_TLS_REQUIRED, "426, tls = off here");
	facts.http_status = 0;
	facts.timed_out = true;
	check(facts, OUTCOME_ANSWER_TIMEOUT, "plain, silence");
}

/* --- no TLS: when may the attempt go on without? --- */

static void check_plain(enum stored stored, bool seen, struct settings settings,
	struct trust_facts facts, enum trust_plain expected, const char *what)
{
	struct trust_store store = make_store(stored);

	store.seen_tls = store.seen_tls || seen;
	if (trust_plain_decide(&store, &settings, &facts) != expected)
		fail_msg("%s: %d, not %d", what, trust_plain_decide(&store, &settings, &facts),
			expected);
}

static void test_plain_by_bytes(void **state)
{
	struct settings settings = make_settings(FIRST, "");
	struct trust_facts facts = fresh();

	facts.bytes_not_tls = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_SAME_PORT, "never seen");
	check_plain(NOTHING, false, settings, facts, TRUST_PLAIN_SAME_PORT, "window closed");
	check_plain(WINDOW, true, settings, facts, TRUST_PLAIN_DOWNGRADE, "seen with TLS");
	check_plain(PINNED_A, false, settings, facts, TRUST_PLAIN_DOWNGRADE, "pinned");
	check_plain(DAMAGED, false, settings, facts, TRUST_PLAIN_DOWNGRADE, "store damaged");
	check_plain(WINDOW, false, make_settings(FIRST, PIN_A), facts, TRUST_PLAIN_DOWNGRADE,
		"pin configured");
	check_plain(
		WINDOW, false, make_settings(TRUST_KCS, ""), facts, TRUST_PLAIN_NO, "trust = kcs");
	check_plain(WINDOW, false, make_settings(TRUST_PINNED, ""), facts, TRUST_PLAIN_NO,
		"trust = pinned");
	facts.own_expired = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "own expired");
	settings.tls = false;
	facts.own_expired = false;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "tls = off has no fall-back");
}

static void test_plain_by_refused_port(void **state)
{
	struct settings settings = make_settings(FIRST, "");
	struct trust_facts refused = fresh(), found = answered(true, 200, true, false);

	refused.connect_errno = ECONNREFUSED;
	check_plain(WINDOW, false, settings, refused, TRUST_PLAIN_TRY_PLAIN_PORT, "look");
	check_plain(PINNED_A, false, settings, refused, TRUST_PLAIN_TRY_PLAIN_PORT,
		"look, to tell a restart from a downgrade");
	check_plain(WINDOW, false, settings, found, TRUST_PLAIN_OK, "found, never seen");
	check_plain(WINDOW, true, settings, found, TRUST_PLAIN_DOWNGRADE, "found, seen");
	check_plain(PINNED_A, false, settings, found, TRUST_PLAIN_DOWNGRADE, "found, pinned");
	check_plain(DAMAGED, false, settings, found, TRUST_PLAIN_DOWNGRADE, "found, damaged");
	check_plain(
		WINDOW, false, make_settings(TRUST_KCS, ""), found, TRUST_PLAIN_NO, "trust = kcs");
	check_plain(WINDOW, false, make_settings(TRUST_PINNED, ""), found, TRUST_PLAIN_NO,
		"found, trust = pinned");
	found.answer_valid = false;
	check_plain(WINDOW, false, settings, found, TRUST_PLAIN_NO, "no service root there");
}

/* An administrator who wants TLS does not get none: plain = off, or a floor above the oldest. */
static void test_plain_forbidden(void **state)
{
	struct settings off = make_settings(FIRST, ""), floor = off, oldest = off;
	struct trust_facts bytes = fresh(), refused = fresh(), found = answered(true, 200, true, 0);

	off.plain = false;
	floor.tls_min_version = TLS_1_2;
	oldest.tls_min_version = TLS_1_1;
	bytes.bytes_not_tls = true;
	refused.connect_errno = ECONNREFUSED;
	check_plain(WINDOW, false, off, bytes, TRUST_PLAIN_NO, "plain = off");
	check_plain(WINDOW, false, off, refused, TRUST_PLAIN_NO, "plain = off, not even a look");
	check_plain(WINDOW, false, off, found, TRUST_PLAIN_NO, "plain = off, found");
	check_plain(WINDOW, false, floor, bytes, TRUST_PLAIN_NO, "tls_min_version = 1.2");
	check_plain(WINDOW, false, floor, found, TRUST_PLAIN_NO, "tls_min_version = 1.2, found");
	check_plain(WINDOW, false, oldest, bytes, TRUST_PLAIN_SAME_PORT, "tls_min_version = 1.1");
	/* a downgrade is told as such, as ever */
	check_plain(PINNED_A, false, off, bytes, TRUST_PLAIN_DOWNGRADE, "pinned");
	bytes.tls_demanded = true;
	check(bytes, OUTCOME_VERSION, "no TLS, and TLS is demanded");
	bytes.tls_demanded = false;
	check(bytes, OUTCOME_TLS_BROKEN, "no TLS");
}

/* A timeout, a reset, an alert: never. Each alone, and each beside what else it may come with. */
static void test_plain_never(void **state)
{
	struct settings settings = make_settings(FIRST, "");
	static const int errors[] = {
		ETIMEDOUT, ECONNRESET, EHOSTUNREACH, ENETUNREACH, EPIPE, EPERM};
	struct trust_facts facts;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		facts = fresh();
		facts.connect_errno = errors[i];
		check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, strerror(errors[i]));
	}
	facts = fresh();
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "closed or reset");
	facts.timed_out = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "timeout");
	for (int alert = 0; alert < 256; alert++) {
		facts = fresh();
		facts.alert_in = alert;
		check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "alert");
		facts.bytes_not_tls = true; /* an alert is TLS, whatever else is said */
		check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "alert and bytes");
	}
	facts = fresh();
	facts.bytes_not_tls = facts.verify_called = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "after a certificate");
	facts = fresh();
	facts.bytes_not_tls = facts.handshake_done = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "after a handshake");
	facts = fresh();
	facts.version_error = true;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "TLS 1.0 is TLS");
	facts = fresh();
	facts.local_failure = true;
	facts.connect_errno = ECONNREFUSED;
	check_plain(WINDOW, false, settings, facts, TRUST_PLAIN_NO, "our own trouble");
}

/* --- the file --- */

/* How a pin was made, and whether it was used yet, is on disk; that there is no KCS is not. */
static void test_store_how(void **state)
{
	struct folder *f = *state;
	struct trust_store store, again;
	unsigned char pin[CERT_FINGERPRINT_SIZE];

	memset(pin, 0x5c, sizeof(pin));
	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	for (int how = TRUST_HOW_FIRST_USE; how <= TRUST_HOW_ADMINISTRATOR; how++) {
		assert_int_equal(
			trust_store_pin_as(f->dir_fd, &store, pin, (enum trust_how)how, NOW), 0);
		store.no_kcs = true;
		assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
		assert_int_equal(again.how, how);
		assert_true(again.pinned && again.enrolling && !again.no_kcs);
	}
	assert_int_equal(trust_store_end_enrolling(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_true(again.pinned && !again.enrolling);
	assert_int_equal(again.how, TRUST_HOW_ADMINISTRATOR);
	assert_true(trust_store_pin_as(-1, &store, pin, TRUST_HOW_KCS, NOW) < 0);
	assert_int_equal(store.how, TRUST_HOW_ADMINISTRATOR); /* not durable, so not so */
}

static void test_store_life(void **state)
{
	struct folder *f = *state;
	struct trust_store store, again;
	unsigned char pin[CERT_FINGERPRINT_SIZE];

	memset(pin, 0x5c, sizeof(pin));
	assert_int_equal(trust_store_load(f->dir_fd, &store), -ENOENT);
	assert_false(store.window_open || store.pinned || store.damaged);

	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_true(store.window_open);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_memory_equal(&store, &again, sizeof(store));

	assert_int_equal(trust_store_note_tls(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_true(again.seen_tls && again.window_open);

	assert_int_equal(trust_store_pin(f->dir_fd, &store, pin, NOW), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_true(again.pinned && again.seen_tls && !again.window_open);
	assert_memory_equal(again.pin, pin, sizeof(pin));
	assert_int_equal(again.pinned_at, NOW);

	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_close_window(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &again), 0);
	assert_false(again.window_open || again.pinned || again.seen_tls);
}

/* Never silently a new window: whatever is in the file but a whole store, nobody is trusted. */
static void test_store_damaged(void **state)
{
	struct folder *f = *state;
	struct trust_store store;
	_cleanup_free_ char *whole = NULL;
	size_t length;
	static const char *const bad[] = {"", "{}", "[]", "null", "\"window_open\"",
		"{\"format\":1,\"window_open\":true}",
		"{\"format\":2,\"pinned\":false,\"pin\":\"\",\"window_open\":true,"
		"\"seen_tls\":false,\"pinned_at\":0}",
		"{\"format\":1,\"pinned\":true,\"pin\":\"\",\"window_open\":false,"
		"\"seen_tls\":true,\"pinned_at\":0}",
		"{\"format\":1,\"pinned\":true,\"pin\":\"" PIN_A "\",\"window_open\":true,"
		"\"seen_tls\":true,\"pinned_at\":0}",
		"{\"format\":1,\"pinned\":0,\"pin\":\"\",\"window_open\":1,"
		"\"seen_tls\":0,\"pinned_at\":0}"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(
			state_write_file(f->dir_fd, TRUST_STORE_FILE, bad[i], strlen(bad[i]), 0600),
			0);
		assert_int_equal(trust_store_load(f->dir_fd, &store), -EBADMSG);
		assert_true(store.damaged);
		assert_false(store.window_open || store.pinned);
		/* nor does a later change paper over it */
		assert_int_equal(trust_store_note_tls(f->dir_fd, &store), 0);
		assert_int_equal(trust_store_close_window(f->dir_fd, &store), 0);
		assert_int_equal(trust_store_load(f->dir_fd, &store), -EBADMSG);
	}

	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_int_equal(state_read_file(f->dir_fd, TRUST_STORE_FILE, &whole, &length), 0);
	for (size_t cut = 0; cut + 1 < length; cut++) {
		assert_int_equal(
			state_write_file(f->dir_fd, TRUST_STORE_FILE, whole, cut, 0600), 0);
		if (trust_store_load(f->dir_fd, &store) == 0) /* only white space was cut */
			assert_true(strspn(whole + cut, " \n") == length - cut);
		else
			assert_true(store.damaged && !store.window_open);
	}
	assert_int_equal(trust_store_reset(f->dir_fd, &store), 0);
	assert_int_equal(trust_store_load(f->dir_fd, &store), 0);
	assert_true(store.window_open && !store.damaged);
}

/* What could not be made durable is not believed either. */
static void test_store_not_durable(void **state)
{
	struct trust_store store = {.window_open = true}, before = store;
	unsigned char pin[CERT_FINGERPRINT_SIZE] = {1};

	assert_true(trust_store_pin(-1, &store, pin, NOW) < 0);
	assert_memory_equal(&store, &before, sizeof(store));
	assert_true(trust_store_close_window(-1, &store) < 0);
	assert_memory_equal(&store, &before, sizeof(store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_clock_and_own),
		cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_handshake_ends),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_own_expired),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_plain_by_bytes),
		cmocka_unit_test(test_plain_by_refused_port),
		cmocka_unit_test(test_plain_forbidden),
		cmocka_unit_test(test_plain_never),
		cmocka_unit_test_setup_teardown(test_store_how, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_store_life, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_store_damaged, folder_setup, folder_teardown),
		cmocka_unit_test(test_store_not_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
