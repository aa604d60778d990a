/* SPDX-License-Identifier: Apache-2.0 */
/* When the BMC makes its next certificate, and when it uses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/renewal.h"
#include "base/util.h"
#include "endpoint/rollover.h"

#define DAY 86400
#define END ((time_t)1767225600 + 3652 * DAY)
#define W   ROLLOVER_WAIT
#define S   ROLLOVER_STAGE
#define X   ROLLOVER_SWITCH

/* Days before the end; the certificate lives ten years. */
struct row {
	const char *what;
	double now, made; /* made < 0: there is no next one */
	bool automatic, asked, ready, unset;
	enum rollover_action action;
	enum rollover_reason reason;
};

#define NONE -1
/* clang-format off */
static const struct row rows[] = {
	{"long before",                     400, NONE, 1, 0, 0, 0, W, 0},
	{"a day before it is due",           34, NONE, 1, 0, 0, 0, W, 0},
	{"due",                              29, NONE, 1, 0, 0, 0, S, 0},
	{"due, switched off",                29, NONE, 0, 0, 0, 0, W, 0},
	{"due, clock unset",                 29, NONE, 1, 0, 0, 1, W, 0},
	{"asked for",                       400, NONE, 0, 1, 0, 0, S, 0},
	{"asked for, clock unset",          400, NONE, 0, 1, 0, 1, S, 0},
	{"announced, nobody has it",         29,   30, 1, 0, 0, 0, W, 0},
	{"announced, all have it",           29,   30, 1, 0, 1, 0, X, ROLLOVER_REASON_READY},
	{"the same with renewal off",        29,   30, 0, 0, 1, 0, X, ROLLOVER_REASON_READY},
	{"all have it, clock unset",         29,   30, 1, 0, 1, 1, X, ROLLOVER_REASON_READY},
	{"asked for again: one is enough",   29,   30, 1, 1, 0, 0, W, 0},
	{"a day before the deadline",       8.6,   30, 1, 0, 0, 0, W, 0},
	{"the deadline",                    7.4,   30, 1, 0, 0, 0, X, ROLLOVER_REASON_DEADLINE},
	{"the deadline, clock unset",       7.4,   30, 1, 0, 0, 1, W, 0},
	{"made late: a day to hear of it",  2.5,    3, 1, 0, 0, 0, W, 0},
	{"made late, the day has gone",     1.8,    3, 1, 0, 0, 0, X, ROLLOVER_REASON_DEADLINE},
	{"made in the last hours",          0.1,  0.2, 1, 0, 0, 0, W, 0},
	{"the last hour",                  0.02,  0.2, 1, 0, 0, 0, X, ROLLOVER_REASON_DEADLINE},
	{"expired, the next one is there", -0.1,    3, 0, 0, 0, 0, X, ROLLOVER_REASON_EXPIRED},
	{"expired: not by itself",         -0.1, NONE, 1, 0, 0, 0, W, 0},
	{"expired, asked for",             -0.1, NONE, 1, 1, 0, 0, S, 0},
};
/* clang-format on */

static struct rollover_facts make_facts(const struct row *row)
{
	return (struct rollover_facts){
		.now = END - (time_t)(row->now * DAY),
		.clock_unset = row->unset,
		.not_before = END - (time_t)3652 * DAY,
		.not_after = END,
		.seed = 12345678,
		.has_next = row->made >= 0,
		.next_made = END - (time_t)(row->made * DAY),
		.automatic = row->automatic,
		.asked = row->asked,
		.hosts_ready = row->ready,
	};
}

static void test_decide(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rollover_facts facts = make_facts(&rows[i]);
		struct rollover rollover;

		rollover_decide(&facts, &rollover);
		if (rollover.action != rows[i].action ||
			(rollover.action == X && rollover.reason != rows[i].reason))
			fail_msg("%s: action %d, reason %d", rows[i].what, rollover.action,
				rollover.reason);
		/* whoever is told to wait until then finds something to do then */
		if (rollover.action == W && rollover.until) {
			assert_true(rollover.until > facts.now);
			facts.now = rollover.until;
			rollover_decide(&facts, &rollover);
			assert_int_not_equal(rollover.action, W);
		}
	}
}

/* The deadline lies between the making and the end, for whatever life. */
static void test_deadline(void **state)
{
	for (time_t life = 1; life < 20 * 365 * (time_t)DAY; life = life * 3 / 2 + 1) {
		for (int part = 0; part <= 10; part++) {
			struct rollover_facts facts = {.not_before = END - life,
				.not_after = END,
				.has_next = true,
				.next_made = END - life + life * part / 10};
			time_t deadline = rollover_get_deadline(&facts);

			assert_in_range(deadline, END - life, END);
			if (facts.next_made <= END - renewal_get_lead(END - life, END))
				assert_true(deadline >= facts.next_made);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
