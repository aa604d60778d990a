/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON from the other end, within bounds. jansson bounds how deep it goes, not how much it makes of
 * a text: an empty object is 3 bytes on the wire and 250 in memory, so that a megabyte became 75.
 */
#ifndef BMCLINK_BASE_JSON_TEXT_H
#define BMCLINK_BASE_JSON_TEXT_H

#include <stddef.h>

#include <jansson.h>

/* Of brackets, braces and commas together: 1,000 log entries of 20 members are half of it. About
 * 7 MB in memory, whatever they are. */
#define JSON_TEXT_MAX_PARTS 40000

/* As json_loadb(); NULL also where the text has more parts. The owner drops the result. */
json_t *json_text_load(const char *text, size_t length, size_t flags);

#endif
