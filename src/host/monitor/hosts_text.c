/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/hosts_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BEGIN	   "# BEGIN bmclink"
#define END	   "# END bmclink"
#define TAIL	   "# bmclink"
#define EXPLAIN	   ": written by bmclinkd, changes in this block are lost"
#define NO_NEWLINE "; the line before had no newline"
#define BLANKS	   " \t\r\n\v\f"

enum line_kind { LINE_OTHER, LINE_BEGIN, LINE_END, LINE_OURS };

struct line {
	const char *at;
	size_t length; /* with its newline, when it has one */
	enum line_kind kind;
	bool first; /* of the file */
};

struct walk {
	const char *at;
	size_t left;
	bool inside, begun;
};

static bool starts(const char *at, size_t length, const char *with)
{
	size_t n = strlen(with);

	return length >= n && memcmp(at, with, n) == 0;
}

/* Without the newline; one of another system is let pass. */
static size_t get_body(const struct line *line)
{
	size_t n = line->length;

	while (n > 0 && (line->at[n - 1] == '\n' || line->at[n - 1] == '\r'))
		n--;
	return n;
}

static bool has_tail(const struct line *line)
{
	size_t n = get_body(line), tail = strlen(TAIL);

	return n > tail && line->at[n - tail - 1] == ' ' &&
	       memcmp(line->at + n - tail, TAIL, tail) == 0;
}

/* A mark stands alone in its line, or a ':' follows. */
static bool is_mark(const struct line *line, const char *mark)
{
	size_t n = strlen(mark);

	return starts(line->at, line->length, mark) && (get_body(line) == n || line->at[n] == ':');
}

static bool next_line(struct walk *walk, struct line *line)
{
	const char *newline;

	if (walk->left == 0)
		return false;
	newline = memchr(walk->at, '\n', walk->left);
	*line = (struct line){.at = walk->at, .first = !walk->begun};
	line->length = newline != NULL ? (size_t)(newline - walk->at) + 1 : walk->left;
	walk->at += line->length;
	walk->left -= line->length;
	walk->begun = true;
	if (is_mark(line, BEGIN))
		line->kind = LINE_BEGIN;
	else if (is_mark(line, END))
		line->kind = LINE_END;
	else if (walk->inside && has_tail(line))
		line->kind = LINE_OURS;
	if (line->kind == LINE_BEGIN || line->kind == LINE_END)
		walk->inside = line->kind == LINE_BEGIN;
	return true;
}

/* --- names --- */

static bool is_in_list(const char *list, const char *name, size_t length)
{
	while (*list != '\0') {
		size_t n = strcspn(list, " ");

		if (n == length && strncasecmp(list, name, n) == 0)
			return true;
		list += n + (list[n] == ' ' ? 1 : 0);
	}
	return false;
}

static void add_to_list(char *list, const char *name, size_t length)
{
	size_t used = strlen(list);

	if (used + length + 2 <= HOSTS_MAX_LIST)
		snprintf(list + used, HOSTS_MAX_LIST - used, "%s%.*s", used > 0 ? " " : "",
			(int)length, name);
}

/* Names of this line that we want to have, too: it was there first. */
static void note_taken(const struct line *line, const char *wanted, char *taken)
{
	size_t at = 0, end = line->length, n;
	const char *comment = memchr(line->at, '#', line->length);
	bool address = true;

	if (comment != NULL)
		end = (size_t)(comment - line->at);
	while (at < end) {
		while (at < end && strchr(BLANKS, line->at[at]) != NULL)
			at++; /* strchr() finds a zero byte, too: it divides like a blank */
		for (n = 0; at + n < end && strchr(BLANKS, line->at[at + n]) == NULL; n++)
			;
		if (n > 0 && !address && is_in_list(wanted, line->at + at, n) &&
			!is_in_list(taken, line->at + at, n))
			add_to_list(taken, line->at + at, n);
		if (n > 0)
			address = false;
		at += n;
	}
}

