/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates with known dates and names, for the tests of what is done with them. */
#ifndef BMCLINK_TESTS_CERT_PAIRS_H
#define BMCLINK_TESTS_CERT_PAIRS_H

#include <time.h>

#include "base/cert.h"

time_t utc(int year, int month, int day, int hour);
/* A pair with its key, to be cleared by the caller; a BMC's has idrac.local and two addresses. */
void make(enum cert_role role, time_t not_before, struct cert_pair *pair);

#endif
