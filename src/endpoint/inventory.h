/* SPDX-License-Identifier: Apache-2.0 */
/* What the hook "inventory" may say: a table of names, types and bounds. Pure. */
#ifndef BMCLINK_ENDPOINT_INVENTORY_H
#define BMCLINK_ENDPOINT_INVENTORY_H

#include <stddef.h>

#include <jansson.h>

#define INVENTORY_MAX_TEXT 128 /* bytes of a value */

/*
 * Read its output. *inventory: sections with the values that are right, new reference; *ignored:
 * how many were not, each told in the process log. -EBADMSG: not a JSON object, *inventory
 * untouched; why has the parser's words.
 */
int inventory_read(const char *text, size_t length, json_t **inventory, unsigned int *ignored,
	char *why, size_t why_size);

#endif
