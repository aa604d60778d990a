/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for the BMC in /etc/hosts. Which names is the monitor's configuration's business; the
 * worker only says whether, and for which address, which must be one on the link of the claimed
 * NIC: so a BMC that has taken the worker over can point its own names to itself, and nothing else
 * anywhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "host/monitor/acts.h"
#include "host/monitor/hosts_file.h"
#include "host/monitor/nl.h"

#define MODULE "names"

/* Each change is a file that is written and synced; what changes nothing costs nothing. */
static bool may_change(struct acts *acts)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	if (acts->names_hour == 0 || now.tv_sec - acts->names_hour >= 3600) {
		acts->names_hour = now.tv_sec;
		acts->names_changes = 0;
	}
	return acts->names_changes < ACTS_NAMES_PER_HOUR;
}

static void get_own_name(char *own, size_t size)
{
	if (gethostname(own, size) < 0)
		own[0] = '\0';
	own[size - 1] = '\0';
}

static int change(struct acts *acts, bool on, struct in_addr bmc, struct hosts_result *result,
	const char **why)
{
	char own[256];
	const struct hosts_block block = {
		.address = bmc, .names = acts->settings.local_names_list, .own = own};
	int r;

	if (!may_change(acts)) {
		*why = "it was changed too often within an hour";
		return -EDQUOT;
	}
	get_own_name(own, sizeof(own));
	r = hosts_file_change(acts->environment->roots.etc, on ? &block : NULL, result, why);
	if (r == 0 && !result->same) {
		acts->names_changes++;
		log_info(MODULE, "%s/hosts: %s", acts->environment->roots.etc,
			on ? "our block is written" : "our block is taken out");
	}
	return r;
}

int act_names(struct acts *acts, struct wire_reader *in, struct wire_writer *out, int *fd)
{
	struct hosts_result result = {.same = false};
	bool on = wire_get_bool(in);
	const char *why = "";
	struct in_addr bmc;
	int r;

	wire_get_fixed(in, &bmc, sizeof(bmc));
	if (!wire_is_done(in))
		return -EPERM;
	if (on && (!acts->settings.local_names || !nl_is_on_link(acts->ifindex, bmc)))
		return -EPERM;
	r = change(acts, on, bmc, &result, &why);
	if (r < 0)
		log_warning(MODULE, "%s/hosts: %s", acts->environment->roots.etc, why);
	/* What the file system refuses is an answer, with its reason. */
	wire_put_string(out, r < 0 ? why : "");
	wire_put_bool(out, !result.same && r == 0);
	wire_put_string(out, result.written);
	wire_put_string(out, result.taken);
	return 0;
}
