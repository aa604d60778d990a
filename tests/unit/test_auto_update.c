/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When auto-update looks, and when it tries again: weeks in no time. The BMC's answers, the
 * monitor's word and the clock are the test's; what fetches and installs is only counted.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "feature_fakes.h"
#include "host/feature/auto_update.h"
#include "host/feature/works.h"

#define DAY  AUTO_UPDATE_DAY_SECONDS
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static struct {
	time_t now;
	channel_answer_fn answer; /* of the request that is under way; NULL: none */
	void *arg;
	char path[256];
	unsigned int lists, fetches;
	struct priv_update_info info;
	struct settings settings;
	struct feature_link link;
	struct feature_context context;
	int folder_fd;
} w;

/* --- what is around it --- */

time_t time(time_t *out)
{
	if (out)
		*out = w.now;
	return w.now;
}

int channel_request(struct channel *channel, const char *method, const char *path,
	const json_t *body, channel_answer_fn fn, void *arg)
{
	assert_null(w.answer); /* one at a time */
	assert_string_equal(method, "GET");
	w.answer = fn;
	w.arg = arg;
	snprintf(w.path, sizeof(w.path), "%s", path);
	w.lists += strcmp(path, "/redfish/v1/UpdateService/SoftwareInventory") == 0;
	return 0;
}

int priv_update_info(struct priv *priv, struct priv_update_info *info)
{
	*info = w.info;
	return 0;
}

void update_fetch_start(struct auto_update *au)
{
	w.fetches++;
	auto_update_set_phase(au, AUTO_UPDATE_FETCHING);
}

void update_fetch_hand(struct auto_update *au)
{
}

void update_fetch_close(struct auto_update *au)
{
}

void update_fetch_remove(struct auto_update *au)
{
}

/* --- the test's hands --- */

static struct auto_update *au(void)
{
	return w.context.data;
}

/* Seconds until it wakes; -1: never. */
static int64_t get_wait(void)
{
	struct timeval due, now, left;

	if (!evtimer_pending(au()->timer, &due))
		return -1;
	event_base_gettimeofday_cached(w.context.base, &now);
	evutil_timersub(&due, &now, &left);
	return left.tv_sec + (left.tv_usec > 500000);
}

/* To its next wake-up, and that. */
static void wake(void)
{
	int64_t wait = get_wait();

	assert_in_range(wait, 0, DAY);
	w.now += (time_t)wait;
	evtimer_del(au()->timer);
	event_active(au()->timer, EV_TIMEOUT, 1);
	event_base_loop(w.context.base, EVLOOP_NONBLOCK);
}

static void answer(int status, const char *text)
{
	feature_fakes_answer(util_steal_ptr(w.answer), w.arg, status, text);
}

static void answer_none(void)
{
	answer(200, "{\"Members\": []}");
}

/* The BMC has the package of what runs, and a newer one. */
static void answer_newer(void)
{
	static const char *const versions[] = {"1.0-1", "1.1-1"};
	char text[1024];

	answer(200, "{\"Members\": [{\"@odata.id\": \"/a\"}, {\"@odata.id\": \"/b\"}]}");
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		snprintf(text, sizeof(text),
			"{\"Id\": \"bmclink_%s_amd64.deb\", \"Oem\": {\"Bmclink\": {\"SizeBytes\": "
			"10, "
			"\"SHA256\": \"" ZERO "\", \"Signature\": \"s\", \"PackageUri\": \"/x\"}}}",
			versions[i]);
		answer(200, text);
	}
}

