/* SPDX-License-Identifier: Apache-2.0 */
/* Our block in a hosts file: what is not ours is the same byte for byte, before and after. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "host/monitor/hosts_text.h"

#define FIRST "# BEGIN bmclink: written by bmclinkd, changes in this block are lost\n"
#define FIRST0                                                                                     \
	"# BEGIN bmclink: written by bmclinkd, changes in this block are lost; the line before "   \
	"had no newline\n"
#define NAMES  "idrac.local drac.local bmc.local"
#define BLOCK  FIRST "169.254.1.1 " NAMES " # bmclink\n# END bmclink\n"
#define BLOCK0 FIRST0 "169.254.1.1 " NAMES " # bmclink\n# END bmclink\n"
#define LOCAL  "127.0.0.1\tlocalhost\n"

static struct hosts_result change(const char *text, size_t length, const char *address)
{
	struct hosts_block wanted = {.names = NAMES, .own = "srv7.example.net"};
	struct hosts_result result;

	if (address != NULL)
		inet_pton(AF_INET, address, &wanted.address);
	assert_int_equal(
		hosts_text_change(text, length, address != NULL ? &wanted : NULL, &result), 0);
	return result;
}

static void expect(const char *text, const char *address, const char *after)
{
	struct hosts_result result = change(text, strlen(text), address), again;

	assert_int_equal(result.length, strlen(after));
	assert_memory_equal(result.text, after, result.length);
	assert_true(result.same == (strcmp(text, after) == 0));
	again = change(result.text, result.length, address); /* and once more changes nothing */
	assert_true(again.same);
	free(again.text);
	free(result.text);
}

