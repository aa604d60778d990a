/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/util.h"

struct sample {
	bool flag;
	int choice;
	long number;
	char text[8];
	struct in_addr ipv4;
	struct in6_addr ipv6;
	int other; /* no key's: must stay as it is */
};

static const char *const choices[] = {"", "low", "high", NULL};

#define MEMBER(m) offsetof(struct sample, m), sizeof(((struct sample *)0)->m)
/* clang-format off */
static const struct config_key keys[] = {
	{"Link", "flag", config_parse_onoff, MEMBER(flag), .fallback = "on"},
	{"Link", "choice", config_parse_enum, MEMBER(choice), .names = choices, .fallback = "low"},
	{"Link", "number", config_parse_number, MEMBER(number), .minimum = 1, .maximum = 65535,
		.fallback = "443"},
	{"Link", "text", config_parse_string, MEMBER(text), .fallback = "auto"},
	{"Net", "ipv4", config_parse_ipv4, MEMBER(ipv4), .fallback = ""},
	{"Net", "ipv6", config_parse_ipv6, MEMBER(ipv6), .fallback = ""},
};
/* clang-format on */

static const char *find_contradiction(const void *settings)
{
	const struct sample *s = settings;

	return s->number == 7 && !s->flag ? "number and flag: expected flag = on beside 7" : NULL;
}

static const struct config_table table = {
	keys, ARRAY_SIZE(keys), sizeof(struct sample), find_contradiction};

static int parse(const char *text, size_t length, struct sample *sample, char **error)
{
	return config_load_text(text, length, "F", &table, sample, error);
}

static void test_defaults(void **state)
{
	struct sample s = {.other = 7, .number = 3};
	char *error = NULL;

	assert_int_equal(parse("", 0, &s, &error), 0);
	assert_true(s.flag && s.choice == 1 && s.number == 443 && s.other == 7);
	assert_string_equal(s.text, "auto");
	assert_int_equal(s.ipv4.s_addr, 0);
	assert_null(error);
}

static void test_values(void **state)
{
	static const char text[] = "\xef\xbb\xbf# a comment\r\n"
				   "; another\n"
				   "\n"
				   "   [ Link ]  \r\n"
				   "flag=off\r\n"
				   "\tchoice =  high \n"
				   "number = 65535\n"
				   "text = a=b#c\n"
				   "[Net]\n"
				   "ipv4 = 169.254.1.1\n"
				   "[Link]\n"
				   "flag = on\n" /* a later value replaces an earlier one */
				   "flag = off\n"
				   "choice =\n" /* empty: the default again */
				   "[Net]\n"
				   "ipv6 = fe80::1"; /* no newline at the end */
	struct sample s = {0};
	char *error, address[64];

	assert_int_equal(parse(text, sizeof(text) - 1, &s, &error), 0);
	assert_false(s.flag);
	assert_int_equal(s.choice, 1);
	assert_int_equal(s.number, 65535);
	assert_string_equal(s.text, "a=b#c");
	assert_string_equal(inet_ntop(AF_INET, &s.ipv4, address, 64), "169.254.1.1");
	assert_string_equal(inet_ntop(AF_INET6, &s.ipv6, address, 64), "fe80::1");
}

struct error_row {
	const char *text;
	size_t length;
	const char *error; /* the whole text; a '*' at its end: that is its start */
};

