/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's switch of a feature, and its other keys, from the command line: root's own process
 * writes them to a drop-in of bmclinkd.conf, and bmclinkd only reads. So a worker that was taken
 * over can neither switch a feature on nor widen it.
 *
 * The drop-in is FILE.d/60-NAME.conf. What an administrator wrote is not touched: a file of that
 * name whose first line is not ours is refused, and keys of ours that are not changed are kept. The
 * whole configuration is checked with the new text before it is written, and the text must be what
 * counts then: a later drop-in that says otherwise is named.
 */
#ifndef BMCLINK_CTL_FEATURE_H
#define BMCLINK_CTL_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

#include "ctl/ctl.h"

struct ctl_feature_key {
	const char *name;
	const char
		*value; /* NULL: taken out of the drop-in; the default, or another file, counts */
};

struct ctl_feature_change {
	const char *feature; /* "local-names" */
	const char *section; /* "LocalNames" */
	const struct ctl_feature_key *keys;
	size_t n_keys;
	mode_t mode; /* of a drop-in that is new; 0: 0644 */
};

/* Only the file. CTL_DONE: it is durable. Else the reason was printed, and nothing was changed. */
enum ctl_exit ctl_feature_write(const struct ctl *ctl, const struct ctl_feature_change *change);
/*
 * The file; then bmclinkd reads its configuration anew; then its status is waited for. on: the
 * feature is to be at work then; else to be at rest. Says what became of it. The switch is kept
 * when the feature cannot be at work: CTL_UNAVAILABLE with the reason; CTL_NO_DAEMON when nobody
 * runs.
 */
enum ctl_exit ctl_feature_apply(
	const struct ctl *ctl, const struct ctl_feature_change *change, bool on);

void ctl_print_snmp(const json_t *feature); /* its own fields of the status */

/* Of the verb: "names" -> "local-names", "LocalNames". */
const char *ctl_feature_name(const char *verb);
const char *ctl_feature_section(const char *verb);

#endif
