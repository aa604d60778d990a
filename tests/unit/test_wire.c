/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "host/monitor/wire.h"

static void test_what_is_put_is_got(void **state)
{
	uint8_t buffer[64];
	struct wire_writer out;
	struct wire_reader in;
	char text[8];

	wire_writer_init(&out, buffer, sizeof(buffer));
	wire_put_u8(&out, 0x12);
	wire_put_bool(&out, true);
	wire_put_u16(&out, 0x3456);
	wire_put_u32(&out, 0x789abcde);
	wire_put_string(&out, "hello");
	wire_put_string(&out, NULL);
	assert_false(out.failed);
	assert_int_equal(out.used, 1 + 1 + 2 + 4 + 4 + 5 + 4);

	wire_reader_init(&in, buffer, out.used);
	assert_int_equal(wire_get_u8(&in), 0x12);
	assert_true(wire_get_bool(&in));
	assert_int_equal(wire_get_u16(&in), 0x3456);
	assert_int_equal(wire_get_u32(&in), 0x789abcde);
	wire_get_string(&in, text, sizeof(text));
	assert_string_equal(text, "hello");
	assert_false(wire_is_done(&in));
	wire_get_string(&in, text, sizeof(text));
	assert_string_equal(text, "");
	assert_true(wire_is_done(&in));
}

static void test_writer_keeps_its_bounds(void **state)
{
	uint8_t buffer[8] = {[7] = 0xee};
	struct wire_writer out;

	wire_writer_init(&out, buffer, 7);
	wire_put_u32(&out, 1);
	wire_put_u32(&out, 0xffffffff);
	assert_true(out.failed);
	assert_int_equal(out.used, 4);
	/* failed for good: a later, shorter one does not slip in */
	wire_put_u8(&out, 1);
	assert_int_equal(out.used, 4);
	assert_int_equal(buffer[4], 0);
	assert_int_equal(buffer[7], 0xee);
}

static void test_reader_keeps_its_bounds(void **state)
{
	const uint8_t three[] = {1, 2, 3};
	struct wire_reader in;

	wire_reader_init(&in, three, sizeof(three));
	assert_int_equal(wire_get_u32(&in), 0);
	assert_true(in.failed);
	assert_int_equal(wire_get_u8(&in), 0);
	assert_false(wire_is_done(&in));
}

static void test_bool_is_0_or_1(void **state)
{
	const uint8_t two[] = {2};
	struct wire_reader in;

	wire_reader_init(&in, two, sizeof(two));
	assert_false(wire_get_bool(&in));
	assert_true(in.failed);
}

struct bad_bytes {
	const char *what;
	uint32_t length; /* as it says */
	size_t there;	 /* bytes that really follow */
	const char *bytes;
};

static void test_lengths_that_lie(void **state)
{
	static const struct bad_bytes rows[] = {
		{"longer than what is there", 6,		 5, "hello"   },
		{"longer than the receiver",  8,		8, "12345678"},
		{"largest number",		   UINT32_MAX,     5, "hello"	 },
		{"wraps the position",	       UINT32_MAX - 3, 5, "hello"	 },
		{"a NUL inside",		 5,		    5, "he\0lo"  },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t buffer[32];
		struct wire_reader in;
		char text[8] = "xxxxxxx";

		memcpy(buffer, &rows[i].length, 4);
		memcpy(buffer + 4, rows[i].bytes, rows[i].there);
		wire_reader_init(&in, buffer, 4 + rows[i].there);
		wire_get_string(&in, text, sizeof(text));
		if (!in.failed || text[0] != '\0')
			fail_msg("%s", rows[i].what);
	}
}

static void test_bytes_are_borrowed_and_bounded(void **state)
{
	uint8_t buffer[] = {3, 0, 0, 0, 'a', 'b', 'c'};
	struct wire_reader in;
	size_t length;

	buffer[0] = 3;
	wire_reader_init(&in, buffer, sizeof(buffer));
	assert_ptr_equal(wire_get_bytes(&in, 3, &length), buffer + 4);
	assert_int_equal(length, 3);
	wire_reader_init(&in, buffer, sizeof(buffer));
	assert_null(wire_get_bytes(&in, 2, &length));
	assert_true(in.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_put_is_got),
		cmocka_unit_test(test_writer_keeps_its_bounds),
		cmocka_unit_test(test_reader_keeps_its_bounds),
		cmocka_unit_test(test_bool_is_0_or_1),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_bytes_are_borrowed_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