static int set_up(void **state)
{
	char folder[] = "/tmp/test-auto-update-XXXXXX";

	memset(&w, 0, sizeof(w));
	assert_non_null(mkdtemp(folder));
	w.folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rmdir(folder); /* no notes: writing them fails, which is a warning */
	w.now = 1800000000;
	w.info = (struct priv_update_info){
		.family = PACKAGE_DEB, .architecture = "amd64", .installed = "1.0-1", .keys = 1};
	w.settings.auto_update = AUTO_UPDATE_NOTIFY;
	w.link = (struct feature_link){
		.ours = true, .encrypted = true, .channel = (struct channel *)&w};
	w.context = (struct feature_context){.settings = &w.settings,
		.link = &w.link,
		.state_fd = w.folder_fd,
		.base = event_base_new()};
	assert_int_equal(event_log_new(&w.context.events), 0);
	assert_int_equal(feature_auto_update.start(&w.context), 0);
	return 0;
}

static int tear_down(void **state)
{
	feature_auto_update.free(&w.context);
	event_log_free(w.context.events);
	event_base_free(w.context.base);
	close(w.folder_fd);
	return 0;
}

/* --- tests --- */

static void test_daily(void **state)
{
	int64_t shortest = DAY, longest = 0;

	feature_auto_update.apply(&w.context);
	assert_int_equal(w.lists, 1); /* when it connects */
	for (unsigned int day = 1; day <= 60; day++) {
		int64_t wait;

		answer_none();
		assert_int_equal(au()->looked_at, w.now);
		assert_null(w.answer);
		wait = get_wait();
		assert_in_range(wait, DAY - AUTO_UPDATE_JITTER, DAY);
		shortest = wait < shortest ? wait : shortest;
		longest = wait > longest ? wait : longest;
		wake();
		assert_int_equal(w.lists, day + 1);
	}
	/* a data centre is spread over hours: 60 draws all within one hour would be 1 of 10^34 */
	assert_true(longest - shortest > 3600);
	answer_none();
}

static void test_a_look_that_failed(void **state)
{
	feature_auto_update.apply(&w.context);
	answer(404, NULL);
	assert_string_not_equal(au()->problem, "");
	assert_int_equal(au()->looked_at, 0);
	assert_in_range(get_wait(), DAY - AUTO_UPDATE_JITTER, DAY);
	wake();
	assert_int_equal(w.lists, 2);
	answer_none();
	assert_string_equal(au()->problem, "");
	assert_int_equal(au()->looked_at, w.now);
	assert_true(get_wait() > 0);
}

/* In the list, and in the midst of it: what was not read counts for nothing. */
static void test_a_busy_bmc(void **state)
{
	feature_auto_update.apply(&w.context);
	answer(503, NULL);
	assert_int_equal(get_wait(), AUTO_UPDATE_AGAIN_SECONDS);
	wake();
	answer(200, "{\"Members\": [{\"@odata.id\": \"/a\"}, {\"@odata.id\": \"/b\"}]}");
	answer(503, NULL);
	assert_string_not_equal(au()->problem, "");
	assert_int_equal(au()->looked_at, 0);
	assert_int_equal(get_wait(), AUTO_UPDATE_AGAIN_SECONDS);
	wake();
	assert_int_equal(w.lists, 3);
	answer_newer();
	assert_true(au()->has_new);
	assert_in_range(get_wait(), DAY - AUTO_UPDATE_JITTER, DAY);
}

/* Nothing is asked of a link that is not there; the next one is asked at once. */
static void test_the_link_goes(void **state)
{
	feature_auto_update.apply(&w.context);
	feature_auto_update.stop(&w.context, FEATURE_STOP_LOST);
	answer(0, NULL);
	assert_int_equal(get_wait(), -1);
	feature_auto_update.apply(&w.context);
	assert_int_equal(w.lists, 2);
	answer_none();
	feature_auto_update.stop(&w.context, FEATURE_STOP_LOST);
	assert_int_equal(get_wait(), -1);
	feature_auto_update.apply(&w.context);
	assert_int_equal(w.lists, 3);
	answer_none();
}

