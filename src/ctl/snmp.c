/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclinkctl snmp enable`: who may ask, and for which subtree, beside the switch. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ctl/feature.h"
#include "ctl/print.h"

#define MAX_LIST 256 /* as of the settings */

/* One key's value, divided by blanks. False, and said so: it does not fit, or is no word. */
static bool join(const char *option, const char *const *words, unsigned int n, char list[MAX_LIST])
{
	size_t used = 0;

	list[0] = '\0';
	for (unsigned int i = 0; i < n; i++) {
		/* what divides the words of a list is none of a word */
		if (words[i][0] == '\0' || words[i][strcspn(words[i], " \t,\r\n")] != '\0') {
			ctl_complain("%s: expected one name, found '%s'. Nothing was changed.",
				option, words[i]);
			return false;
		}
		used += (size_t)snprintf(
			list + used, MAX_LIST - used, "%s%s", i > 0 ? " " : "", words[i]);
		if (used >= MAX_LIST) {
			ctl_complain("%s: too many. Nothing was changed.", option);
			return false;
		}
	}
	return true;
}

enum ctl_exit ctl_run_snmp_enable(const struct ctl *ctl, const struct ctl_command *self)
{
	char communities[MAX_LIST], users[MAX_LIST];
	struct ctl_feature_key keys[4] = {
		{"enabled", "on"}
	 };
	struct ctl_feature_change change = {.feature = ctl_feature_name(self->verb),
		.section = ctl_feature_section(self->verb),
		.keys = keys,
		.n_keys = 1,
		.mode = 0600}; /* communities are secrets, such as they are */

	if (!join("--community", ctl->communities, ctl->n_communities, communities) ||
		!join("--user", ctl->users, ctl->n_users, users))
		return CTL_USAGE;
	/* What is not named stays as it is. */
	if (ctl->n_communities > 0)
		keys[change.n_keys++] = (struct ctl_feature_key){"communities", communities};
	if (ctl->n_users > 0)
		keys[change.n_keys++] = (struct ctl_feature_key){"users", users};
	if (ctl->subtree)
		keys[change.n_keys++] = (struct ctl_feature_key){"subtree", ctl->subtree};
	return ctl_feature_apply(ctl, &change, true);
}

void ctl_print_snmp(const json_t *feature)
{
	print_field(0, "Subtree", PRINT_PLAIN, "%s", print_string(feature, "subtree", "-"));
}