#define T(s) s, sizeof(s) - 1
/* clang-format off */
static const struct error_row errors[] = {
	{T("\n[Link]\nflag = maybe\n"), "F:3: Key 'flag' in [Link]: expected on or off, found 'maybe'"},
	{T("[Link]\nchoice = mid\n"), "F:2: Key 'choice' in [Link]: expected low or high, found 'mid'"},
	{T("[Link]\nnumber = 0\n"),
		"F:2: Key 'number' in [Link]: expected a number from 1 to 65535, found '0'"},
	{T("[Link]\nnumber = 65536"), "F:2: *"},
	{T("[Link]\nnumber = -1"), "F:2: *"},
	{T("[Link]\nnumber = 1 2"), "F:2: *"},
	{T("[Link]\nnumber = 0x10"), "F:2: *"},
	{T("[Link]\nnumber = 99999999999999999999999"), "F:2: *"},
	{T("[Link]\ntext = 12345678"),
		"F:2: Key 'text' in [Link]: expected at most 7 bytes of printable UTF-8 text, found "
		"'12345678'"},
	{T("[Link]\ntext = a\x1b[2J"), "F:2: Key 'text' in [Link]: expected at most 7 bytes of "
				       "printable UTF-8 text, found 'a?[2J'"},
	{T("[Link]\ntext = \xff"), "F:2: *"},
	{T("[Net]\nipv4 = 169.254.1"), "F:2: Key 'ipv4' in [Net]: expected an IPv4 unicast address "
				       "such as 169.254.1.1, found '169.254.1'"},
	{T("[Net]\nipv4 = 0.0.0.0"), "F:2: *"},
	{T("[Net]\nipv4 = 224.0.0.1"), "F:2: *"},
	{T("[Net]\nipv4 = 255.255.255.255"), "F:2: *"},
	{T("[Net]\nipv4 = 010.1.1.1"), "F:2: *"},
	{T("[Net]\nipv4 = fe80::1"), "F:2: *"},
	{T("[Net]\nipv6 = fe80::1%eth0"), "F:2: *"},
	{T("[Net]\nipv6 = ff02::1"), "F:2: *"},
	{T("[Net]\nipv6 = ::"), "F:2: *"},
	{T("[Net]\nipv6 = ::ffff:1.2.3.4"), "F:2: *"},
	{T("[Net]\nipv6 = 1.2.3.4"), "F:2: *"},
	{T("[Lnk]\n"), "F:1: unknown section: expected one of [Link], [Net], found '[Lnk]'"},
	{T("[link]\n"), "F:1: unknown section*"},
	{T("[]\n"), "F:1: unknown section*"},
	{T("[Link\n"), "F:1: expected ']' at the end of the section's name"},
	{T("["), "F:1: expected ']' at the end of the section's name"},
	{T("[Link]\nflg = on\n"),
		"F:2: unknown key in [Link]: expected one of flag, choice, number, text, found 'flg'"},
	{T("[Link]\nipv4 = 1.2.3.4\n"), "F:2: unknown key in [Link]*"},
	{T("[Link]\n= on\n"), "F:2: unknown key in [Link]*"},
	{T("flag = on\n"), "F:1: expected a section ([Link], [Net]) before 'flag = on'"},
	{T("[Link]\nflag\n"),
		"F:2: expected 'Key = value', '[Section]' or a comment, found 'flag'"},
	{T("[Link]\nflag = on # really\n"),
		"F:2: Key 'flag' in [Link]: expected on or off, found 'on # really'"},
	{T("[Link]\n\nfl\0ag = on\n"), "F:3: expected text, found a zero byte"},
	{T("\0"), "F:1: expected text, found a zero byte"},
	{T("[Link]\n\xef\xbb\xbf" "flag = on\n"), "F:2: unknown key in [Link]*"},
};
/* clang-format on */

static bool error_fits(const char *error, const char *pattern)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return strncmp(error, pattern, n - 1) == 0;
	return strcmp(error, pattern) == 0;
}

static void test_errors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct sample s = {.number = 99, .other = 7}, before = s;
		char *error = NULL;

		assert_int_equal(parse(errors[i].text, errors[i].length, &s, &error), -EINVAL);
		if (!error || !error_fits(error, errors[i].error))
			fail_msg("expected: %s\nfound: %s", errors[i].error, error);
		assert_memory_equal(&s, &before, sizeof(s));
		free(error);
	}
}

static void test_long(void **state)
{
	static char text[CONFIG_MAX_FILE + 2];
	struct sample s = {0};
	char *error = NULL;

	/* A comment of exactly the bound passes, one byte more does not. */
	memset(text, '#', sizeof(text));
	text[CONFIG_MAX_LINE] = '\n';
	assert_int_equal(parse(text, CONFIG_MAX_LINE + 1, &s, &error), 0);
	memset(text, '#', sizeof(text));
	assert_int_equal(parse(text, CONFIG_MAX_LINE + 1, &s, &error), -EINVAL);
	assert_string_equal(error, "F:1: expected a line of at most 1024 bytes, found 1025");
	free(error);

	memset(text, '\n', sizeof(text));
	assert_int_equal(parse(text, CONFIG_MAX_FILE, &s, &error), 0);
	assert_int_equal(parse(text, CONFIG_MAX_FILE + 1, &s, &error), -EINVAL);
	assert_string_equal(error, "F: expected a file of at most 65536 bytes, found 65537");
	free(error);
}