/* "srv7" and "srv7.example.net" are both this host. */
static bool is_own(const char *own, const char *name, size_t length)
{
	size_t label = strcspn(own, ".");

	return (strlen(own) == length && strncasecmp(own, name, length) == 0) ||
	       (label > 0 && label == length && strncasecmp(own, name, length) == 0);
}

static void choose_names(const char *text, size_t length, const struct hosts_block *wanted,
	struct hosts_result *result)
{
	struct walk walk = {.at = text, .left = length};
	struct line line;
	unsigned int n_names = 0;

	while (next_line(&walk, &line)) {
		if (line.kind == LINE_OTHER)
			note_taken(&line, wanted->names, result->taken);
	}
	for (const char *name = wanted->names; *name != '\0' && n_names < HOSTS_MAX_NAMES;) {
		size_t n = strcspn(name, " ");

		if (is_own(wanted->own, name, n) && !is_in_list(result->taken, name, n))
			add_to_list(result->taken, name, n);
		else if (n > 0 && !is_in_list(result->taken, name, n))
			add_to_list(result->written, name, n);
		n_names++;
		name += n + (name[n] == ' ' ? 1 : 0);
	}
}

/* --- the new text --- */

struct output {
	char *at; /* of a buffer that is large enough */
	size_t used;
};

static void put(struct output *out, const char *bytes, size_t length)
{
	memcpy(out->at + out->used, bytes, length);
	out->used += length;
}

static void put_string(struct output *out, const char *s)
{
	put(out, s, strlen(s));
}

static void put_block(struct output *out, const struct hosts_block *wanted,
	const struct hosts_result *result, bool no_newline)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &wanted->address, address, sizeof(address));
	put_string(out, BEGIN EXPLAIN);
	if (no_newline)
		put_string(out, NO_NEWLINE);
	put_string(out, "\n");
	put_string(out, address);
	put_string(out, " ");
	put_string(out, result->written);
	put_string(out, " " TAIL "\n" END "\n");
}

static bool remembers_no_newline(const struct line *line)
{
	size_t n = get_body(line), tail = strlen(NO_NEWLINE);

	return n > tail && memcmp(line->at + n - tail, NO_NEWLINE, tail) == 0;
}

/*
 * The block takes the place of the first one that is there, else it is appended. The newline that
 * came with a block goes with it, when nothing was written behind it since.
 */
static void copy(const char *text, size_t length, const struct hosts_block *wanted,
	const struct hosts_result *result, struct output *out)
{
	struct walk walk = {.at = text, .left = length};
	bool done = wanted == NULL || result->written[0] == '\0', without = done;
	bool lend = false; /* a newline of ours is the last byte of out */
	struct line line;

	while (next_line(&walk, &line)) {
		if (line.kind == LINE_OTHER) {
			put(out, line.at, line.length);
			lend = false;
		} else if (line.kind == LINE_BEGIN) {
			bool remembers = remembers_no_newline(&line);

			if (!done)
				put_block(out, wanted, result, remembers);
			lend = remembers && without;
			done = true;
		}
	}
	if (lend && out->used > 0 && out->at[out->used - 1] == '\n')
		out->used--;
	if (!done) {
		bool open = out->used > 0 && out->at[out->used - 1] != '\n';

		if (open)
			put_string(out, "\n");
		put_block(out, wanted, result, open);
	}
}

int hosts_text_change(const char *text, size_t length, const struct hosts_block *wanted,
	struct hosts_result *result)
{
	struct hosts_result made = {.same = false};
	struct output out = {.used = 0};

	if (length > HOSTS_MAX_FILE)
		return -EFBIG;
	if (wanted != NULL)
		choose_names(text, length, wanted, &made);
	out.at = malloc(length + 2 * HOSTS_MAX_LIST);
	if (out.at == NULL)
		return -ENOMEM;
	copy(text, length, wanted, &made, &out);
	if (out.used > HOSTS_MAX_FILE) {
		free(out.at);
		return -EFBIG;
	}
	made.text = out.at;
	made.length = out.used;
	made.same = out.used == length && memcmp(out.at, text, length) == 0;
	*result = made;
	return 0;
}
