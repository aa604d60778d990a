/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "lclog_fixture.h"

int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->folder, sizeof(f->folder), "/tmp/test-lclog-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/" LCLOG_FILE, f->folder);
	*state = f;
	return 0;
}

int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

bool take_id(const struct lclog_record *record, void *arg)
{
	struct ids *ids = arg;

	ids->ids[ids->n++] = record->id;
	return ids->n != ids->stop_at;
}

void assert_range(struct lclog *log, int64_t oldest, int64_t newest)
{
	int64_t o, n;

	lclog_get_range(log, &o, &n);
	assert_int_equal(o, oldest);
	assert_int_equal(n, newest);
}

void count(void *arg)
{
	(*(int *)arg)++;
}
