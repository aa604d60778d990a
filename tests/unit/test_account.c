/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own accounts on a BMC: made strong, kept durable, gone when removed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/state.h"
#include "base/util.h"
#include "folder.h"
#include "host/link/account.h"

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

static void made_strong(void **state)
{
	struct account a = {.user = ""}, b = {.user = ""};

	for (int i = 0; i < 200; i++) {
		assert_int_equal(account_make(&a), 0);
		assert_int_equal(strlen(a.user), 16);
		assert_int_equal(strlen(a.password), 16);
		assert_non_null(strpbrk(a.password, "abcdefghijklmnopqrstuvwxyz"));
		assert_non_null(strpbrk(a.password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
		assert_non_null(strpbrk(a.password, "0123456789"));
		assert_non_null(strpbrk(a.password, "-_"));
		assert_null(strpbrk(a.password, "'\"\\ :"));
		assert_string_not_equal(a.password, b.password);
		b = a;
	}
}

static void kept_and_removed(void **state)
{
	struct account made, read;
	struct stat st;

	assert_int_equal(account_load(folder.dir_fd, ACCOUNT_FILE, &read), -ENOENT);
	assert_int_equal(account_make(&made), 0);
	assert_int_equal(account_save(folder.dir_fd, ACCOUNT_FILE, &made), 0);
	assert_int_equal(fstatat(folder.dir_fd, ACCOUNT_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(account_load(folder.dir_fd, ACCOUNT_FILE, &read), 0);
	assert_string_equal(read.user, made.user);
	assert_string_equal(read.password, made.password);
	assert_int_equal(account_remove(folder.dir_fd, ACCOUNT_FILE, &read), 0);
	assert_string_equal(read.user, "");
	assert_string_equal(read.password, "");
	assert_int_equal(account_load(folder.dir_fd, ACCOUNT_FILE, &read), -ENOENT);
	assert_int_equal(account_remove(folder.dir_fd, ACCOUNT_FILE, &read), 0); /* again */
}

static void damaged(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{}",
		"{\"format\": 2, \"user\": \"u\", \"password\": \"p\"}",
		"{\"format\": 1, \"user\": \"\", \"password\": \"p\"}",
		"{\"format\": 1, \"user\": \"u\", \"password\": \"\"}",
		"{\"format\": 1, \"user\": \"u\"}",
		"{\"format\": 1, \"user\": 5, \"password\": \"p\"}",
		"{\"format\": 1, \"user\": \"seventeen-letters\", \"password\": \"p\"}",
		"{\"format\": 1, \"user\": \"u\\u001b\", \"password\": \"p\"}"};
	struct account read;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(state_write_file(folder.dir_fd, ACCOUNT_FILE, texts[i],
					 strlen(texts[i]), 0600),
			0);
		memset(&read, 'x', sizeof(read));
		assert_int_equal(account_load(folder.dir_fd, ACCOUNT_FILE, &read), -EBADMSG);
		assert_string_equal(read.user, "");
		assert_string_equal(read.password, "");
	}
	assert_int_equal(account_remove(folder.dir_fd, ACCOUNT_FILE, &read), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_strong),
		cmocka_unit_test(kept_and_removed),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
