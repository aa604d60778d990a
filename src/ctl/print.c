/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"

#define TEXT_MAX 2048

static bool use_color(void)
{
	static int use = -1;

	if (use < 0) {
		const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

		use = isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
	}
	return use == 1;
}

static void start_color(enum print_color color)
{
	static const char *const codes[] = {[PRINT_PLAIN] = "",
		[PRINT_GREEN] = "\033[32m",
		[PRINT_YELLOW] = "\033[33m",
		[PRINT_RED] = "\033[31m",
		[PRINT_BOLD] = "\033[1m"};

	if (use_color())
		fputs(codes[color], stdout);
}

static void end_color(enum print_color color)
{
	if (color != PRINT_PLAIN && use_color())
		fputs("\033[0m", stdout);
}

/* Bytes of the character that starts here. */
static size_t character_length(const char *at)
{
	size_t n = 1;

	/* cppcheck-suppress arrayIndexOutOfBounds ; at is a string: its NUL ends this */
	while ((at[n] & 0xc0) == 0x80)
		n++;
	return n;
}

size_t print_width(const char *text)
{
	size_t columns = 0;

	for (; *text; text += character_length(text))
		columns++;
	return columns;
}

/* How many bytes of text go on a line of that many columns: up to the last blank that fits; in a
 * long word up to the last ':' or '/', as fingerprints and paths have. */
static size_t find_break(const char *text, size_t columns)
{
	size_t at = 0, blank = 0, mark = 0, used = 0;

	while (text[at] && used < columns) {
		if (text[at] == ' ')
			blank = at;
		at += character_length(text + at);
		if (text[at - 1] == ':' || text[at - 1] == '/')
			mark = at;
		used++;
	}
	if (text[at] == '\0' || text[at] == ' ')
		return at;
	if (blank > 0)
		return blank;
	return mark > 0 ? mark : at;
}

void print_wrapped(size_t indent, enum print_color color, const char *text)
{
	char printable[TEXT_MAX];
	const char *at = printable;
	size_t columns = indent < PRINT_COLUMNS - 20 ? PRINT_COLUMNS - indent : 20;

	text_make_printable(text, strlen(text), printable, sizeof(printable));
	for (;;) {
		size_t n = find_break(at, columns);

		start_color(color);
		printf("%.*s", (int)n, at);
		end_color(color);
		putchar('\n');
		at += n;
		while (*at == ' ')
			at++;
		if (*at == '\0')
			return;
		printf("%*s", (int)indent, "");
	}
}

/* Returns the column that it ends at. */
static size_t print_label(unsigned int level, const char *text)
{
	char label[PRINT_COLUMNS / 2];
	size_t used;

	text_make_printable(text, strlen(text), label, sizeof(label));
	used = 2 * level + print_width(label);

	printf("%*s%s", (int)(2 * level), "", label);
	printf("%*s", used < PRINT_LABEL ? (int)(PRINT_LABEL - used) : 1, "");
	return used < PRINT_LABEL ? PRINT_LABEL : used + 1;
}

void print_field(
	unsigned int level, const char *label, enum print_color color, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_wrapped(print_label(level, label), color, text);
}

void print_heading(const char *text)
{
	start_color(PRINT_BOLD);
	fputs(text, stdout);
	end_color(PRINT_BOLD);
	putchar('\n');
}

void print_fingerprint(unsigned int level, const char *label, const char *fingerprint)
{
	const int half = 48; /* sixteen bytes with the ':' behind each */

	if (strlen(fingerprint) <= (size_t)half) {
		print_field(level, label, PRINT_PLAIN, "%s", fingerprint);
		return;
	}
	print_field(level, label, PRINT_PLAIN, "%.*s", half, fingerprint);
	print_field(level, "", PRINT_PLAIN, "%s", fingerprint + half);
}

void print_json(const json_t *object, bool line)
{
	/* ASCII: the same object, and nothing in it that a terminal could take as a command. DEL,
	 * which jansson lets pass, can only stand in a string. */
	size_t flags = JSON_ENSURE_ASCII | (line ? JSON_COMPACT : JSON_INDENT(2));
	_cleanup_free_ char *text = json_dumps(object, flags);

	for (const char *c = text ? text : ""; *c; c++) {
		if (*c == 0x7f)
			fputs("\\u007f", stdout);
		else
			putchar(*c);
	}
	putchar('\n');
	fflush(stdout);
}

const char *print_time(const char *rfc3339, char *out, size_t size)
{
	struct tm tm = {0};
	const char *rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t when;

	if (!rest || (*rest != 'Z' && *rest != '.')) {
		text_make_printable(rfc3339, strlen(rfc3339), out, size);
		return out;
	}
	when = timegm(&tm);
	localtime_r(&when, &tm);
	strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
	return out;
}

const char *print_string(const json_t *object, const char *key, const char *fallback)
{
	static char texts[8][TEXT_MAX];
	static unsigned int next;
	const char *value = json_string_value(json_object_get(object, key));
	char *out;

	if (!value)
		return fallback;
	out = texts[next++ % ARRAY_SIZE(texts)];
	text_make_printable(value, strlen(value), out, sizeof(texts[0]));
	return out;
}
