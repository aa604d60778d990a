/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from the other end, made harmless before anyone sees it: in a log line, on a terminal, in an
 * audit record. None of these functions allocates; all end the output with NUL when size > 0.
 */
#ifndef BMCLINK_BASE_TEXT_H
#define BMCLINK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Printable form of length bytes at in: valid UTF-8 stays, control characters (C0, DEL, C1),
 * bidirectional overrides, invisible characters, line and paragraph separators, broken UTF-8 and
 * the byte 00h become '?'. Cut at a character boundary with "..." when it does not fit. Returns the
 * bytes written without the NUL.
 */
size_t text_make_printable(const char *in, size_t length, char *out, size_t size);

/*
 * Form for a value in an audit record: only A-Z a-z 0-9 and . : - _ / % + stay, everything else
 * (space, quote, '=' above all: the record's own syntax) becomes '_'.
 */
size_t text_make_audit_value(const char *in, size_t length, char *out, size_t size);

/* Is this string printable as text_make_printable() means it, and not longer than max bytes? */
bool text_is_printable(const char *s, size_t max);

/* Lower-case hex with separator (0 for none) into out; out needs 3*length bytes,
 * at least one. */
void text_make_hex(const unsigned char *bytes, size_t length, char separator, char *out);
int text_hex_digit(char c); /* 0 to 15; -1: it is none */
/* Hex with ':' between all bytes or none, exactly length bytes; 0 or -EINVAL, bytes then untouched.
 */
int text_parse_hex(const char *s, unsigned char *bytes, size_t length);

#endif
