/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/state.h"
#include "base/util.h"
#include "folder.h"

static struct folder folder;

static int set_up(void **state)
{
	folder_make(&folder);
	return 0;
}

static int tear_down(void **state)
{
	folder_remove(&folder);
	return 0;
}

static void assert_content(const char *name, const char *expected)
{
	_cleanup_free_ char *data = NULL;
	size_t length = 0;

	assert_int_equal(state_read_file(folder.dir_fd, name, &data, &length), 0);
	assert_int_equal(length, strlen(expected));
	assert_string_equal(data, expected);
}

static unsigned int count_files(void)
{
	DIR *d = opendir(folder.path);
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_write_and_read(void **state)
{
	struct stat st;
	mode_t old = umask(077);

	assert_int_equal(state_write_file(folder.dir_fd, "a", "one", 3, 0644), 0);
	assert_content("a", "one");
	assert_int_equal(state_write_file(folder.dir_fd, "a", "", 0, 0600), 0);
	assert_content("a", "");
	assert_int_equal(state_write_file(folder.dir_fd, "b", "x", 1, 0644), 0);
	umask(old);
	assert_int_equal(fstatat(folder.dir_fd, "b", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644); /* whatever the umask */
	assert_int_equal(fstatat(folder.dir_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(count_files(), 2);
	assert_int_equal(state_remove_file(folder.dir_fd, "a"), 0);
	assert_int_equal(state_remove_file(folder.dir_fd, "a"), 0);
	assert_int_equal(state_remove_file(folder.dir_fd, "b"), 0);
	assert_int_equal(count_files(), 0);
}

static void test_replace_is_atomic(void **state)
{
	char buffer[8] = "";
	int old;

	assert_int_equal(state_write_file(folder.dir_fd, "a", "old", 3, 0600), 0);
	old = openat(folder.dir_fd, "a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(state_write_file(folder.dir_fd, "a", "newer", 5, 0600), 0);
	/* Whoever has the old one open still has it whole: it was replaced, not written over. */
	assert_int_equal(read(old, buffer, sizeof(buffer)), 3);
	assert_string_equal(buffer, "old");
	close(old);
	assert_content("a", "newer");
}

static void test_left_over_temporary(void **state)
{
	/* As a crash leaves it; or, worse, a link to a file that is not ours to write. */
	assert_int_equal(state_write_file(folder.dir_fd, "victim", "v", 1, 0600), 0);
	assert_int_equal(symlinkat("victim", folder.dir_fd, ".a.tmp"), 0);
	assert_int_equal(state_write_file(folder.dir_fd, "a", "fresh", 5, 0600), 0);
	assert_content("a", "fresh");
	assert_content("victim", "v");
	assert_int_equal(state_remove_file(folder.dir_fd, "victim"), 0);
}

static void test_names(void **state)
{
	static const char *const wrong[] = {"", ".", "..", "../a", "a/b", "/etc/passwd"};
	char name[300], *data = NULL;
	size_t length;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(state_write_file(folder.dir_fd, wrong[i], "x", 1, 0600), -EINVAL);
		assert_int_equal(state_read_file(folder.dir_fd, wrong[i], &data, &length), -EINVAL);
		assert_int_equal(state_remove_file(folder.dir_fd, wrong[i]), -EINVAL);
	}
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(state_write_file(folder.dir_fd, name, "x", 1, 0600), -EINVAL);
	assert_null(data);
}

static void test_foreign_files(void **state)
{
	char *data = NULL;
	size_t length = 99;

	assert_int_equal(state_read_file(folder.dir_fd, "none", &data, &length), -ENOENT);
	assert_int_equal(mkfifoat(folder.dir_fd, "fifo", 0600), 0);
	assert_int_equal(state_read_file(folder.dir_fd, "fifo", &data, &length), -EBADMSG);
	assert_int_equal(mkdirat(folder.dir_fd, "dir", 0700), 0);
	assert_int_equal(state_read_file(folder.dir_fd, "dir", &data, &length), -EBADMSG);
	assert_int_equal(symlinkat("/etc/passwd", folder.dir_fd, "link"), 0);
	assert_int_equal(state_read_file(folder.dir_fd, "link", &data, &length), -ELOOP);
	assert_null(data);
	assert_int_equal(length, 99);
	unlinkat(folder.dir_fd, "fifo", 0);
	unlinkat(folder.dir_fd, "dir", AT_REMOVEDIR);
	unlinkat(folder.dir_fd, "link", 0);
}

static void test_size(void **state)
{
	static char big[STATE_MAX_FILE + 1];
	char *data = NULL;
	size_t length = 0;
	int fd;

	assert_int_equal(state_write_file(folder.dir_fd, "big", big, STATE_MAX_FILE, 0600), 0);
	assert_int_equal(state_read_file(folder.dir_fd, "big", &data, &length), 0);
	assert_int_equal(length, STATE_MAX_FILE);
	free(data);
	data = NULL;
	assert_int_equal(state_write_file(folder.dir_fd, "big", big, sizeof(big), 0600), -EFBIG);
	fd = openat(folder.dir_fd, "big", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(state_read_file(folder.dir_fd, "big", &data, &length), -EFBIG);
	assert_null(data);
	assert_int_equal(state_remove_file(folder.dir_fd, "big"), 0);
}

static void test_json(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		int expected;
	} rows[] = {
		{"{\"a\": 1}", 0},
		{" {} \n", 0},
		{"", -EBADMSG},
		{"{\"a\": 1", -EBADMSG},      /* cut off */
		{"{\"a\": 1}}", -EBADMSG},    /* something behind */
		{"[1]", -EBADMSG},	      /* not an object */
		{"\"text\"", -EBADMSG},	      /* not an object */
		{"{\"a\":1,\"a\":2}", -EBADMSG}, /* which one? */
		{"{\"a\":\"\xff\"}", -EBADMSG},  /* not UTF-8 */
		{"\x7f" "ELF", -EBADMSG},
	};
	/* clang-format on */
	json_t *object = NULL, *written = json_pack("{s:s, s:i}", "pin", "00:ff", "n", 3);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(state_write_file(folder.dir_fd, "j", rows[i].text,
					 strlen(rows[i].text), 0600),
			0);
		assert_int_equal(state_read_json(folder.dir_fd, "j", &object), rows[i].expected);
		if (rows[i].expected == 0) {
			json_decref(object);
			object = NULL;
		}
		assert_null(object);
	}
	assert_int_equal(state_write_json(folder.dir_fd, "j", written, 0600), 0);
	assert_int_equal(state_read_json(folder.dir_fd, "j", &object), 0);
	assert_true(json_equal(object, written));
	json_decref(object);
	json_decref(written);
	written = json_array();
	assert_int_equal(state_write_json(folder.dir_fd, "j", written, 0600), -EINVAL);
	json_decref(written);
	assert_int_equal(state_remove_file(folder.dir_fd, "j"), 0);
}

/* No room on the disk: the old content stays, no temporary file does. In a child, for the limit
 * is the process's; SIGXFSZ ignored, write() fails in the middle as it does on a full disk. */
static void test_full_disk(void **state)
{
	static char big[64 * 1024];
	unsigned int before;
	int status;
	pid_t child;

	assert_int_equal(state_write_file(folder.dir_fd, "kept", "precious", 8, 0600), 0);
	before = count_files();
	child = fork();
	if (child == 0) {
		struct rlimit limit = {4096, 4096};
		int r;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		r = state_write_file(folder.dir_fd, "kept", big, sizeof(big), 0600);
		_exit(r == -EFBIG ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_content("kept", "precious");
	assert_int_equal(count_files(), before);
	/* And with room it does work. */
	assert_int_equal(state_write_file(folder.dir_fd, "kept", big, sizeof(big), 0600), 0);
}

/* Killed at any moment: the old content or the new. */
static void test_killed_writer(void **state)
{
	static char text[2][20000];
	int seen[2] = {0, 0};

	memset(text[0], 'a', sizeof(text[0]));
	memset(text[1], 'b', sizeof(text[1]));
	assert_int_equal(state_write_file(folder.dir_fd, "k", text[0], sizeof(text[0]), 0600), 0);
	for (int round = 0; round < 60; round++) {
		_cleanup_free_ char *data = NULL;
		size_t length = 0;
		int ready[2];
		char byte;
		pid_t child;

		assert_int_equal(pipe(ready), 0);
		child = fork();
		if (child == 0) {
			for (int i = round;; i++) {
				state_write_file(
					folder.dir_fd, "k", text[i & 1], sizeof(text[0]), 0600);
				if (write(ready[1], "x", 1) < 0)
					_exit(1);
			}
		}
		for (int i = 0; i <= round % 3; i++)
			assert_int_equal(read(ready[0], &byte, 1), 1);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(ready[0]);
		close(ready[1]);
		assert_int_equal(state_read_file(folder.dir_fd, "k", &data, &length), 0);
		assert_int_equal(length, sizeof(text[0]));
		assert_memory_equal(data, text[data[0] == 'b'], length);
		seen[data[0] == 'b']++;
	}
	assert_true(seen[0] > 0 && seen[1] > 0);
}

static void test_open_dir(void **state)
{
	char path[sizeof(folder.path) + 8];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/sub", folder.path);
	fd = state_open_dir(path, 0700);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	close(fd);
	fd = state_open_dir(path, 0700);
	assert_true(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/no/sub", folder.path);
	assert_int_equal(state_open_dir(path, 0700), -ENOENT);
	assert_int_equal(state_write_file(folder.dir_fd, "file", "", 0, 0600), 0);
	snprintf(path, sizeof(path), "%s/file", folder.path);
	assert_int_equal(state_open_dir(path, 0700), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_and_read),
		cmocka_unit_test(test_replace_is_atomic),
		cmocka_unit_test(test_left_over_temporary),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_killed_writer),
		cmocka_unit_test(test_open_dir),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
