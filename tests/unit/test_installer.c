/* SPDX-License-Identifier: Apache-2.0 */
/* What an update hears from others: root's consent, and an agent that says that it is connected. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/version.h"
#include "folder.h"
#include "update/connect.h"
#include "update/consent.h"
#include "update/install.h"
#include "update/store.h"

static struct folder folder;

static int make_folder(void **state)
{
	folder_make(&folder);
	return 0;
}

static int remove_folder(void **state)
{
	folder_remove(&folder);
	return 0;
}

static bool is_given(void)
{
	return faccessat(folder.dir_fd, UPDATE_CONSENT, F_OK, 0) == 0;
}

static void test_consent(void **state)
{
	bool no_way_back = true;

	assert_false(update_consent_take(folder.dir_fd, "1.1-1", &no_way_back));
	assert_false(no_way_back);
	assert_int_equal(update_consent_give(folder.dir_fd, "1.1-1", false), 0);
	assert_false(update_consent_take(folder.dir_fd, "1.1", &no_way_back));
	assert_true(update_consent_take(folder.dir_fd, "1.1-1", &no_way_back));
	assert_false(no_way_back);
	assert_false(update_consent_take(folder.dir_fd, "1.1-1", &no_way_back)); /* once */
	assert_int_equal(update_consent_give(folder.dir_fd, "1.1-1", true), 0);
	assert_true(update_consent_take(folder.dir_fd, "1.1-1", &no_way_back));
	assert_true(no_way_back);
}

/* The version that root consents to is one that the worker names. */
static void test_no_words_in_roots_mouth(void **state)
{
	static const char *const versions[] = {"", "1.1-1 no-way-back", "1.1-1\n2.0-1", "\n", " 1"};
	char longest[VERSION_MAX + 1];
	bool no_way_back;

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		assert_int_equal(update_consent_give(folder.dir_fd, versions[i], false), -EINVAL);
		assert_false(is_given());
	}
	memset(longest, '1', VERSION_MAX);
	longest[VERSION_MAX] = '\0';
	assert_int_equal(update_consent_give(folder.dir_fd, longest, true), -EINVAL);
	assert_false(is_given());
	longest[VERSION_MAX - 1] = '\0';
	assert_int_equal(update_consent_give(folder.dir_fd, longest, true), 0);
	assert_true(update_consent_take(folder.dir_fd, longest, &no_way_back));
	assert_true(no_way_back);
}

static void test_consent_of_others(void **state)
{
	const struct timespec old[] = {{.tv_sec = time(NULL) - UPDATE_CONSENT_SECS - 1},
		{.tv_sec = time(NULL) - UPDATE_CONSENT_SECS - 1}};
	bool no_way_back;

	assert_int_equal(update_consent_give(folder.dir_fd, "1.1-1", false), 0);
	assert_int_equal(utimensat(folder.dir_fd, UPDATE_CONSENT, old, 0), 0);
	assert_false(update_consent_take(folder.dir_fd, "1.1-1", &no_way_back));
	assert_int_equal(update_consent_give(folder.dir_fd, "1.1-1", false), 0);
	assert_int_equal(fchmodat(folder.dir_fd, UPDATE_CONSENT, 0660, 0), 0);
	assert_false(update_consent_take(folder.dir_fd, "1.1-1", &no_way_back));
	assert_int_equal(renameat(folder.dir_fd, UPDATE_CONSENT, folder.dir_fd, "other"), 0);
	assert_int_equal(symlinkat("other", folder.dir_fd, UPDATE_CONSENT), 0);
	assert_int_equal(fchmodat(folder.dir_fd, "other", 0600, 0), 0);
	assert_false(update_consent_take(folder.dir_fd, "1.1-1", &no_way_back));
	assert_int_equal(unlinkat(folder.dir_fd, "other", 0), 0);
}

/* --- an agent --- */

static int listen_as_agent(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", folder.path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* Answers one question: the text, then a byte each 50 ms for 10 s or until nobody listens. */
static pid_t play_agent(int listener, const char *text, bool dribble)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	pid_t pid = fork();
	char question[256];
	int fd;

	if (pid != 0)
		return pid;
	fd = accept(listener, NULL, NULL);
	if (recv(fd, question, sizeof(question), 0) <= 0)
		_exit(1);
	send(fd, text, strlen(text), MSG_NOSIGNAL);
	for (int i = 0; dribble && i < 200 && send(fd, " ", 1, MSG_NOSIGNAL) == 1; i++)
		nanosleep(&pause, NULL);
	_exit(0);
}

