/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/message.h"
#include "base/text.h"
#include "base/util.h"

#define BYTES(s) s, sizeof(s) - 1

struct printable_row {
	const char *what, *in;
	size_t length;
	const char *out;
};

/* clang-format off */
static const struct printable_row printable[] = {
	{"plain",			       BYTES("BMC 1.2"),				    "BMC 1.2"   },
	{"empty",			       BYTES(""),				       ""	       },
	{"two, three and four byte characters", BYTES("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x8c"),
		"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x8c"							    },
	{"newline",			     BYTES("a\nb"),				   "a?b"	},
	{"carriage return",			    BYTES("a\rb"),				   "a?b"	},
	{"tab",				 BYTES("a\tb"),				   "a?b"	    },
	{"zero byte",			   BYTES("a\0b"),				     "a?b"	  },
	{"terminal title",			   BYTES("\x1b]0;root\x07x"),			      "?]0;root?x"},
	{"clear screen",			 BYTES("\x1b[2J"),				   "?[2J"	 },
	{"C1 CSI as a character",
		BYTES("\xc2\x9b"
		      "2J"),
		"?2J"											       },
	{"C1 CSI as a byte",
		BYTES("\x9b"
		      "2J"),
		"?2J"											       },
	{"delete",			      BYTES("a\x7f"),				   "a?"	       },
	{"bidirectional override",
		BYTES("a\xe2\x80\xae"
		      "b"),
		"a?b"											       },
	{"bidirectional isolate",		  BYTES("\xe2\x81\xa6x"),			  "?x"	      },
	{"line separator",			   BYTES("a\xe2\x80\xa8z"),			    "a?z"	 },
	{"paragraph separator",			BYTES("a\xe2\x80\xa9z"),			 "a?z"	      },
	{"zero width space",		     BYTES("a\xe2\x80\x8bz"),			      "a?z"	   },
	{"byte order mark",			    BYTES("\xef\xbb\xbfz"),			    "?z"	},
	{"tag characters",			   BYTES("\xf3\xa0\x81\x81z"),		       "?z"	   },
	{"overlong slash",			   BYTES("\xc0\xaf"),				      "??"	  },
	{"overlong zero",			  BYTES("\xe0\x80\x80"),				 "???"	      },
	{"surrogate",			   BYTES("\xed\xa0\x80"),			     "???"	  },
	{"above the last character",	     BYTES("\xf4\x90\x80\x80"),			"????"      },
	{"five byte form",			   BYTES("\xf8\x88\x80\x80\x80"),			  "?????"	 },
	{"cut in a character",		       BYTES("a\xe2\x82"),				   "a??"	},
	{"lone continuation",		      BYTES("\x80z"),				      "?z"	  },
	{"broken by a good character",	       BYTES("\xe2\x28\xa1"),			      "?(?"	   },
	{"FFh",				 BYTES("\xff\xfe"),				   "??"	       },
	{"not a character",			    BYTES("\xef\xbf\xbe"),			   "?"	      },
};
/* clang-format on */

static void test_printable(void **state)
{
	char out[64];

	for (size_t i = 0; i < ARRAY_SIZE(printable); i++) {
		const struct printable_row *row = &printable[i];
		size_t n = text_make_printable(row->in, row->length, out, sizeof(out));

		if (strcmp(out, row->out) != 0 || n != strlen(row->out))
			fail_msg("%s: got '%s'", row->what, out);
		assert_true(text_is_printable(out, 63));
		/* What passes unchanged is printable, what is changed is not. */
		if (row->length == strlen(row->in))
			assert_int_equal(
				text_is_printable(row->in, 63), strcmp(row->in, row->out) == 0);
	}
}

static void test_cut(void **state)
{
	/* clang-format off */
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} rows[] = {
		{"abcdef",		   7, "abcdef"		      },
		{"abcdef",		   6, "ab..."		     },
		{"abcdef",		   4, "..."			   },
		{"abcdef",		   3, "ab"			  },
		{"abcdef",		   1, ""			},
 /* 6 bytes in 2-byte characters: the cut falls between characters */
		{"\xc3\xa9\xc3\xa9\xc3\xa9", 7, "\xc3\xa9\xc3\xa9\xc3\xa9"},
		{"\xc3\xa9\xc3\xa9\xc3\xa9", 6, "\xc3\xa9..."	     },
		{"\xc3\xa9\xc3\xa9\xc3\xa9", 5, "..."		     },
		{"\xc3\xa9\xc3\xa9\xc3\xa9", 2, ""			  },
		{"a\xf0\x9f\x94\x8c"
		 "b",	6, "a..."			 },
	};
	/* clang-format on */
	char out[16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(out, 'X', sizeof(out));
		text_make_printable(rows[i].in, strlen(rows[i].in), out, rows[i].size);
		assert_string_equal(out, rows[i].out);
		assert_int_equal(out[rows[i].size], 'X');
	}
	out[0] = 'X';
	assert_int_equal(text_make_printable("abc", 3, out, 0), 0);
	assert_int_equal(out[0], 'X');
}

