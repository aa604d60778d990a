/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for a Lifecycle log, and what the tests of it look at. */
#ifndef BMCLINK_TESTS_LCLOG_FIXTURE_H
#define BMCLINK_TESTS_LCLOG_FIXTURE_H

#include "endpoint/lclog.h"

struct fixture {
	char folder[64], path[96]; /* of the database */
};

int setup(void **state);
int teardown(void **state); /* with all that is in it */

/* What a reading passes to take_id(), which ends it after stop_at records; 0: never. */
struct ids {
	int64_t ids[4096];
	unsigned int n, stop_at;
};

bool take_id(const struct lclog_record *record, void *arg);
void count(void *arg); /* a listener: one more in the int at arg */
void assert_range(struct lclog *log, int64_t oldest, int64_t newest);

#endif
