/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output for people: aligned, within 80 columns, coloured on a terminal only (and not with NO_COLOR
 * set, see no-color.org). Every text that is printed passes text_make_printable(): the daemon has
 * done that already, but a terminal is not to depend on it.
 */
#ifndef BMCLINK_CTL_PRINT_H
#define BMCLINK_CTL_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define PRINT_COLUMNS 80
#define PRINT_LABEL   16 /* columns of a label with the blanks behind it */

enum print_color { PRINT_PLAIN, PRINT_GREEN, PRINT_YELLOW, PRINT_RED, PRINT_BOLD };

/* Columns of a printable text: its characters (wide ones are not told apart). */
size_t print_width(const char *text);
/* text, broken at blanks (long words anywhere), where the cursor is at column indent and further
 * lines start there; then a newline. */
void print_wrapped(size_t indent, enum print_color color, const char *text);
/* "Label           text"; level: further indentation in steps of two blanks. */
void print_field(unsigned int level, const char *label, enum print_color color, const char *format,
	...) __attribute__((format(printf, 4, 5)));
void print_heading(const char *text);
/* SHA-256 in hex with ':' takes two lines. */
void print_fingerprint(unsigned int level, const char *label, const char *fingerprint);

/* The object as one document, or as one line of a stream. */
void print_json(const json_t *object, bool line);

/* RFC 3339 (UTC) as local time "2025-11-22 16:40:02"; what is not a time stays as it is. */
const char *print_time(const char *rfc3339, char *out, size_t size);

/* Strings of an answer: fallback where there is none. Printable, valid until the 8th next call. */
const char *print_string(const json_t *object, const char *key, const char *fallback);

#endif
