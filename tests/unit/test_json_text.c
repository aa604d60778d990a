/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of the other end: what it may become in memory is bounded, and nothing else is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_text.h"

/* What jansson has at the same time: each block remembers its size before itself. */
static size_t in_use, most;

static void *count_malloc(size_t size)
{
	size_t *block = malloc(size + 16);

	if (!block)
		return NULL;
	*block = size;
	in_use += size;
	most = in_use > most ? in_use : most;
	return block + 2;
}

static void count_free(void *at)
{
	size_t *block = at;

	if (!block)
		return;
	in_use -= block[-2];
	free(block - 2);
}

/* {"x":[piece piece ... 0]} of about so many bytes; the caller's to free. */
static char *make_text(const char *piece, size_t size)
{
	char *text = malloc(size + 64), *at = text;
	size_t length = strlen(piece);

	assert_non_null(text);
	at = stpcpy(at, "{\"x\":[");
	for (; (size_t)(at - text) + length < size; at += length)
		memcpy(at, piece, length);
	strcpy(at, "0]}");
	return text;
}

static const char *const pieces[] = {"0,", "[],", "{},", "{\"a\":{}},", "\"\",", "[[[[]]]],",
	"\"a,b\\\"],[\",", "{\"a\":[{\"b\":{}}],\"c\":[]},"};

static size_t measure(const char *piece, size_t size, bool bounded, bool *taken)
{
	char *text = make_text(piece, size);
	json_t *json;

	most = in_use = 0;
	json = bounded ? json_text_load(text, strlen(text), JSON_REJECT_DUPLICATES)
		       : json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);
	*taken = json != NULL;
	json_decref(json);
	assert_int_equal(in_use, 0);
	free(text);
	return most;
}

static void test_memory_is_bounded(void **state)
{
	bool taken;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (size_t size = 1000; size <= 1000000; size += size / 3)
			assert_true(measure(pieces[i], size, true, &taken) < 12 * 1000 * 1000);
}

/* Without the bound the same text takes many times as much. */
static void test_twin_unbounded(void **state)
{
	bool taken;

	(void)state;
	assert_true(measure("{},", 1000000, false, &taken) > 6 * 1000 * 1000 * sizeof(void *));
	assert_true(taken);
	measure("{},", 1000000, true, &taken);
	assert_false(taken);
}

/* 1,000 entries of a log, as bmcweb gives them in one page. */
static void test_a_long_log_is_taken(void **state)
{
	static const char entry[] =
		"{\"@odata.id\":\"/redfish/v1/Systems/system/LogServices/EventLog/Entries/1\","
		"\"@odata.type\":\"#LogEntry.v1_9_0.LogEntry\",\"AdditionalDataURI\":\"/x, {y}\","
		"\"Created\":\"2026-11-22T12:00:00+00:00\",\"EntryType\":\"Event\",\"Id\":\"1\","
		"\"Message\":\"a, b [c] "
		"{d}\",\"MessageArgs\":[\"1\",\"2\",\"3\"],\"MessageId\":\"X\","
		"\"Modified\":\"x\",\"Name\":\"x\",\"Resolved\":false,\"Severity\":\"OK\","
		"\"Links\":{\"OriginOfCondition\":{\"@odata.id\":\"/redfish/v1/x\"}},\"Oem\":{}},";
	bool taken;

	(void)state;
	measure(entry, 1000 * (sizeof(entry) - 1), true, &taken);
	assert_true(taken);
}

static void test_strings_are_not_counted(void **state)
{
	char text[JSON_TEXT_MAX_PARTS * 2];
	json_t *json;

	(void)state;
	memset(text, ',', sizeof(text));
	memcpy(text, "[\"\\\"", 4);
	memcpy(text + sizeof(text) - 2, "\"]", 2);
	json = json_text_load(text, sizeof(text), 0);
	assert_non_null(json);
	json_decref(json);
}

static void test_same_as_the_parser(void **state)
{
	static const char *const texts[] = {"{}", "[]", "[1,2]", "{\"a\":1,\"a\":2}", "", "[", "\"",
		"\"\\", "[\"\\\"]", "{\"a\":\"\\\\\"}", "nonsense", "[1]x"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *a = json_text_load(texts[i], strlen(texts[i]), JSON_REJECT_DUPLICATES);
		json_t *b = json_loadb(texts[i], strlen(texts[i]), JSON_REJECT_DUPLICATES, NULL);

		assert_true((!a && !b) || json_equal(a, b));
		json_decref(a);
		json_decref(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_twin_unbounded),
		cmocka_unit_test(test_a_long_log_is_taken),
		cmocka_unit_test(test_strings_are_not_counted),
		cmocka_unit_test(test_same_as_the_parser),
	};

	json_set_alloc_funcs(count_malloc, count_free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