/* The answer broke off, and the link lives: nobody comes by to ask again. */
static void test_an_answer_that_broke_off(void **state)
{
	feature_auto_update.apply(&w.context);
	answer(0, NULL);
	assert_int_equal(get_wait(), AUTO_UPDATE_AGAIN_SECONDS);
	assert_string_equal(au()->problem, "the BMC's answer broke off");
	wake();
	assert_int_equal(w.lists, 2);
	answer(200, "{\"Members\": [{\"@odata.id\": \"/a\"}]}");
	answer(0, NULL);
	assert_int_equal(get_wait(), AUTO_UPDATE_AGAIN_SECONDS);
	feature_auto_update.stop(&w.context, FEATURE_STOP_LOST); /* it was the link, after all */
	assert_int_equal(get_wait(), -1);
}

static void fail_install(void)
{
	w.info.step = UPDATE_FAILED;
	w.info.at = w.now;
	strcpy(w.info.version, "1.1-1");
	strcpy(w.info.from, "1.0-1");
}

static void test_again_a_day_after_a_failure(void **state)
{
	w.settings.auto_update = AUTO_UPDATE_INSTALL;
	fail_install();
	feature_auto_update.apply(&w.context);
	answer_newer();
	assert_int_equal(w.fetches, 0);
	/* not with each connection of that day */
	for (int i = 0; i < 10; i++) {
		w.now += 60;
		feature_auto_update.stop(&w.context, FEATURE_STOP_LOST);
		feature_auto_update.apply(&w.context);
		answer_newer();
		assert_int_equal(w.fetches, 0);
	}
	wake();
	answer_newer();
	assert_int_equal(w.fetches, 1);
}

/* A clock that was set back must not put it off for years. */
static void test_a_failure_in_the_future(void **state)
{
	w.settings.auto_update = AUTO_UPDATE_INSTALL;
	fail_install();
	w.now -= 400 * DAY;
	feature_auto_update.apply(&w.context);
	answer_newer();
	assert_int_equal(w.fetches, 1);
}

/* Another version is another try. */
static void test_a_newer_one_after_a_failure(void **state)
{
	w.settings.auto_update = AUTO_UPDATE_INSTALL;
	fail_install();
	strcpy(w.info.version, "1.0.5-1");
	feature_auto_update.apply(&w.context);
	answer_newer();
	assert_int_equal(w.fetches, 1);
}

static void test_notify_never_fetches(void **state)
{
	feature_auto_update.apply(&w.context);
	for (int day = 0; day < 30; day++) {
		answer_newer();
		assert_int_equal(w.fetches, 0);
		wake();
	}
	answer_newer();
}

/* While the installer works it asks the monitor, each second; then it looks. */
static void test_while_the_installer_works(void **state)
{
	w.info.step = UPDATE_INSTALLING;
	feature_auto_update.apply(&w.context);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(get_wait(), AUTO_UPDATE_POLL_SECONDS);
		wake();
		assert_int_equal(w.lists, 0);
	}
	w.info.step = UPDATE_DONE;
	wake();
	assert_int_equal(w.lists, 1);
	answer_none();
}

/* A try that ended badly is not the end of looking. */
static void test_a_fetch_that_failed(void **state)
{
	w.settings.auto_update = AUTO_UPDATE_INSTALL;
	feature_auto_update.apply(&w.context);
	for (unsigned int i = 1; i <= 5; i++) {
		answer_newer();
		assert_int_equal(w.fetches, i);
		auto_update_ended(au(), "the disk is full");
		assert_in_range(get_wait(), DAY - AUTO_UPDATE_JITTER, DAY);
		wake();
	}
	answer_none();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_daily),
		TEST(test_a_look_that_failed),
		TEST(test_a_busy_bmc),
		TEST(test_the_link_goes),
		TEST(test_an_answer_that_broke_off),
		TEST(test_again_a_day_after_a_failure),
		TEST(test_a_failure_in_the_future),
		TEST(test_a_newer_one_after_a_failure),
		TEST(test_notify_never_fetches),
		TEST(test_while_the_installer_works),
		TEST(test_a_fetch_that_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
