/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cert_pairs.h"

static const char *const bmc_names[] = {
	"idrac.local", "169.254.1.1", "fde1:53ba:e9a0:de11::1", NULL};

time_t utc(int year, int month, int day, int hour)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour};

	return timegm(&tm);
}

void make(enum cert_role role, time_t not_before, struct cert_pair *pair)
{
	struct cert_request request = {.role = role,
		.common_name = role == CERT_ROLE_AGENT ? "host" : "bmc",
		.names = role == CERT_ROLE_BMC ? bmc_names : NULL,
		.not_before = not_before};

	assert_int_equal(cert_pair_make(&request, pair), 0);
}
