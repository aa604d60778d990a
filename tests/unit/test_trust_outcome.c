/* SPDX-License-Identifier: Apache-2.0 */
/* What one attempt showed, and the outcome that it means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "trust_cases.h"

static struct trust_facts refused_by(int alert, bool verify_called, bool handshake_done)
{
	struct trust_facts facts = fresh();

	facts.alert_in = alert;
	facts.verify_called = verify_called;
	facts.handshake_done = handshake_done;
	facts.verdict = TRUST_VERDICT_OK;
	return facts;
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
		check_outcome(
			refused_by(rows[i].alert, rows[i].verified, false), rows[i].outcome, what);
		/* TLS 1.3: our side was done already, the alert came at the first read. */
		if (rows[i].verified)
			check_outcome(refused_by(rows[i].alert, true, true), rows[i].outcome, what);
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
		check_outcome(facts, rows[i].outcome, strerror(rows[i].error));
	}
}

static void test_handshake_ends(void **state)
{
	struct trust_facts facts = fresh();

	check_outcome(facts, OUTCOME_TLS_BROKEN, "closed or reset in the handshake");
	facts.timed_out = true;
	check_outcome(facts, OUTCOME_TLS_TIMEOUT, "silence in the handshake");
	facts.handshake_done = true;
	check_outcome(facts, OUTCOME_ANSWER_TIMEOUT, "silence after the handshake");
	facts.timed_out = false;
	check_outcome(
		facts, OUTCOME_TLS_BROKEN, "reset after a TLS 1.3 handshake, the alert was lost");

	facts = fresh();
	facts.bytes_not_tls = true;
	check_outcome(facts, OUTCOME_TLS_BROKEN, "bytes that are not TLS");
	facts = fresh();
	facts.version_error = true;
	check_outcome(facts, OUTCOME_VERSION, "TLS 1.0 chosen by the server");
	facts = fresh();
	facts.alert_out = 70;
	check_outcome(facts, OUTCOME_VERSION, "we refused its version");
	facts.alert_out = 47;
	check_outcome(facts, OUTCOME_TLS_BROKEN, "we refused its hello");
	facts.alert_out = 80;
	check_outcome(facts, OUTCOME_LOCAL, "our library had no memory");
	facts.handshake_done = true;
	check_outcome(facts, OUTCOME_LOCAL, "after the handshake, too");
	facts.alert_in = 80;
	check_outcome(facts, OUTCOME_TLS_BROKEN, "the BMC's had none");
	facts = fresh();
	facts.local_failure = true;
	check_outcome(facts, OUTCOME_LOCAL, "no socket");
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
		check_outcome(facts, rows[i].outcome, "verdict");
		facts = answered(false, 200, true, true);
		facts.verdict = rows[i].verdict; /* no later answer makes it good */
		check_outcome(facts, rows[i].outcome, "verdict, and yet answered");
	}
	facts.verdict = TRUST_VERDICT_FIRST_USE;
	check_outcome(facts, OUTCOME_CONNECTED, "first use");
}

static void test_own_expired(void **state)
{
	struct trust_facts facts = answered(false, 200, true, true);

	facts.own_expired = true;
	check_outcome(facts, OUTCOME_OWN_EXPIRED, "own expired, whatever came back");
	facts.own_expired = false;
	check_outcome(facts, OUTCOME_CONNECTED, "own in date");
	facts = answered(true, 200, true, true);
	facts.own_expired = true;
	facts.tls_enabled = false;
	check_outcome(facts, OUTCOME_CONNECTED, "tls = off needs no certificate");
}

static void test_answers(void **state)
{
	struct trust_facts facts;

	check_outcome(answered(false, 200, true, true), OUTCOME_CONNECTED, "TLS, known");
	check_outcome(answered(false, 200, true, false), OUTCOME_NOT_KNOWN, "TLS, not known");
	check_outcome(answered(false, 200, false, false), OUTCOME_BAD_ANSWER, "TLS, not Redfish");
	check_outcome(
		answered(false, 401, false, false), OUTCOME_REFUSED, "401 to the service root");
	check_outcome(
		answered(false, 403, false, false), OUTCOME_REFUSED, "403 to the service root");
	check_outcome(answered(false, 301, false, false), OUTCOME_BAD_ANSWER, "redirect");
	check_outcome(answered(false, 503, false, false), OUTCOME_BAD_ANSWER, "503");
	check_outcome(answered(false, 426, false, false), OUTCOME_BAD_ANSWER, "426 within TLS");
	check_outcome(answered(true, 200, true, true), OUTCOME_CONNECTED, "plain");
	check_outcome(answered(true, 200, true, false), OUTCOME_REFUSED, "plain without AuthNone");
	check_outcome(answered(true, 0, false, false), OUTCOME_BAD_ANSWER, "plain, closed");
	check_outcome(answered(false, -1, false, false), OUTCOME_BAD_ANSWER, "TLS, not HTTP");
	check_outcome(answered(true, -1, false, false), OUTCOME_BAD_ANSWER, "plain, not HTTP");

	facts = answered(true, 426, false, false);
	check_outcome(facts, OUTCOME_BAD_ANSWER, "426, but tls is on here");
	facts.tls_enabled = false;
	check_outcome(facts, OUTCOME_TLS_REQUIRED, "426, tls = off here");
	facts.http_status = 0;
	facts.timed_out = true;
	check_outcome(facts, OUTCOME_ANSWER_TIMEOUT, "plain, silence");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_handshake_ends),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_own_expired),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
