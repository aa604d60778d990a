/* SPDX-License-Identifier: Apache-2.0 */
/* The report's sections about the NIC: by ifindex, for it may have another name by now. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ctl/program.h"
#include "ctl/report.h"
#include "host/settings.h"

#define MAX_VALUE 64
/* The kernel keeps times in its own ticks and says what that makes, 10 ms being the coarsest. */
#define TICK_MS 10

struct wanted { /* an address of the profile */
	int family;
	const void *host, *bmc;
	bool found;
};

static const void *address_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	return &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
}

static size_t address_size(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static bool is_wanted(const struct wanted *wanted, const struct ifaddrs *at)
{
	return wanted->host && at->ifa_addr->sa_family == wanted->family &&
	       memcmp(address_of(at->ifa_addr), wanted->host, address_size(wanted->family)) == 0;
}

/* Of the NIC's addresses: ours are marked as found, others are named. The kernel's own link-local
 * one is everywhere. */
static void look_at_addresses(struct report *report, const char *name, struct wanted wanted[2])
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0) {
		report_add_unread(report, "the addresses of %s: %s", name, strerror(errno));
		return;
	}
	for (struct ifaddrs *at = all; at; at = at->ifa_next) {
		if (!at->ifa_addr || strcmp(at->ifa_name, name) != 0 ||
			(at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
			continue;
		if (is_wanted(&wanted[0], at) || is_wanted(&wanted[1], at)) {
			wanted[is_wanted(&wanted[0], at) ? 0 : 1].found = true;
			continue;
		}
		if (at->ifa_addr->sa_family == AF_INET6 &&
			IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)address_of(at->ifa_addr)))
			continue;
		inet_ntop(at->ifa_addr->sa_family, address_of(at->ifa_addr), text, sizeof(text));
		report_add(report, REPORT_FOREIGN, "", "%s on %s", text, name);
	}
	freeifaddrs(all);
}

static void report_wanted(struct report *report, const char *name, const struct wanted *wanted)
{
	char host[INET6_ADDRSTRLEN], bmc[INET6_ADDRSTRLEN];
	bool same_boot = strcmp(report->profile.birth.boot_id, report->boot_id) == 0;
	const char *note = "";

	if (!wanted->host)
		return;
	inet_ntop(wanted->family, wanted->host, host, sizeof(host));
	inet_ntop(wanted->family, wanted->bmc, bmc, sizeof(bmc));
	if (!wanted->found)
		note = same_boot ? "it was taken away since; 'bmclinkctl reconfigure' sets it again"
				 : "set in an earlier boot; bmclinkd sets it again when it runs";
	report_add(report, wanted->found ? REPORT_AS_RECORDED : REPORT_MISSING, note,
		"%s (BMC %s) on %s", host, bmc, name);
}

/* The NIC of the records, by its index in this boot. */
static bool find_nic(const struct report *report, unsigned int ifindex, const char *boot_id,
	char name[IF_NAMESIZE])
{
	return boot_id && strcmp(boot_id, report->boot_id) == 0 && ifindex != 0 &&
	       if_indextoname(ifindex, name) != NULL;
}

void report_nic_addresses(struct report *report)
{
	const struct profile *profile = &report->profile;
	const struct priv_profile *a = &profile->addresses;
	struct wanted wanted[2] = {{.family = AF_INET}, {.family = AF_INET6}};
	char name[IF_NAMESIZE];

	if (!report_has_records(report))
		return;
	if (report->profile_error < 0) {
		report_add(report, REPORT_CHANGED, strerror(-report->profile_error),
			"profile.json cannot be read; it counts as spent");
		return;
	}
	if (!profile->spent) {
		report_add_none(report, "the one-time configuration has not been made");
		return;
	}
	if (!find_nic(report, profile->birth.ifindex, profile->birth.boot_id, name))
		snprintf(name, sizeof(name), "NIC");
	if (profile->by_us && a->has_ipv4)
		wanted[0].host = &a->host_ipv4, wanted[0].bmc = &a->bmc_ipv4;
	if (profile->by_us && a->has_ipv6)
		wanted[1].host = &a->host_ipv6, wanted[1].bmc = &a->bmc_ipv6;
	look_at_addresses(report, name, wanted);
	report_wanted(report, name, &wanted[0]);
	report_wanted(report, name, &wanted[1]);
	if (!profile->by_us)
		report_add_none(report, "NIC %s was complete when it was found, or not to be set",
			profile->nic_id);
}

