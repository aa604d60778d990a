/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/care.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/log.h"
#include "base/nic_sysctl.h"
#include "base/state.h"
#include "base/util.h"
#include "host/monitor/nft.h"
#include "host/monitor/nl.h"
#include "host/monitor/profile.h"

#define MODULE	   "care"
#define CARE_FILE  "care.json"
#define LOAD_TRIES 3

struct sysctl {
	const char *dir; /* below proc/sys/net, the interface's name follows */
	const char *name;
	const char *value;
};

static const struct sysctl sysctls[] = {
	/* no route, no address and no name server from the BMC; no traffic through this host */
	{"ipv6/conf",  "accept_ra",		   "0"   },
	{"ipv6/conf",  "accept_redirects",	  "0"   },
	{"ipv6/conf",  "accept_source_route",	     "0"	},
	{"ipv6/conf",  "forwarding",		    "0"   },
	{"ipv6/conf",  "proxy_ndp",		   "0"   },
	{"ipv4/conf",  "accept_redirects",	  "0"   },
	{"ipv4/conf",  "send_redirects",		"0"   },
	{"ipv4/conf",  "accept_source_route",	     "0"	},
	{"ipv4/conf",  "forwarding",		    "0"   },
	{"ipv4/conf",  "proxy_arp",		   "0"   },
	{"ipv4/conf",  "route_localnet",		"0"   },
 /* the BMC speaks in its own name only, and no request of ours tells it another address.
	 * Not arp_ignore: with a host/peer pair the kernel then answers for no address at all */
	{"ipv4/conf",  "rp_filter",		   "1"   },
	{"ipv4/conf",  "arp_announce",	      "2"	 },
 /* the other end's duplicate detection eats the first solicitation; with the kernel's
	 * second until the next one IPv6 takes 2 s instead of 60 ms */
	{"ipv6/neigh", "retrans_time_ms",		  "50"  },
	{"ipv4/neigh", "retrans_time_ms",		  "50"  },
 /* a lie about where the BMC is: believed for 1.5 s, not for 45 */
	{"ipv6/neigh", "base_reachable_time_ms",	 "1000"},
	{"ipv4/neigh", "base_reachable_time_ms",	 "1000"},
	{"ipv6/neigh", "delay_first_probe_time",	 "1"   },
	{"ipv4/neigh", "delay_first_probe_time",	 "1"   },
	{"ipv6/conf",  "router_solicitation_delay", "0"   },
	{"ipv6/conf",  "router_solicitations",      "0"	 },
};

struct care {
	struct care_target target;
	char boot_id[PROFILE_MAX_ID];
	bool filter; /* the nft table stands, or may */
	bool wanted; /* it is meant to stand */
	bool stored;
	bool sysctls_lacking, filter_lacking; /* another try may do it */
	char filter_why[160];		      /* what it lacks; "": nothing */
	bool unread; /* what is on disk could not be read: it stays as it is, till the end */
	char before[ARRAY_SIZE(sysctls)][NIC_SYSCTL_MAX]; /* "": not changed by us */
	char set[ARRAY_SIZE(sysctls)][NIC_SYSCTL_MAX];	  /* as read back; "": not known */
};

static int read_sysctl(const struct care *care, size_t i, char value[NIC_SYSCTL_MAX])
{
	return nic_sysctl_read(care->target.proc_root, care->target.ifindex, sysctls[i].dir,
		sysctls[i].name, value);
}

static int write_sysctl(const struct care *care, size_t i, const char *value)
{
	return nic_sysctl_write(care->target.proc_root, care->target.ifindex, sysctls[i].dir,
		sysctls[i].name, value);
}

/* "set" and "filter" are for `bmclinkctl report`: what is meant to stand, in the same file, because
 * a second durable write would come between the carrier and the connection. */
static int store(const struct care *care, bool filter)
{
	json_t *values = json_object(), *set = json_object();
	json_t *root = json_pack("{s:s, s:I, s:b, s:o, s:o}", "boot_id", care->boot_id, "ifindex",
		(json_int_t)care->target.ifindex, "filter", filter, "before", values, "set", set);
	char key[96];
	size_t i;
	int r = root == NULL ? -ENOMEM : 0;

	if (r == 0 && care->unread)
		r = -EAGAIN;
	for (i = 0; i < ARRAY_SIZE(sysctls) && r == 0; i++) {
		snprintf(key, sizeof(key), "%s/%s", sysctls[i].dir, sysctls[i].name);
		if (care->before[i][0] != '\0' &&
			(json_object_set_new(values, key, json_string(care->before[i])) < 0 ||
				json_object_set_new(set, key, json_string(sysctls[i].value)) < 0))
			r = -ENOMEM;
	}
	if (r == 0)
		r = state_write_json(care->target.state_fd, CARE_FILE, root, 0600);
	json_decref(root);
	return r;
}

