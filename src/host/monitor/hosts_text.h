/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our block in a hosts(5) file, as text. Pure: bytes in, bytes out.
 *
 *	# BEGIN bmclink: written by bmclinkd, changes in this block are lost
 *	169.254.1.1 idrac.local drac.local bmc.local # bmclink
 *	# END bmclink
 *
 * Ours are the two marks and, between them, lines that end with "# bmclink": nothing else is ever
 * taken out, so a line that somebody put into the block, a block without its end, or several blocks
 * cost nobody a byte. A file whose last line had no newline gets one before the block, which the
 * first mark remembers.
 */
#ifndef BMCLINK_HOST_HOSTS_TEXT_H
#define BMCLINK_HOST_HOSTS_TEXT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define HOSTS_MAX_FILE	(1024 * 1024) /* bytes, before and after */
#define HOSTS_MAX_NAMES 8
#define HOSTS_MAX_LIST	512 /* bytes of a list of names, with its NUL */

struct hosts_block {
	struct in_addr address;
	const char *names; /* divided by one blank each; at most HOSTS_MAX_NAMES */
	const char *own;   /* this host's name: not to be taken; "": not known */
};

struct hosts_result {
	char *text; /* the new file; caller frees. Equal to the old one: same is true */
	size_t length;
	bool same;
	char written[HOSTS_MAX_LIST]; /* names in our block now, divided by blanks */
	/* Names that are not in it, for other lines have them (or the host itself). */
	char taken[HOSTS_MAX_LIST];
};

/*
 * The file with our block for wanted (NULL: without any block of ours). 0; -EFBIG: it would be
 * longer than HOSTS_MAX_FILE; -ENOMEM. result is set on success only.
 */
int hosts_text_change(const char *text, size_t length, const struct hosts_block *wanted,
	struct hosts_result *result);

#endif