static bool ask(const char *text, bool dribble, int64_t *seconds)
{
	struct timespec begin, end;
	int listener = listen_as_agent();
	pid_t pid = play_agent(listener, text, dribble);
	bool up;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	up = connect_is_up(folder.path, "1.1-1");
	clock_gettime(CLOCK_MONOTONIC, &end);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(listener);
	unlinkat(folder.dir_fd, "control", 0);
	*seconds = end.tv_sec - begin.tv_sec;
	return up;
}

#define CONNECTED(version)                                                                         \
	"{\"result\": {\"state\": \"connected\", \"package\": \"" version "\"}}\n"

static void test_is_up(void **state)
{
	int64_t seconds;

	assert_false(connect_is_up(folder.path, "1.1-1"));
	assert_true(ask(CONNECTED("1.1-1"), false, &seconds));
	assert_false(ask(CONNECTED("1.0-1"), false, &seconds));
	assert_false(ask("{\"result\": {\"state\": \"lost\"}}\n", false, &seconds));
	assert_false(ask("", false, &seconds));
	assert_false(ask("[]\n", false, &seconds));
}

/* The agent that was just installed is asked: whoever holds it may not hold the installer. */
static void test_a_byte_now_and_then(void **state)
{
	int64_t seconds;

	assert_false(ask("{", true, &seconds));
	assert_in_range(seconds, 0, 6); /* 2 s, on a machine that is busy */
}

/* What could not be written down has not happened: the installer is started again for it. */
static void a_step_that_is_not_written_is_not_taken(void **state)
{
	struct update_state update = {.step = UPDATE_CONNECTING, .at = 7, .why = "before"};

	assert_true(update_set_step(-1, &update, UPDATE_DONE, "after") < 0);
	assert_int_equal(update.step, UPDATE_CONNECTING);
	assert_int_equal(update.at, 7);
	assert_string_equal(update.why, "before");
	assert_int_equal(update_set_step(folder.dir_fd, &update, UPDATE_DONE, update.why), 0);
	assert_int_equal(update.step, UPDATE_DONE);
	assert_string_equal(update.why, "before");
}

/* --- the installer itself --- */

static void put_file(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/*
 * It was connected, and the package had become the next way back, when the installer was killed, or
 * the disk did not take the note. After that nobody is connected, and no program of dpkg's answers.
 */
static void test_what_was_connected_once_is_done(void **state)
{
	struct install_options options = {.state_dir = folder.path,
		.runtime_dir = folder.path,
		.tool_dir = folder.path,
		.dpkg_dir = folder.path,
		.etc = folder.path};
	struct update_state update = {
		.step = UPDATE_CONNECTING, .version = "1.1-1", .from = "1.0-1", .back = "1.0-1"};
	int monitor_fd, dir_fd;

	for (unsigned int attempts = 0; attempts < 10; attempts += 9) {
		assert_true(mkdirat(folder.dir_fd, "monitor", 0700) == 0 || attempts > 0);
		monitor_fd = openat(folder.dir_fd, "monitor", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		put_file(monitor_fd, "installed.json", "{\"package\": \"deb\"}");
		dir_fd = update_open(monitor_fd);
		put_file(dir_fd, UPDATE_BACK, "1.1-1");
		put_file(dir_fd, UPDATE_REQUEST, "");
		update.step = UPDATE_CONNECTING;
		update.attempts = attempts;
		assert_int_equal(update_save(dir_fd, &update), 0);
		assert_int_equal(install_run(&options), EXIT_SUCCESS);
		assert_int_equal(update_load(dir_fd, &update), 0);
		assert_int_equal(update.step, UPDATE_DONE);
		assert_string_equal(update.back, "1.1-1");
		assert_string_equal(update.floor, "1.1-1");
		assert_int_equal(faccessat(dir_fd, UPDATE_BACK, F_OK, 0), 0);
		assert_int_equal(faccessat(dir_fd, UPDATE_REQUEST, F_OK, 0), -1);
		close(dir_fd);
		close(monitor_fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_consent, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_no_words_in_roots_mouth, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_consent_of_others, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_is_up, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_what_was_connected_once_is_done, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_a_byte_now_and_then, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			a_step_that_is_not_written_is_not_taken, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