/* What an earlier monitor wrote, if it was in this boot: 0, or negative errno. */
static int load(int state_fd, const char *boot_id, struct care *care)
{
	const char *s;
	json_t *root = NULL;
	char key[96];
	size_t i;
	int r = state_read_json(state_fd, CARE_FILE, &root);

	if (r < 0)
		return r;
	s = json_string_value(json_object_get(root, "boot_id"));
	if (s == NULL || strcmp(s, boot_id) != 0)
		r = -ESTALE;
	care->target.ifindex = (unsigned int)json_integer_value(json_object_get(root, "ifindex"));
	for (i = 0; i < ARRAY_SIZE(sysctls) && r == 0; i++) {
		snprintf(key, sizeof(key), "%s/%s", sysctls[i].dir, sysctls[i].name);
		s = json_string_value(json_object_get(json_object_get(root, "before"), key));
		if (s != NULL)
			snprintf(care->before[i], NIC_SYSCTL_MAX, "%s", s);
	}
	json_decref(root);
	return r;
}

/* Where the memory or the descriptors were short for a moment: the originals are in there. */
static int load_patiently(int state_fd, const char *boot_id, struct care *care)
{
	int r = -EAGAIN;

	for (int i = 0; i < LOAD_TRIES && state_is_passing(r); i++)
		r = load(state_fd, boot_id, care);
	return r;
}

/* The table outlives us: who comes next finds it in the file, and of the sysctls none. */
static void leave_table(struct care *care)
{
	int r;

	memset(care->before, 0, sizeof(care->before));
	r = store(care, true);
	if (r < 0)
		log_warning(MODULE, "%s: %s", CARE_FILE, strerror(-r));
}

static void put_back(struct care *care)
{
	char now[NIC_SYSCTL_MAX], why[256];
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(sysctls); i++) {
		if (care->before[i][0] == '\0' || read_sysctl(care, i, now) < 0)
			continue;
		/* somebody else's later choice stays */
		if (care->set[i][0] != '\0' && strcmp(now, care->set[i]) != 0)
			continue;
		if (strcmp(now, care->before[i]) != 0)
			write_sysctl(care, i, care->before[i]);
	}
	if (care->filter)
		r = nft_unprotect(care->target.ifindex, why, sizeof(why));
	if (r < 0)
		log_warning(MODULE, "cannot remove the nft table: %s", why);
	/* Without the program nobody made one, or nobody can remove it. */
	if (r < 0 && r != -ENOENT)
		leave_table(care);
	else if (!care->unread)
		state_remove_file(care->target.state_fd, CARE_FILE);
}

void care_recover(int state_fd, const char *proc_root, const char *boot_id)
{
	/* whether its filter stood is not known: removing a table that is not there is harmless */
	struct care care = {
		.target = {.state_fd = state_fd, .proc_root = proc_root},
		  .filter = true
	};
	int r = load_patiently(state_fd, boot_id, &care);

	snprintf(care.boot_id, sizeof(care.boot_id), "%s", boot_id);
	if (r == 0)
		put_back(&care);
	else if (r != -ENOENT && !state_is_passing(r))
		state_remove_file(state_fd, CARE_FILE);
}

static void note(char *why, size_t size, const char *what, int r)
{
	size_t used = strlen(why);

	/* the first two say enough */
	if (used < size / 2)
		snprintf(why + used, size - used, "%s%s: %s", used > 0 ? ", " : "", what,
			strerror(-r));
}

static void set_sysctls(struct care *care, char *why, size_t size)
{
	char now[NIC_SYSCTL_MAX];
	size_t i;
	int r;

	care->sysctls_lacking = false;
	for (i = 0; i < ARRAY_SIZE(sysctls); i++) {
		r = read_sysctl(care, i, now);
		if (r == -ENOENT) /* no IPv6 stack, or an older kernel */
			continue;
		if (r == 0 && strcmp(now, sysctls[i].value) != 0)
			r = write_sysctl(care, i, sysctls[i].value);
		care->sysctls_lacking |= r < 0;
		if (r < 0)
			note(why, size, sysctls[i].name, r);
		else /* not what we wrote: the kernel rounds times to its ticks */
			read_sysctl(care, i, care->set[i]);
	}
}