/* "ipv6/conf/accept_ra" below PROC/sys/net, the interface's name in between. */
static int read_sysctl(const struct report *report, const char *key, const char *nic, char *value)
{
	const char *last = strrchr(key, '/');
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (!last || key[strspn(key, "abcdefghijklmnopqrstuvwxyz_0123456789/")] != '\0')
		return -EBADMSG;
	snprintf(path, sizeof(path), "%s/sys/net/%.*s/%s/%s", report_proc_root(report->ctl),
		(int)(last - key), key, nic, last + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, value, MAX_VALUE - 1);
	if (n < 0)
		return -errno;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

static bool is_same(const char *key, const char *now, const char *set)
{
	if (strcmp(now, set) == 0)
		return true;
	return strstr(key, "_ms") != NULL && labs(atol(now) - atol(set)) <= TICK_MS;
}

static void report_sysctl(struct report *report, const char *nic, const char *key, const char *set,
	const char *before)
{
	const char *last = strrchr(key, '/');
	char now[MAX_VALUE], name[2 * MAX_VALUE], note[3 * MAX_VALUE];
	int r = read_sysctl(report, key, nic, now);

	if (r == -ENOENT || !last)
		return;
	snprintf(name, sizeof(name), "%.*s/%s/%s", (int)(last - key), key, nic, last + 1);
	for (char *c = name; *c; c++)
		*c = *c == '/' ? '.' : *c;
	snprintf(note, sizeof(note), "it was %s before", before);
	if (r < 0)
		report_add(report, REPORT_UNKNOWN, strerror(-r), "net.%s", name);
	else if (is_same(key, now, set) && strcmp(now, before) != 0)
		report_add(report, REPORT_AS_RECORDED, note, "net.%s = %s", name, now);
	else if (!is_same(key, now, set)) {
		snprintf(note, sizeof(note), "bmclinkd set %s, it was %s before", set, before);
		report_add(report, REPORT_CHANGED, note, "net.%s = %s", name, now);
	}
}

/* care.json of this boot, and the NIC it is about. */
static bool has_care(struct report *report, char name[IF_NAMESIZE])
{
	const char *boot = json_string_value(json_object_get(report->care, "boot_id"));
	json_int_t ifindex = json_integer_value(json_object_get(report->care, "ifindex"));

	if (!report_has_records(report))
		return false;
	if (!report->care && report->care_error < 0 && report->care_error != -ENOENT) {
		report_add_unread(report, "care.json: %s", strerror(-report->care_error));
		return false;
	}
	if (report->care && find_nic(report, (unsigned int)ifindex, boot, name))
		return true;
	report_add_none(report, "%s",
		!report->care
			? "the protections stand only while bmclinkd runs and has its NIC"
			: "the NIC that care.json is about has gone, and its settings with it");
	return false;
}

void report_nic_sysctls(struct report *report)
{
	const json_t *set = json_object_get(report->care, "set"), *value;
	char name[IF_NAMESIZE];
	const char *key;

	if (!has_care(report, name))
		return;
	json_object_foreach((json_t *)json_object_get(report->care, "before"), key, value)
	{
		const char *before = json_string_value(value);
		const char *ours = json_string_value(json_object_get(set, key));

		if (before && ours)
			report_sysctl(report, name, key, ours, before);
	}
	if (json_array_size(json_object_get(report->now, "items")) == 0)
		report_add_none(report, "all of them were as bmclinkd wants them");
}

/* The tables of nft that have our name: "table inet bmclink_12" */
static int find_tables(struct report *report, json_t *names)
{
	const char *const argv[] = {"nft", "list", "tables", NULL};
	struct program_result result;
	int r = program_run(report->ctl->program_dir, argv, &result);
	char *rest = result.output, *line;

	if (r == -ENOENT)
		report_add_unread(report, "the program nft is missing (package nftables)");
	else if (r < 0)
		report_add_unread(report, "nft: %s", strerror(-r));
	else if (result.status != 0)
		report_add_unread(report, "nft: %s", result.error);
	else
		while ((line = strsep(&rest, "\n")) != NULL)
			if (strncmp(line, "table inet bmclink_", 19) == 0)
				json_object_set_new(names, line + 11, json_true());
	r = r == 0 && result.status != 0 ? -EIO : r;
	program_clear(&result);
	return r;
}

static void report_tables(struct report *report, json_t *names, const char *ours, bool wanted)
{
	bool found = json_object_del(names, ours) == 0;
	const char *key;
	const json_t *value;

	if (found && wanted)
		report_add(report, REPORT_AS_RECORDED, "", "table inet %s", ours);
	else if (found)
		report_add(report, REPORT_CHANGED, "the records say that there is none",
			"table inet %s", ours);
	else if (wanted)
		report_add(report, REPORT_MISSING, "it was removed by somebody else",
			"table inet %s", ours);
	json_object_foreach(names, key, value) report_add(
		report, REPORT_CHANGED, "left over, or another bmclinkd's", "table inet %s", key);
	if (!found && !wanted && *ours)
		report_add_none(report, "nic_filter = off, or nft is missing");
}

void report_nic_firewall(struct report *report)
{
	json_int_t ifindex = json_integer_value(json_object_get(report->care, "ifindex"));
	bool filter = json_is_true(json_object_get(report->care, "filter"));
	json_t *names = json_object();
	char name[IF_NAMESIZE], ours[32] = "";

	if (has_care(report, name))
		snprintf(ours, sizeof(ours), "bmclink_%u", (unsigned int)ifindex);
	if (find_tables(report, names) == 0)
		report_tables(report, names, ours, filter && *ours);
	json_decref(names);
}
