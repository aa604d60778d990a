/* SPDX-License-Identifier: Apache-2.0 */
#include "transitions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

uint32_t transitions_draw(struct transitions *transitions, uint32_t below)
{
	transitions->random = transitions->random * 1664525 + 1013904223;
	return (transitions->random >> 8) % below;
}

void transitions_note(struct transitions *transitions, unsigned int now)
{
	assert_in_range(now, 0, TRANSITIONS_MAX - 1);
	transitions->seen[transitions->before][now]++;
	transitions->before = now;
}

void transitions_judge(const struct transitions *transitions, unsigned int n,
	const char *const *allowed, const char *const *names)
{
	unsigned int wrong = 0;

	for (unsigned int from = 0; from < n; from++) {
		assert_int_equal(strlen(allowed[from]), n);
		for (unsigned int to = 0; to < n; to++) {
			bool seen = transitions->seen[from][to] != 0,
			     may = allowed[from][to] == 'x';

			if (from == to || seen == may)
				continue;
			wrong++;
			print_error("%s -> %s: %s\n", names[from], names[to],
				seen ? "not in the table" : "never happened");
		}
	}
	assert_int_equal(wrong, 0);
}
