/* SPDX-License-Identifier: Apache-2.0 */
/* Stores, settings and what attempts showed, for the tests of the trust rules. */
#ifndef BMCLINK_TESTS_TRUST_CASES_H
#define BMCLINK_TESTS_TRUST_CASES_H

#include "host/link/trust.h"

#define BUILD 1767225600 /* 2026-01-01 */
#define NOW   (BUILD + 86400 * 30)
#define YEAR  (86400 * 365)

#define PIN_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PIN_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define FIRST TRUST_FIRST_USE
#define OK    TRUST_VERDICT_OK

enum stored { NOTHING, WINDOW, WINDOW_NO_KCS, PINNED_A, DAMAGED, DAMAGED_WINDOW };

struct trust_store make_store(enum stored stored);
struct settings make_settings(enum settings_trust trust, const char *pin); /* "": no pin */

/* An attempt that has shown nothing yet. */
struct trust_facts fresh(void);
/* One that got an answer, over TLS with a good certificate unless plain. */
struct trust_facts answered(bool plain, int status, bool valid, bool known);
/* Fail with "what" unless the facts mean this outcome. */
void check_outcome(struct trust_facts facts, enum outcome outcome, const char *what);

#endif
