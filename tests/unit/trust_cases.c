/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "trust_cases.h"

struct trust_store make_store(enum stored stored)
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

struct settings make_settings(enum settings_trust trust, const char *pin)
{
	struct settings settings = {.tls = true, .plain = true, .trust = (int)trust};

	snprintf(settings.pin, sizeof(settings.pin), "%s", pin);
	return settings;
}

struct trust_facts fresh(void)
{
	return (struct trust_facts){.alert_in = -1, .alert_out = -1, .tls_enabled = true};
}

struct trust_facts answered(bool plain, int status, bool valid, bool known)
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

void check_outcome(struct trust_facts facts, enum outcome outcome, const char *what)
{
	if (trust_classify(&facts) != outcome)
		fail_msg("%s: %s, not %s", what, outcome_name(trust_classify(&facts)),
			outcome_name(outcome));
}
