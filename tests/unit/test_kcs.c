/* SPDX-License-Identifier: Apache-2.0 */
/* What BMCs answer over IPMI: by the standard, and as they do in the field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "host/link/kcs.h"

#define FP32 "0123456789abcdefghijklmnopqrstuv"

static void fingerprints(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum kcs_status status;
	} rows[] = {
		{"\0\x52\x01" FP32,	    35, KCS_OK	      },
		{"\0\x52\x01" FP32,	    34, KCS_BROKEN	  }, /* one byte short */
		{"\0\x52\x01" FP32 "\0", 36, KCS_BROKEN	       }, /* one too many */
		{"\0\x53\x01" FP32,	    35, KCS_BROKEN	  }, /* another group */
		{"\0\x01" FP32,		34, KCS_BROKEN	      }, /* no group */
		{"\0\x52\x02" FP32,	    35, KCS_BROKEN	  }, /* another hash */
		{"\0\x52",		   2,  KCS_BROKEN	},
		{"\0",		       1,  KCS_BROKEN	    },
		{"",		     0,	KCS_BROKEN	  },
		{"\x80",		 1,  KCS_DISABLED	},
		{"\x80\x52",	     2,	KCS_DISABLED	    },
		{"\x80\x52\x01" FP32,    35, KCS_DISABLED      }, /* its data says nothing */
		{"\xc1",		 1,  KCS_NOT_THERE	 },
		{"\xc2",		 1,  KCS_NOT_THERE	 },
		{"\xcc",		 1,  KCS_NOT_THERE	 },
		{"\xcb",		 1,  KCS_NO_CERTIFICATE},
		{"\xc0",		 1,  KCS_REFUSED       }, /* busy */
		{"\xc3",		 1,  KCS_REFUSED       }, /* timeout */
		{"\xd4",		 1,  KCS_REFUSED       }, /* privilege */
		{"\xd5",		 1,  KCS_REFUSED       },
		{"\xff",		 1,  KCS_REFUSED       },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned char fingerprint[CERT_FINGERPRINT_SIZE] = "untouched";

		assert_int_equal(kcs_read_fingerprint((const uint8_t *)rows[i].bytes,
					 rows[i].length, fingerprint),
			rows[i].status);
		if (rows[i].status == KCS_OK)
			assert_memory_equal(fingerprint, FP32, 32);
		else
			assert_string_equal(fingerprint, "untouched");
	}
}

#define Z4 "\0\0\0\0"

