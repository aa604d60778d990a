/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of the search for a BMC's log: whatever it answers, or does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "host/link/logfind.h"
#include "transitions.h"

#define WALKS	 20000
#define MAX_ASKS 20 /* "bounded": what is on the way, and the services that are tried */

static const char *const names[] = {
	"manager", "manager's logs", "systems", "system", "system's logs", "service", "done"};
static const char *const allowed[] = {".xxx..x", /* a manager that names no log leads on at once */
	"..xx.xx", "...x.xx", "....xxx", ".....xx", "......x", "......."};

/* A resource with some of all that the search looks for, whichever was asked for. */
static json_t *draw_answer(struct transitions *t)
{
	static const char *const services[] = {
		"/l/Lclog", "/l/SEL", "/l/Dump", "/l/unknown", "not a path"};
	json_t *members = json_array(), *body = json_pack("{s:o}", "Members", members);

	for (uint32_t n = transitions_draw(t, 4); n > 0; n--)
		json_array_append_new(
			members, json_pack("{s:s}", "@odata.id", services[transitions_draw(t, 5)]));
	if (transitions_draw(t, 2))
		json_object_set_new(body, "LogServices", json_pack("{s:s}", "@odata.id", "/logs"));
	if (transitions_draw(t, 2))
		json_object_set_new(body, "Links",
			json_pack("{s:[{s:s}]}", "ManagerForServers", "@odata.id", "/systems/1"));
	if (transitions_draw(t, 2))
		json_object_set_new(body, "Entries", json_pack("{s:s}", "@odata.id", "/entries"));
	return body;
}

static void take_walk(struct transitions *t)
{
	struct log_find find;
	unsigned int asked = 0;
	const char *next = log_find_begin(&find, "/m", transitions_draw(t, 2) ? "/systems" : NULL);

	t->before = find.step;
	while (next != NULL) {
		static const int statuses[] = {200, 200, 200, 200, 200, 404, 403, 0};
		int status = statuses[transitions_draw(t, 8)];
		json_t *body = draw_answer(t);

		assert_in_range(++asked, 1, MAX_ASKS);
		next = log_find_take(&find, status, status == 200 ? body : NULL);
		json_decref(body);
		transitions_note(t, find.step);
	}
	/* the end has one of the two */
	assert_int_equal(find.step, LOG_FIND_DONE);
	assert_true((find.entries[0] != '\0') != (find.reason[0] != '\0'));
}

static void it_goes_as_the_table_says(void **state)
{
	static struct transitions t = {.random = 1};

	for (unsigned int i = 0; i < WALKS; i++)
		take_walk(&t);
	transitions_judge(&t, LOG_FIND_DONE + 1, allowed, names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(it_goes_as_the_table_says)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
