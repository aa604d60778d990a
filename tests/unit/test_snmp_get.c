/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When snmp-get asks the BMC, and when it asks again. The BMC's answers and the monitor's word are
 * the test's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "feature_fakes.h"
#include "host/feature/works.h"

static struct {
	channel_answer_fn answer; /* of the request that is under way; NULL: none */
	void *arg;
	unsigned int requests, installs, stops;
	int stop_error; /* the monitor's answer; 0: the drop-in is gone */
	struct settings settings;
	struct feature_link link;
	struct feature_context context;
} w;

/* --- what is around it --- */

int channel_request(struct channel *channel, const char *method, const char *path,
	const json_t *body, channel_answer_fn fn, void *arg)
{
	assert_null(w.answer); /* one at a time */
	w.answer = fn;
	w.arg = arg;
	w.requests++;
	return 0;
}

const char *channel_get_manager_path(const struct channel *channel)
{
	return "/redfish/v1/Managers/bmc";
}

int priv_snmp_start(struct priv *priv, const struct snmp_access *access, bool idrac)
{
	w.installs++;
	return 0;
}

int priv_snmp_stop(struct priv *priv)
{
	w.stops++;
	return w.stop_error;
}

/* --- the test's hands --- */

static void answer(int status, const char *text)
{
	feature_fakes_answer(util_steal_ptr(w.answer), w.arg, status, text);
}

/* All that the BMC is asked for, to the end. */
static void answer_all(void)
{
	answer(200, "{\"Oem\": {\"Bmclink\": {\"Snmp\": {\"@odata.id\": \"/redfish/v1/s\"}}}}");
	answer(200, "{\"Enabled\": true, \"ServiceRunning\": true, \"Port\": 161, \"Subtree\": "
		    "\"1.3.6.1.4.1.674.10892.5\", \"Actions\": {\"#BmclinkSnmp.SetUser\": "
		    "{\"target\": \"/redfish/v1/s/set\"}}}");
	answer(200, "{\"EngineId\": \"80001f880501\"}");
}

static bool is_armed(void)
{
	return event_base_get_num_events(w.context.base, EVENT_BASE_COUNT_ADDED) > 0;
}

/* Its timer, however long that would be. */
static void wake(void)
{
	assert_true(is_armed());
	event_base_loop(w.context.base, EVLOOP_ONCE);
}

static void turn_off(void)
{
	w.context.active = false;
	feature_snmp_get.stop(&w.context, FEATURE_STOP_DISABLED);
}

static int set_up(void **state)
{
	memset(&w, 0, sizeof(w));
	strcpy(w.settings.snmp_communities, "public");
	w.link = (struct feature_link){
		.ours = true, .encrypted = true, .channel = (struct channel *)&w};
	w.context = (struct feature_context){
		.settings = &w.settings, .link = &w.link, .base = event_base_new()};
	assert_int_equal(event_log_new(&w.context.events), 0);
	assert_int_equal(feature_snmp_get.start(&w.context), 0);
	return 0;
}

static int tear_down(void **state)
{
	feature_snmp_get.free(&w.context);
	event_log_free(w.context.events);
	event_base_free(w.context.base);
	return 0;
}

/* --- tests --- */

static void test_to_the_end(void **state)
{
	feature_snmp_get.apply(&w.context);
	answer_all();
	assert_int_equal(w.installs, 1);
	assert_true(w.context.active && !is_armed());
}

/* The answer broke off, and the link lives: nobody else would ask again. */
static void test_an_answer_that_broke_off(void **state)
{
	feature_snmp_get.apply(&w.context);
	answer(0, NULL);
	wake();
	answer_all();
	assert_true(w.context.active);
}

/* Switched off and on while the BMC has not answered: then that answer comes, or it never does. */
static void test_off_and_on_while_asking(void **state)
{
	feature_snmp_get.apply(&w.context);
	turn_off();
	feature_snmp_get.apply(&w.context);
	assert_int_equal(w.requests, 1);
	answer(200, "{}");
	assert_int_equal(w.requests, 2);
	answer_all();
	assert_true(w.context.active);
}

static void test_off_and_on_and_it_broke_off(void **state)
{
	feature_snmp_get.apply(&w.context);
	turn_off();
	feature_snmp_get.apply(&w.context);
	answer(0, NULL);
	wake();
	answer_all();
	assert_true(w.context.active);
}

/* The twin: off is off, whatever comes of the question. */
static void test_off_while_asking(void **state)
{
	feature_snmp_get.apply(&w.context);
	turn_off();
	answer(0, NULL);
	assert_true(!is_armed() && w.answer == NULL);
	feature_snmp_get.apply(&w.context);
	turn_off();
	answer(200, "{}");
	assert_true(!is_armed() && w.answer == NULL);
}

static void test_a_drop_in_that_stays_is_taken_out_later(void **state)
{
	uint64_t said;

	feature_snmp_get.apply(&w.context);
	answer_all();
	said = event_log_get_last(w.context.events);
	w.stop_error = -EMFILE;
	turn_off();
	answer(200, "{}"); /* the user is removed all the same */
	assert_int_equal(event_log_get_last(w.context.events), said);
	w.stop_error = 0;
	wake();
	assert_int_equal(w.stops, 2);
	assert_int_equal(event_log_get_last(w.context.events), said + 1);
	assert_true(!is_armed() && w.answer == NULL);
}

/* The twin: what has begun anew by then is not taken out. */
static void test_a_drop_in_that_stays_and_is_wanted_again(void **state)
{
	w.stop_error = -EMFILE;
	turn_off();
	w.stop_error = 0;
	feature_snmp_get.apply(&w.context);
	answer_all();
	assert_true(w.context.active && !is_armed());
	assert_int_equal(w.stops, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_to_the_end),
		TEST(test_an_answer_that_broke_off),
		TEST(test_off_and_on_while_asking),
		TEST(test_off_and_on_and_it_broke_off),
		TEST(test_off_while_asking),
		TEST(test_a_drop_in_that_stays_is_taken_out_later),
		TEST(test_a_drop_in_that_stays_and_is_wanted_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