static void credentials(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *user, *password; /* NULL: KCS_BROKEN */
	} rows[] = {
	/* by the standard: 16 and 16, padded */
		{"\0\x52user" Z4 Z4 Z4 "secretsecret" Z4,		  34, "user",		      "secretsecret"    },
		{"\0\x52sixteencharacterSIXTEENCHARACTER",		   34, "sixteencharacter",
			"SIXTEENCHARACTER"										 }, /* no terminator */
		{"\0\x52sixteencharacters" Z4 Z4 Z4 "\0\0\0",	      34, "sixteencharacter",   "s"		 },
		{"\0\x52gr\xc3\xbc\xc3\x9f" Z4 Z4 "\0\0pass" Z4 Z4 Z4,  34, "gr\xc3\xbc\xc3\x9f",
			"pass"											     },
 /* not padded, with 00h behind each (27 bytes of data with the group) */
		{"\0\x52"
		 "bootstrap0\0abcdefghijklmno\0",	29, "bootstrap0",	  "abcdefghijklmno" },
		{"\0\x52"
		 "bootstrap0\0abcdefghijklmno",	28, "bootstrap0",	  "abcdefghijklmno" },
		{"\0\x52u\0p",					  5,  "u",		       "p"		  },
		     {"\0\x52u\0p\0\0\0",					  8,  "u",		  "p"		     },
 /* 32 bytes that are no fixed fields: 14 + 00h + 16 + 00h, 16 + 00h + 15, 15 + 15 */
		{"\0\x52"
		 "fourteen-chars\0sixteencharacter\0", 34, "fourteen-chars",     "sixteencharacter"},
		{"\0\x52sixteencharacter\0fifteen-charact",		    34, "sixteencharacter",
			"fifteen-charact"										  },
		{"\0\x52"
		 "fifteen-charact\0FIFTEEN-CHARACT\0", 34, "fifteen-charact",    "FIFTEEN-CHARACT" },
 /* 17 and 17: a terminator for everyone */
		{"\0\x52user" Z4 Z4 Z4 "\0pass" Z4 Z4 Z4 "\0",	       36, "user",		   "pass"		 },
		{"\0\x52sixteencharacter\0SIXTEENCHARACTER\0",	       36, "sixteencharacter",
			"SIXTEENCHARACTER"										 },
 /* no answer at all */
		{"\0\x52",					      2,  NULL,		    NULL		},
		   {"\0",						  1,  NULL,		   NULL	       },
		  {"",						       0,  NULL,			NULL		    },
		{"\0\x53u\0p",					  5,  NULL,			NULL		    }, /* another group */
		{"\0\x52user",					  6,  NULL,			NULL		    }, /* one word */
		{"\0\x52user\0",					7,  NULL,		  NULL	      }, /* no password */
		{"\0\x52\0pass\0",				      8,  NULL,		    NULL		}, /* no user */
		{"\0\x52u\0p\0x",				       7,  NULL,		   NULL	       }, /* a third word */
		{"\0\x52" Z4 Z4 Z4 Z4 Z4 Z4 Z4 Z4,			   34, NULL,		     NULL		 },
		{"\0\x52seventeencharacte\0p",			       21, NULL,		 NULL		     },
		{"\0\x52u\0seventeencharacte",			       21, NULL,		 NULL		     },
		{"\0\x52u\0p" Z4 Z4 Z4 Z4 Z4 Z4 Z4 Z4,		       37, NULL,		 NULL		     }, /* too long */
	/* forbidden characters */
		{"\0\x52u'\0p",					 6,  NULL,		 NULL		     },
		{"\0\x52u\"\0p",					 6,  NULL,		  NULL	      },
		{"\0\x52u\\\0p",					6,  NULL,		  NULL	      },
		 {"\0\x52u \0p",					 6,  NULL,		  NULL	      },
		{"\0\x52u\0p\t",					6,  NULL,		  NULL	      },
		 {"\0\x52u\0p\n",					  6,  NULL,		   NULL	       },
		{"\0\x52u\0p\x7f",				      6,  NULL,		    NULL		},
		{"\0\x52u\0\xff\xfe",				      6,	 NULL,		       NULL		   }, /* not UTF-8 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kcs_credentials read = {.user = "untouched"};
		enum kcs_status status =
			kcs_read_credentials((const uint8_t *)rows[i].bytes, rows[i].length, &read);

		assert_int_equal(status, rows[i].user ? KCS_OK : KCS_BROKEN);
		assert_string_equal(read.user, rows[i].user ? rows[i].user : "untouched");
		if (rows[i].password)
			assert_string_equal(read.password, rows[i].password);
	}
}

static void refused_credentials(void **state)
{
	struct kcs_credentials read;

	assert_int_equal(kcs_read_credentials((const uint8_t *)"\x80", 1, &read), KCS_DISABLED);
	assert_int_equal(kcs_read_credentials((const uint8_t *)"\xc1", 1, &read), KCS_NOT_THERE);
	assert_int_equal(kcs_read_credentials((const uint8_t *)"\xc4", 1, &read), KCS_REFUSED);
	assert_int_equal(kcs_read_credentials((const uint8_t *)"\xc9", 1, &read), KCS_REFUSED);
}

static void explanations(void **state)
{
	char text[160];

	kcs_explain(KCS_REFUSED, (const uint8_t *)"\xd5", 1, text, sizeof(text));
	assert_non_null(strstr(text, "D5h"));
	kcs_explain(KCS_NOT_THERE, (const uint8_t *)"\xc1", 1, text, sizeof(text));
	assert_non_null(strstr(text, "C1h"));
	kcs_explain(KCS_BROKEN, (const uint8_t *)"", 0, text, sizeof(text));
	assert_non_null(strstr(text, "0 bytes"));
	for (int status = KCS_OK; status <= KCS_BROKEN; status++) {
		kcs_explain((enum kcs_status)status, NULL, 0, text, 8); /* cut, not over */
		assert_true(strlen(text) < 8 && text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(credentials),
		cmocka_unit_test(refused_credentials),
		cmocka_unit_test(explanations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
