/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle for support: an archive (tar, gzip) of texts, each redacted (redact.h), with a
 * MANIFEST. The file is new, mode 0600, and whole: a failure or a signal removes it.
 */
#ifndef BMCLINK_CTL_BUNDLE_H
#define BMCLINK_CTL_BUNDLE_H

#include <stddef.h>

#include "ctl/ctl.h"
#include "ctl/redact.h"

#define BUNDLE_MAX_ENTRIES 64

struct bundle_entry {
	char name[128];	  /* in the archive, below bmclink-report/ */
	char source[160]; /* where it is from */
	char *text;	  /* redacted; NULL: not read */
	size_t length;
	char trouble[256]; /* why it is not there, or not whole; "" */
};

struct bundle {
	const struct ctl *ctl;
	struct redact *redact;
	bool seeded; /* pseudonyms are the same in the next bundle */
	struct bundle_entry entries[BUNDLE_MAX_ENTRIES];
	size_t n;
};

/* Takes the text in, redacted; a failure is noted in the entry. text need not end with NUL. */
void bundle_add(struct bundle *bundle, const char *name, const char *source, const char *text,
	size_t length, const char *trouble);
/* Bytes that were made harmless already. */
void bundle_add_bytes(struct bundle *bundle, const char *name, const char *source, const char *text,
	size_t length, const char *trouble);

/* Secrets and names of this host, for redact: before anything is added. */
void bundle_learn(struct bundle *bundle);
/* Everything that belongs into it. */
void bundle_collect(struct bundle *bundle);

enum ctl_exit bundle_write(const struct ctl *ctl);

#endif
