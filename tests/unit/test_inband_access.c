/* SPDX-License-Identifier: Apache-2.0 */
/* When in-band access is asked for again: the monitor's word is the test's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "feature_fakes.h"
#include "host/feature/works.h"
#include "host/monitor/access.h"

static struct {
	struct event *timer; /* that is pending; NULL: none */
	long wait;	     /* its seconds */
	int answer;	     /* of the monitor */
	unsigned int starts, stops;
	struct settings settings;
	struct feature_link link;
	struct feature_context context;
} w;

/* --- what is around it --- */

int event_add(struct event *event, const struct timeval *wait)
{
	w.timer = event;
	w.wait = (long)wait->tv_sec;
	return 0;
}

int event_del(struct event *event)
{
	w.timer = NULL;
	return 0;
}

int priv_access_start(struct priv *priv, struct in_addr bmc, uint16_t port)
{
	w.starts++;
	return w.answer;
}

int priv_access_stop(struct priv *priv)
{
	w.stops++;
	return 0;
}

int priv_access_get(struct priv *priv, struct access_status *status)
{
	*status = (struct access_status){.state = ACCESS_LISTENING};
	return 0;
}

/* --- the test's hands --- */

static void wake(void)
{
	struct event *timer = w.timer;

	assert_non_null(timer);
	w.timer = NULL;
	event_active(timer, EV_TIMEOUT, 1);
	event_base_loop(w.context.base, EVLOOP_NONBLOCK);
}

static int set_up(void **state)
{
	memset(&w, 0, sizeof(w));
	strcpy(w.settings.access_allow, "192.0.2.0/24");
	w.link = (struct feature_link){.encrypted = true, .auth_none = FEATURE_AUTH_NONE_NO};
	w.context = (struct feature_context){
		.settings = &w.settings, .link = &w.link, .base = event_base_new()};
	assert_int_equal(event_log_new(&w.context.events), 0);
	assert_int_equal(feature_inband_access.start(&w.context), 0);
	return 0;
}

static int tear_down(void **state)
{
	feature_inband_access.free(&w.context);
	event_log_free(w.context.events);
	event_base_free(w.context.base);
	return 0;
}

/* --- tests --- */

static void test_at_once(void **state)
{
	feature_inband_access.apply(&w.context);
	assert_true(w.context.active && w.timer == NULL);
}

/* Nothing of the link need change for it. */
static void test_what_passes_is_asked_for_again(void **state)
{
	static const int errors[] = {-EMFILE, -ENOMEM, -EPERM};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		w.answer = errors[i];
		feature_inband_access.apply(&w.context);
		assert_false(w.context.active);
		assert_in_range(w.wait, 1, errors[i] == -EPERM ? 600 : 10);
		wake();
		assert_false(w.context.active);
		w.answer = 0;
		wake();
		assert_true(w.context.active && w.timer == NULL);
	}
}

static void test_off_is_off(void **state)
{
	w.answer = -EMFILE;
	feature_inband_access.apply(&w.context);
	feature_inband_access.stop(&w.context, FEATURE_STOP_LOST);
	assert_null(w.timer);
	feature_inband_access.apply(&w.context);
	w.link.encrypted = false; /* an obstacle is none that passes by itself */
	feature_inband_access.apply(&w.context);
	assert_null(w.timer);
	assert_int_equal(w.starts, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_at_once),
		TEST(test_what_passes_is_asked_for_again),
		TEST(test_off_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