static char dir[] = "/tmp/test_config.XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int load(bool missing_ok, struct sample *s, char **error)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/main.conf", dir);
	return config_load(path, missing_ok, &table, s, error);
}

/* Right key by key, wrong together: nothing is taken; the file's own errors come first. */
static void test_contradiction(void **state)
{
	static const char both[] = "[Link]\nnumber = 7\nflag = off\n";
	static const char worse[] = "[Link]\nnumber = 7\nflag = off\nodd = 1\n";
	static const char fine[] = "[Link]\nnumber = 7\nflag = on\n";
	struct sample s = {.other = 7, .number = 3};
	char *error = NULL;

	assert_int_equal(parse(both, strlen(both), &s, &error), -EINVAL);
	assert_string_equal(error, "F: number and flag: expected flag = on beside 7");
	assert_int_equal(s.number, 3);
	free(error);
	assert_int_equal(parse(worse, strlen(worse), &s, &error), -EINVAL);
	assert_non_null(strstr(error, "F:4: "));
	free(error);
	assert_int_equal(parse(fine, strlen(fine), &s, &error), 0);
	assert_int_equal(s.number, 7);
	assert_int_equal(s.other, 7);
}

static void test_files(void **state)
{
	char path[256], expected[512];
	struct sample s = {0};
	char *error = NULL;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(load(true, &s, &error), 0);
	assert_int_equal(s.number, 443);
	assert_int_equal(load(false, &s, &error), -ENOENT);
	snprintf(expected, sizeof(expected),
		"%s/main.conf: cannot be read: No such file or directory", dir);
	assert_string_equal(error, expected);
	free(error);

	write_file("main.conf", "[Link]\nnumber = 1\ntext = main\nchoice = high\n");
	assert_int_equal(load(false, &s, &error), 0);
	assert_int_equal(s.number, 1);

	/* In strcmp order, over the file, *.conf only; an empty value is the default again. */
	snprintf(path, sizeof(path), "%s/main.conf.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("main.conf.d/20-b.conf", "[Link]\nnumber = 3\n");
	write_file("main.conf.d/10-a.conf", "[Link]\nnumber = 2\ntext = a\nchoice =\n");
	write_file("main.conf.d/30-c.conf.bak", "nonsense");
	write_file("main.conf.d/.40.conf", "nonsense");
	assert_int_equal(load(false, &s, &error), 0);
	assert_int_equal(s.number, 3);
	assert_string_equal(s.text, "a");
	assert_int_equal(s.choice, 1);

	/* An error in a drop-in names the drop-in, and nothing is taken. */
	write_file("main.conf.d/30-c.conf", "[Link]\nnumber = 9\nfalg = on\n");
	assert_int_equal(load(false, &s, &error), -EINVAL);
	snprintf(expected, sizeof(expected), "%s/main.conf.d/30-c.conf:3: unknown key", dir);
	assert_memory_equal(error, expected, strlen(expected));
	assert_int_equal(s.number, 3);
	free(error);

	/* A drop-in stands by itself: the section of the file before does not go on in it. */
	write_file("main.conf.d/30-c.conf", "number = 9\n");
	assert_int_equal(load(false, &s, &error), -EINVAL);
	assert_non_null(strstr(error, "30-c.conf:1: expected a section"));
	free(error);
}

static void test_not_a_file(void **state)
{
	char path[256], command[300];
	struct sample s = {0};
	char *error = NULL;

	snprintf(path, sizeof(path), "%s/main.conf", dir);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* must not block */
	assert_int_equal(load(true, &s, &error), -EINVAL);
	assert_non_null(strstr(error, "main.conf: expected a file"));
	free(error);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(load(true, &s, &error), -EINVAL);
	free(error);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_not_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
