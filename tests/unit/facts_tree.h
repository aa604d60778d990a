/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared trees in place of /sys and the others, for the tests of the privileged side's facts. */
#ifndef BMCLINK_TESTS_FACTS_TREE_H
#define BMCLINK_TESTS_FACTS_TREE_H

#include "host/monitor/facts.h"

extern const struct facts_roots roots; /* the tree's sys and run */
extern char dmi_root[64];	       /* its sys/firmware/dmi */

int set_up(void **state);
int tear_down(void **state);

/* Write a file below the tree's root, with the folders above it. */
void put(const char *name, const void *data, size_t length);
void put_text(const char *name, const char *text);
/* The folder of the link must be there. */
void put_link(const char *target, const char *name);

#endif