static void test_written_and_taken_out(void **state)
{
	static const struct {
		const char *before, *with;
	} cases[] = {
		{LOCAL,			      LOCAL BLOCK				   },
		{"",				 BLOCK				   },
		{"\n\n",			     "\n\n" BLOCK			     },
		{"127.0.0.1 localhost",		"127.0.0.1 localhost\n" BLOCK0	      },
		{"127.0.0.1 localhost\r\n::1 x\r\n", "127.0.0.1 localhost\r\n::1 x\r\n" BLOCK},
		{"127.0.0.1 localhost\r",		  "127.0.0.1 localhost\r\n" BLOCK0	  },
		{"# idrac.local is nobody here\n",   "# idrac.local is nobody here\n" BLOCK	 },
		{"# BEGIN bmclinkx\n",	       "# BEGIN bmclinkx\n" BLOCK		 },
		{"10.0.0.1 a # bmclink\n",	   "10.0.0.1 a # bmclink\n" BLOCK		 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		expect(cases[i].before, "169.254.1.1", cases[i].with);
		expect(cases[i].with, "169.254.1.1", cases[i].with);
		expect(cases[i].with, NULL, cases[i].before);
		expect(cases[i].before, NULL, cases[i].before);
	}
}

static void test_another_address_stays_in_its_place(void **state)
{
	expect(LOCAL BLOCK "10.0.0.7 other\n", "169.254.0.1",
		LOCAL FIRST "169.254.0.1 " NAMES " # bmclink\n# END bmclink\n10.0.0.7 other\n");
	/* what was appended since keeps the newline before it */
	expect("x"
	       "\n" BLOCK0 "10.0.0.7 other",
		NULL, "x\n10.0.0.7 other");
}

static void test_blocks_that_are_not_as_we_wrote_them(void **state)
{
	/* a line that somebody put into it */
	expect(LOCAL FIRST "10.0.0.7 mine\n169.254.1.1 " NAMES " # bmclink\n# END bmclink\n", NULL,
		LOCAL "10.0.0.7 mine\n");
	expect(LOCAL FIRST "10.0.0.7 mine\n169.254.1.1 " NAMES " # bmclink\n# END bmclink\n",
		"169.254.1.1", LOCAL BLOCK "10.0.0.7 mine\n");
	/* without its end: the rest of the file is not swallowed */
	expect(FIRST "169.254.1.1 a # bmclink\n" LOCAL "10.0.0.7 other\n", NULL,
		LOCAL "10.0.0.7 other\n");
	/* without its beginning */
	expect("169.254.9.9 a # bmclink\n# END bmclink\n" LOCAL, NULL,
		"169.254.9.9 a # bmclink\n" LOCAL);
	/* several */
	expect(BLOCK LOCAL BLOCK "10.0.0.7 other\n" BLOCK, NULL, LOCAL "10.0.0.7 other\n");
	expect(BLOCK LOCAL BLOCK, "169.254.1.1", BLOCK LOCAL);
	/* cut short */
	expect(LOCAL "# BEGIN bmclink", NULL, LOCAL);
	/* from an editor of another system */
	expect("# BEGIN bmclink\r\n1.2.3.4 a # bmclink\r\n# END bmclink\r\n" LOCAL, NULL, LOCAL);
}

static void check_taken(const char *text, const char *written, const char *taken)
{
	struct hosts_result result = change(text, strlen(text), "169.254.1.1");

	assert_string_equal(result.written, written);
	assert_string_equal(result.taken, taken);
	if (written[0] == '\0')
		assert_true(result.same);
	assert_true(result.length >= strlen(text));
	assert_memory_equal(result.text, text, strlen(text));
	free(result.text);
}

static void test_an_administrators_line_is_not_shadowed(void **state)
{
	check_taken("10.9.9.9 idrac.local\n", "drac.local bmc.local", "idrac.local");
	check_taken("10.9.9.9 x IDRAC.Local # why\n", "drac.local bmc.local", "IDRAC.Local");
	check_taken("10.9.9.9\tbmc.local idrac.local\n::1 drac.local\n", "",
		"bmc.local idrac.local drac.local");
	check_taken("#10.9.9.9 idrac.local\n", NAMES, "");
	check_taken("idrac.local is no address\n", NAMES, "");
	check_taken("10.9.9.9 idrac.local.example idrac\n", NAMES, "");
}

static void test_the_hosts_own_name(void **state)
{
	const struct hosts_block wanted = {
		.names = "srv7 bmc.local SRV7.example.net", .own = "srv7.example.net"};
	struct hosts_result result;

	assert_int_equal(hosts_text_change("", 0, &wanted, &result), 0);
	assert_string_equal(result.written, "bmc.local");
	assert_string_equal(result.taken, "srv7 SRV7.example.net");
	free(result.text);
}

static void test_bounds(void **state)
{
	const struct hosts_block wanted = {.names = NAMES, .own = ""};
	char *big = malloc(HOSTS_MAX_FILE + 1);
	struct hosts_result result;

	assert_non_null(big);
	memset(big, '\n', HOSTS_MAX_FILE + 1);
	assert_int_equal(hosts_text_change(big, HOSTS_MAX_FILE + 1, NULL, &result), -EFBIG);
	assert_int_equal(hosts_text_change(big, HOSTS_MAX_FILE, &wanted, &result), -EFBIG);
	assert_int_equal(hosts_text_change(big, HOSTS_MAX_FILE, NULL, &result), 0);
	assert_true(result.same);
	free(result.text);
	free(big);
}

/* Lines of all kinds in any order: with the block and without it again is the file as it was. */
static void test_random_files(void **state)
{
	static const char *const lines[] = {LOCAL, "\n", "10.0.0.1 a b\n", "# BEGIN bmclinky\n",
		"x # bmclink\n", "\r\n", "# x\n", "10.0.0.2 idrac.local\n", "no newline", "\t \n"};
	unsigned int seed = 20261122;
	char text[4096];

	for (unsigned int i = 0; i < 20000; i++) {
		struct hosts_result with, without;

		text[0] = '\0';
		for (unsigned int k = (seed = seed * 1103515245U + 12345U) >> 28; k > 0; k--) {
			seed = seed * 1103515245U + 12345U;
			strcat(text, lines[(seed >> 16) % ARRAY_SIZE(lines)]);
		}
		with = change(text, strlen(text), "169.254.1.1");
		without = change(with.text, with.length, NULL);
		assert_int_equal(without.length, strlen(text));
		assert_memory_equal(without.text, text, without.length);
		free(with.text);
		free(without.text);
	}
}

static void test_bytes_of_any_kind(void **state)
{
	static const char text[] = "127.0.0.1 a\0b\xff\n\0\n";
	struct hosts_result with = change(text, sizeof(text) - 1, "169.254.1.1"), without;

	assert_memory_equal(with.text, text, sizeof(text) - 1);
	without = change(with.text, with.length, NULL);
	assert_int_equal(without.length, sizeof(text) - 1);
	assert_memory_equal(without.text, text, without.length);
	free(with.text);
	free(without.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_and_taken_out),
		cmocka_unit_test(test_another_address_stays_in_its_place),
		cmocka_unit_test(test_blocks_that_are_not_as_we_wrote_them),
		cmocka_unit_test(test_an_administrators_line_is_not_shadowed),
		cmocka_unit_test(test_the_hosts_own_name),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_random_files),
		cmocka_unit_test(test_bytes_of_any_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
