/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/util.h"

#define DROPINS_MAX 64
#define ERROR_MAX   2048

struct parser {
	const struct config_key *keys;
	size_t n_keys;
	char *settings; /* a copy, until all went well */
	const char *name;
	unsigned int line;
	const char *section;			  /* of the table; NULL before the first */
	const struct config_candidate *candidate; /* until its turn came */
	char **error;
	char dir[PATH_MAX], file[PATH_MAX + NAME_MAX + 2]; /* of drop-ins: what name points to */
};

static int fail(const struct parser *parser, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets the error text; r is handed through. */
static int fail(const struct parser *parser, int r, const char *format, ...)
{
	char text[ERROR_MAX];
	va_list args;
	int n;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (parser->line > 0)
		n = asprintf(parser->error, "%s:%u: %s", parser->name, parser->line, text);
	else
		n = asprintf(parser->error, "%s: %s", parser->name, text);
	if (n < 0)
		*parser->error = NULL;
	return r;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cut blanks at both ends, in place. */
static char *trim(char *s)
{
	size_t length;

	while (is_blank(*s))
		s++;
	length = strlen(s);
	while (length > 0 && is_blank(s[length - 1]))
		length--;
	s[length] = '\0';
	return s;
}

/* "a, b, c" of the table: its sections (section NULL) or the keys of one. */
static const char *list_names(
	const struct parser *parser, const char *section, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < parser->n_keys; i++) {
		const struct config_key *key = &parser->keys[i];
		const char *name = section ? key->name : key->section;
		int n;

		if (section && strcmp(key->section, section) != 0)
			continue;
		if (!section && i > 0 && strcmp(key->section, key[-1].section) == 0)
			continue;
		n = snprintf(out + used, size - used, section ? "%s%s" : "%s[%s]", used ? ", " : "",
			name);
		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
	return out;
}

static int parse_value(const struct parser *parser, const struct config_key *key, const char *value)
{
	const char *expected = "another value";
	char found[128];

	if (key->parse(key, *value ? value : key->fallback, parser->settings + key->offset,
		    &expected) == 0)
		return 0;
	text_make_printable(value, strlen(value), found, sizeof(found));
	return fail(parser, -EINVAL, "Key '%s' in [%s]: expected %s, found '%s'", key->name,
		key->section, expected, found);
}

static int parse_section(struct parser *parser, char *line)
{
	size_t length = strlen(line);
	char found[128], names[512];

	if (line[length - 1] != ']')
		return fail(parser, -EINVAL, "expected ']' at the end of the section's name");
	line[length - 1] = '\0';
	line = trim(line + 1);
	for (size_t i = 0; i < parser->n_keys; i++) {
		if (strcmp(parser->keys[i].section, line) == 0) {
			parser->section = parser->keys[i].section;
			return 0;
		}
	}
	text_make_printable(line, strlen(line), found, sizeof(found));
	return fail(parser, -EINVAL, "unknown section: expected one of %s, found '[%s]'",
		list_names(parser, NULL, names, sizeof(names)), found);
}

static int parse_assignment(struct parser *parser, char *line)
{
	char found[128], names[512], *equals = strchr(line, '='), *name, *value;

	text_make_printable(line, strlen(line), found, sizeof(found));
	if (!equals)
		return fail(parser, -EINVAL,
			"expected 'Key = value', '[Section]' or a comment, found '%s'", found);
	*equals = '\0';
	name = trim(line);
	value = trim(equals + 1);
	if (!parser->section)
		return fail(parser, -EINVAL, "expected a section (%s) before '%s'",
			list_names(parser, NULL, names, sizeof(names)), found);
	for (size_t i = 0; i < parser->n_keys; i++) {
		const struct config_key *key = &parser->keys[i];

		if (strcmp(key->section, parser->section) == 0 && strcmp(key->name, name) == 0)
			return parse_value(parser, key, value);
	}
	text_make_printable(name, strlen(name), found, sizeof(found));
	return fail(parser, -EINVAL, "unknown key in [%s]: expected one of %s, found '%s'",
		parser->section, list_names(parser, parser->section, names, sizeof(names)), found);
}

static int parse_line(struct parser *parser, const char *at, size_t length)
{
	char line[CONFIG_MAX_LINE + 1], *trimmed;

	if (length > CONFIG_MAX_LINE)
		return fail(parser, -EINVAL, "expected a line of at most %d bytes, found %zu",
			CONFIG_MAX_LINE, length);
	if (memchr(at, '\0', length))
		return fail(parser, -EINVAL, "expected text, found a zero byte");
	memcpy(line, at, length);
	line[length] = '\0';
	trimmed = trim(line);
	if (*trimmed == '\0' || *trimmed == '#' || *trimmed == ';')
		return 0;
	if (*trimmed == '[')
		return parse_section(parser, trimmed);
	return parse_assignment(parser, trimmed);
}

static int parse_text(struct parser *parser, const char *name, const char *text, size_t length)
{
	static const char bom[] = "\xef\xbb\xbf";
	int r;

	parser->name = name;
	parser->line = 0;
	parser->section = NULL;
	if (length > CONFIG_MAX_FILE)
		return fail(parser, -EINVAL, "expected a file of at most %d bytes, found %zu",
			CONFIG_MAX_FILE, length);
	if (length >= 3 && memcmp(text, bom, 3) == 0) {
		text += 3;
		length -= 3;
	}
	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t n = end ? (size_t)(end - text) : length;

		parser->line++;
		r = parse_line(parser, text, n);
		if (r < 0)
			return r;
		n += end ? 1 : 0;
		text += n;
		length -= n;
	}
	return 0;
}

/* One byte more than allowed is read, so that parse_text() sees that it is too much. */
static int parse_file(struct parser *parser, const char *path, bool missing_ok)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *data = malloc(CONFIG_MAX_FILE + 1);
	struct stat st;
	size_t used = 0;

	parser->name = path;
	parser->line = 0;
	if (!data)
		return fail(parser, -ENOMEM, "no memory to read it");
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && missing_ok)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(parser, -errno, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(parser, -EINVAL, "expected a file, found something else");
	while (used < CONFIG_MAX_FILE + 1) {
		ssize_t n = read(fd, data + used, CONFIG_MAX_FILE + 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(parser, -errno, "cannot be read: %s", strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return parse_text(parser, path, data, used);
}

static int is_dropin(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort(): it goes by the locale */
}

static const char *name_file(struct parser *parser, const char *name)
{
	snprintf(parser->file, sizeof(parser->file), "%s/%s", parser->dir, name);
	return parser->file;
}

static int parse_candidate(struct parser *parser)
{
	const struct config_candidate *candidate = parser->candidate;

	parser->candidate = NULL;
	if (!candidate || !candidate->text)
		return 0;
	return parse_text(
		parser, name_file(parser, candidate->name), candidate->text, candidate->length);
}

/* The candidate's turn is before the first file whose name is not before its own. */
static int parse_dropin(struct parser *parser, const char *name, const char *replaced)
{
	int r = 0;

	if (parser->candidate && strcmp(parser->candidate->name, name) <= 0)
		r = parse_candidate(parser);
	if (r == 0 && strcmp(name, replaced) != 0)
		r = parse_file(parser, name_file(parser, name), false);
	return r;
}

static int parse_dropins(struct parser *parser, const char *path)
{
	const char *replaced = parser->candidate ? parser->candidate->name : "";
	struct dirent **entries = NULL;
	int n, r = 0;

	snprintf(parser->dir, sizeof(parser->dir), "%s.d", path);
	n = scandir(parser->dir, &entries, is_dropin, compare_names);
	parser->name = parser->dir;
	parser->line = 0;
	if (n < 0 && errno != ENOENT)
		return fail(parser, -errno, "cannot be read: %s", strerror(errno));
	if (n > DROPINS_MAX)
		r = fail(parser, -EINVAL, "expected at most %d files, found %d", DROPINS_MAX, n);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = parse_dropin(parser, entries[i]->d_name, replaced);
		free(entries[i]);
	}
	free(entries);
	return r == 0 ? parse_candidate(parser) : r;
}

static int start_parser(struct parser *parser, const void *settings, size_t size)
{
	*parser->error = NULL;
	parser->settings = malloc(size);
	if (!parser->settings)
		return -ENOMEM;
	memcpy(parser->settings, settings, size);
	parser->name = "default";
	for (size_t i = 0; i < parser->n_keys; i++) {
		int r = parse_value(parser, &parser->keys[i], "");

		if (r < 0)
			return r;
	}
	return 0;
}

/* Errors found in the file come first, for they name the line. */
static int check(const struct parser *parser, const struct config_table *table, const char *name)
{
	const char *contradiction =
		table->find_contradiction ? table->find_contradiction(parser->settings) : NULL;

	if (!contradiction)
		return 0;
	if (asprintf(parser->error, "%s: %s", name, contradiction) < 0)
		*parser->error = NULL;
	return -EINVAL;
}

static int finish_parser(struct parser *parser, int r, const struct config_table *table,
	const char *name, void *settings)
{
	if (r == 0)
		r = check(parser, table, name);
	if (r == 0)
		memcpy(settings, parser->settings, table->settings_size);
	free(parser->settings);
	return r;
}

int config_load_with(const char *path, bool missing_ok, const struct config_candidate *candidate,
	const struct config_table *table, void *settings, char **error)
{
	struct parser parser = {.keys = table->keys,
		.n_keys = table->n_keys,
		.candidate = candidate,
		.error = error};
	int r = start_parser(&parser, settings, table->settings_size);

	if (r == 0)
		r = parse_file(&parser, path, missing_ok);
	if (r == 0)
		r = parse_dropins(&parser, path);
	return finish_parser(&parser, r, table, path, settings);
}

int config_load(const char *path, bool missing_ok, const struct config_table *table, void *settings,
	char **error)
{
	return config_load_with(path, missing_ok, NULL, table, settings, error);
}

int config_load_text(const char *text, size_t length, const char *name,
	const struct config_table *table, void *settings, char **error)
{
	struct parser parser = {.keys = table->keys, .n_keys = table->n_keys, .error = error};
	int r = start_parser(&parser, settings, table->settings_size);

	if (r == 0)
		r = parse_text(&parser, name, text, length);
	return finish_parser(&parser, r, table, name, settings);
}