/* Whatever the bytes, the result is printable and within its bound. */
static void test_any_bytes(void **state)
{
	uint32_t seed = 42;
	char in[40], out[24];

	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1664525 + 1013904223;
			/* Mostly bytes that matter to UTF-8. */
			in[i] = (char)((seed >> 24) | (round & 1 ? 0x80 : 0));
		}
		size_t size = 1 + (seed >> 16) % sizeof(out);
		size_t n = text_make_printable(in, sizeof(in), out, size);

		assert_true(n < size && strlen(out) == n);
		assert_true(text_is_printable(out, n));
		n = text_make_audit_value(in, sizeof(in), out, size);
		assert_true(n < size && strlen(out) == n);
	}
}

static void test_is_printable_bound(void **state)
{
	assert_true(text_is_printable("abc", 3));
	assert_false(text_is_printable("abcd", 3));
	assert_true(text_is_printable("", 0));
}

static void test_audit(void **state)
{
	/* clang-format off */
	static const struct {
		const char *in;
		size_t length;
		const char *out;
	} rows[] = {
		{BYTES("169.254.1.1"),	       "169.254.1.1"    },
		{BYTES("fe80::1%bmc0"),	"fe80::1%bmc0"   },
		{BYTES("TLS 1.3"),		   "TLS_1.3"	    },
		{BYTES("x res=success"),	 "x_res_success"	},
		{BYTES("a\" b='c'"),	     "a__b__c_"       },
		{BYTES("a\nb\0c"),		   "a_b_c"	  },
		{BYTES("\xc3\xa9"),	    "__"		},
		{BYTES(""),		    ""		      },
		{BYTES("0123456789abcdefXYZ"), "0123456789abcde"},
	};
	/* clang-format on */
	char out[16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = text_make_audit_value(rows[i].in, rows[i].length, out, sizeof(out));

		assert_string_equal(out, rows[i].out);
		assert_int_equal(n, strlen(out));
	}
}

static void test_hex(void **state)
{
	/* clang-format off */
	static const char *const wrong[] = {"", "00ff1", "00ff1g", "00:ff:1", "00:ff:1x", "00:ff1a",
		"00ff1a1a", "00:ff:1a:", ":00:ff:1a", "00-ff-1a", " 0ff1a", "00::f:1a", "0 ff 1a"};
	/* clang-format on */
	static const char *const right[] = {"00ff1a", "00:ff:1a", "00FF1A", "00:fF:1A"};
	unsigned char bytes[3] = {0, 0xff, 0x1a}, got[3];
	char out[9];

	text_make_hex(bytes, 3, ':', out);
	assert_string_equal(out, "00:ff:1a");
	text_make_hex(bytes, 3, 0, out);
	assert_string_equal(out, "00ff1a");
	text_make_hex(bytes, 0, 0, out);
	assert_string_equal(out, "");
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		memset(got, 7, 3);
		assert_int_equal(text_parse_hex(right[i], got, 3), 0);
		assert_memory_equal(got, bytes, 3);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		memset(got, 7, 3);
		if (text_parse_hex(wrong[i], got, 3) != -EINVAL)
			fail_msg("'%s' passed", wrong[i]);
		assert_memory_equal(got, "\7\7\7", 3);
	}
}

static void test_message(void **state)
{
	const char *args[] = {"IPv4", "1.2.3.4\nFake: line", NULL, "TLS 1.3"};
	char out[MESSAGE_MAX_TEXT], big[2000];
	enum message_id id = MSG_COUNT;

	message_format(MSG_ISM0004, args, out, sizeof(out));
	assert_string_equal(out, "Communication with the BMC has started over IPv4 (host "
				 "1.2.3.4?Fake: line, BMC , TLS 1.3).");
	/* A percent sign in an argument is not looked at again. */
	args[1] = "%1%4";
	message_format(MSG_ISM0004, args, out, sizeof(out));
	assert_non_null(strstr(out, "host %1%4, BMC"));
	message_format_resolution(MSG_ISM0057, args, out, sizeof(out));
	assert_string_equal(out, "TLS 1.3");

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 0; i < 4; i++)
		args[i] = big;
	assert_true(message_format(MSG_ISM0004, args, out, sizeof(out)) < sizeof(out));
	assert_true(message_format(MSG_ISM0004, args, out, 20) < 20);

	assert_int_equal(message_find("ISM0050", &id), 0);
	assert_int_equal(id, MSG_ISM0050);
	assert_int_equal(message_find("ISM9999", &id), -ENOENT);
	assert_string_equal(message_get(MSG_ISM0050)->id, "ISM0050");
	assert_string_equal(message_severity_name(SEVERITY_CRITICAL), "Critical");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_is_printable_bound),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