static void switch_filter(struct care *care)
{
	char *why = care->filter_why;
	int r = 0;

	why[0] = '\0';
	if (care->wanted)
		r = nft_protect(care->target.ifindex, why, sizeof(care->filter_why));
	else if (care->filter)
		r = nft_unprotect(care->target.ifindex, why, sizeof(care->filter_why));
	if (r == 0)
		why[0] = '\0';
	if (r == 0 || r == -EOPNOTSUPP)
		care->filter = care->wanted;
	else if (r == -ETIMEDOUT)
		care->filter = true; /* it was ended, and may have been at its end */
	care->filter_lacking = r < 0 && r != -EOPNOTSUPP;
}

static void keep(struct care *care, char *why, size_t size)
{
	int r = care->stored ? 0 : store(care, care->wanted);

	care->stored = r == 0;
	if (r < 0)
		note(why, size, CARE_FILE, r);
}

static void drop_routes(const struct care *care, char *why, size_t size)
{
	unsigned int removed = 0;
	int r = nl_delete_ra_routes(care->target.ifindex, &removed);

	if (r < 0 && r != -EOPNOTSUPP && r != -EAFNOSUPPORT)
		note(why, size, "routes of router advertisements", r);
	if (removed > 0)
		log_notice(MODULE, "removed %u routes that router advertisements brought", removed);
}

/* what was noted, and what the filter lacks: the latter is known from its last try */
static void add_filter_why(const struct care *care, char *why, size_t size)
{
	size_t used = strlen(why);

	if (care->filter_why[0] != '\0')
		snprintf(why + used, size - used, "%s%s", used > 0 ? ", " : "", care->filter_why);
}

static void set(struct care *care, bool all, char *why, size_t size)
{
	why[0] = '\0';
	keep(care, why, size);
	if (all || care->sysctls_lacking) {
		set_sysctls(care, why, size);
		drop_routes(care, why, size);
	}
	if (care->filter_lacking)
		switch_filter(care);
	add_filter_why(care, why, size);
}

void care_renew(struct care *care, char *why, size_t size)
{
	set(care, true, why, size);
}

void care_retry(struct care *care, char *why, size_t size)
{
	set(care, false, why, size);
}

bool care_lose_filter(struct care *care, bool certain, char *why, size_t size)
{
	if (!care->wanted || care->filter_lacking)
		return false;
	care->filter_lacking = true;
	if (!certain)
		return true;
	snprintf(care->filter_why, sizeof(care->filter_why),
		"another program removed the nft table " NFT_TABLE, care->target.ifindex);
	why[0] = '\0';
	add_filter_why(care, why, size);
	return true;
}

void care_set_filter(struct care *care, bool filter, char *why, size_t size)
{
	care->wanted = filter;
	care->filter_lacking = true;
	care->stored = false;
	care_renew(care, why, size);
}

/* What is on disk and could not be read stays as it is: another try does not mend that. */
bool care_is_unfinished(const struct care *care)
{
	return care->sysctls_lacking || care->filter_lacking || (!care->stored && !care->unread);
}

static void remember(struct care *care, const struct care *earlier)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sysctls); i++) {
		if (earlier->target.ifindex == care->target.ifindex &&
			earlier->before[i][0] != '\0')
			memcpy(care->before[i], earlier->before[i], NIC_SYSCTL_MAX);
		else
			read_sysctl(care, i, care->before[i]);
	}
}

int care_start(
	const struct care_target *target, bool filter, struct care **care, char *why, size_t size)
{
	struct care earlier = {.target = {.ifindex = 0}};
	_cleanup_free_ struct care *made = calloc(1, sizeof(*made));
	int r;

	why[0] = '\0';
	if (made == NULL)
		return -ENOMEM;
	made->target = *target;
	snprintf(made->boot_id, sizeof(made->boot_id), "%s", target->boot_id);
	/* a killed monitor's originals are the true ones; for another NIC they are put back first
	 */
	r = load_patiently(target->state_fd, target->boot_id, &earlier);
	made->unread = state_is_passing(r);
	if (r < 0)
		earlier.target.ifindex = 0;
	else if (earlier.target.ifindex != target->ifindex)
		care_recover(target->state_fd, target->proc_root, target->boot_id);
	if (!made->unread)
		remember(made, &earlier);
	made->filter = earlier.target.ifindex == target->ifindex;
	made->wanted = filter;
	made->filter_lacking = true;
	care_renew(made, why, size);
	*care = util_steal_ptr(made);
	return 0;
}

void care_stop(struct care *care)
{
	if (care == NULL)
		return;
	put_back(care);
	if (care->unread)
		care_recover(care->target.state_fd, care->target.proc_root, care->boot_id);
	free(care);
}
