/* SPDX-License-Identifier: Apache-2.0 */
/* A BMC's trust store that knows nobody, whose window is open for ten minutes; in *state. */
#ifndef BMCLINK_TEST_ENDPOINT_TRUST_FIXTURE_H
#define BMCLINK_TEST_ENDPOINT_TRUST_FIXTURE_H

#include "endpoint/trust.h"

#define YEAR  (365 * 86400L)
#define BUILD (50 * YEAR)
#define NOW   (51 * YEAR)

int setup(void **state);
int teardown(void **state);

#endif
