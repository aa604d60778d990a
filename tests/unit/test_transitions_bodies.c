/* SPDX-License-Identifier: Apache-2.0 */
/* The changes of state of what takes the endpoint's request bodies apart: chunks, and the parts of
 * a multipart body; byte by byte, most of them what is expected, the others anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "endpoint/http.h"
#include "endpoint/multipart.h"
#include "transitions.h"

#define WALKS 20000
#define BYTES 200

/* --- chunks --- */

static const char *const chunk_names[] = {"size", "its line feed", "data", "their return",
	"their line feed", "trailer", "done", "broken"};
static const char *const chunk_allowed[] = {".x.....x", "..x..x.x", "...x....", "....x..x",
	"x......x", "......xx", "........", "........"};

static char draw_chunk_byte(struct transitions *t, const struct http_chunks *chunks)
{
	static const char any[] = "019afAF\r\n\r\nx ;";

	if (transitions_draw(t, 12) == 0)
		return any[transitions_draw(t, sizeof(any) - 1)];
	switch (chunks->state) {
	case HTTP_CHUNK_SIZE:
		return chunks->digits > 0 ? '\r' : (char)('0' + transitions_draw(t, 4));
	case HTTP_CHUNK_DATA_CR:
		return '\r';
	case HTTP_CHUNK_SIZE_LF:
	case HTTP_CHUNK_DATA_LF:
		return '\n';
	case HTTP_CHUNK_TRAILER:
		return "x\r\n"[transitions_draw(t, 3)];
	default:
		return 'x';
	}
}

static void give_chunk_byte(struct transitions *t, struct http_chunks *chunks, char c)
{
	size_t n_out;
	char out;

	http_decode_chunks(chunks, &c, 1, &out, &n_out);
	transitions_note(t, chunks->state);
}

static void chunks_change_as_the_table_says(void **state)
{
	static struct transitions t = {.random = 1};

	for (unsigned int i = 0; i < WALKS; i++) {
		struct http_chunks chunks = {0};

		t.before = chunks.state;
		for (unsigned int j = 0; j < BYTES; j++)
			give_chunk_byte(&t, &chunks, draw_chunk_byte(&t, &chunks));
		/* a trailer that does not end */
		for (unsigned int j = 0; chunks.state == HTTP_CHUNK_TRAILER; j++) {
			assert_in_range(j, 0, HTTP_MAX_TRAILER);
			give_chunk_byte(&t, &chunks, 'x');
		}
	}
	transitions_judge(&t, HTTP_CHUNK_BROKEN + 1, chunk_allowed, chunk_names);
}

/* --- parts --- */

static const char *const part_names[] = {"delimiter", "after it", "head", "data", "done", "broken"};
static const char *const part_allowed[] = {
	".x...x", "..x.xx", "...x.x", ".x...x", ".....x", "......"};

static int on_begin(const struct multipart_part *part, void *arg)
{
	return 0;
}

/* Who takes the parts may have enough of them. */
static int on_data(const char *data, size_t length, void *arg)
{
	return transitions_draw(arg, 100) == 0;
}

static int on_end(void *arg)
{
	return 0;
}

/* The next byte of what would be right: *at is the place within it, which begins with a state. */
static char get_right_byte(struct transitions *t, const struct multipart *multipart, size_t *at)
{
	static const char head[] = "Content-Disposition: form-data; name=\"a\"\r\n\r\n";
	const char *text = "\r\n";

	if (multipart->state == MULTIPART_DELIMITER)
		text = "--b";
	else if (multipart->state == MULTIPART_AFTER)
		text = multipart->after_length == 0 ? (transitions_draw(t, 2) ? "\r" : "-")
		       : multipart->after[0] == '-' ? "-"
						    : "\n";
	else if (multipart->state == MULTIPART_HEAD)
		text = head;
	else if (multipart->state == MULTIPART_DATA)
		text = "1234\r\n--b";
	return text[(*at)++ % strlen(text)];
}

static void take_parts(struct transitions *t)
{
	const struct multipart_handlers handlers = {on_begin, on_data, on_end, t};
	struct multipart multipart;
	size_t at = 0;

	assert_int_equal(
		multipart_init(&multipart, "multipart/form-data; boundary=b", &handlers), 0);
	t->before = multipart.state;
	for (unsigned int i = 0; i < BYTES; i++) {
		unsigned int before = multipart.state;
		char c = get_right_byte(t, &multipart, &at);

		if (transitions_draw(t, 100) == 0)
			c = "-b\r\nx"[transitions_draw(t, 5)];
		multipart_take(&multipart, &c, 1);
		transitions_note(t, multipart.state);
		if (multipart.state != before)
			at = 0;
	}
}

static void parts_change_as_the_table_says(void **state)
{
	static struct transitions t = {.random = 1};

	for (unsigned int i = 0; i < WALKS; i++)
		take_parts(&t);
	transitions_judge(&t, MULTIPART_BROKEN + 1, part_allowed, part_names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_change_as_the_table_says),
		cmocka_unit_test(parts_change_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
