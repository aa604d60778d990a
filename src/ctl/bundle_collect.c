/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into a bundle: files, programs' output, and the daemon's own answers. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/util.h"
#include "ctl/bundle.h"
#include "ctl/program.h"
#include "ctl/report.h"
#include "host/discover/discover.h"
#include "host/discover/smbios42.h"
#include "host/settings.h"

#define MAX_FILE     65536
#define MAX_ARGV     20
#define MAX_DROP_INS 16

static const struct {
	const char *name;
	const char *const argv[MAX_ARGV];
} programs[] = {
	/* what we wrote, what systemd wrote about us, and what was logged in our name */
	{"journal.txt",
		{"journalctl", "--no-pager", "-q", "--since=-24h", "-n", "50000", "-o", "short-iso",
			"_SYSTEMD_UNIT=bmclinkd.service", "+", "UNIT=bmclinkd.service", "+",
			"_SYSTEMD_UNIT=bmclink-update.service", "+", "SYSLOG_IDENTIFIER=bmclinkd",
			"+", "SYSLOG_IDENTIFIER=bmclink-endpoint"}					  },
	{"units.txt",	      {"systemctl", "show", "--no-pager", "bmclinkd.service", "bmclink-update.path",
			      "bmclink-update.service", "bmclink-endpoint.service"}  },
	{"nft.txt",	    {"nft", "list", "ruleset"}						  },
	{"ip-address.txt",	   {"ip", "-details", "address"}						},
	{"ip-route.txt",	 {"ip", "-4", "route", "show", "table", "all"}				      },
	{"ip-route-6.txt",	   {"ip", "-6", "route", "show", "table", "all"}				},
	{"ip-rule.txt",	{"ip", "rule"}							      },
	{"ip-neighbour.txt",  {"ip", "-statistics", "neighbour"}					       },
	{"sockets.txt",	{"ss", "-tlnp"}							     },
	{"kernel.txt",	       {"uname", "-srvm"}							  },
	{"modules.txt",	{"lsmod"}								   },
	{"packages-dpkg.txt",
		{"dpkg-query", "-W", "bmclink*", "libcurl4*", "libssl3*", "libevent-*",
			"libjansson4", "nftables", "systemd", "network-manager", "firewalld"}	     },
	{"packages-rpm.txt",  {"rpm", "-q", "bmclink", "bmclink-endpoint", "bmclink-selinux",
				     "libcurl", "openssl-libs", "libevent", "jansson", "nftables",
				     "systemd", "NetworkManager", "firewalld"}},
	{"selinux.txt",	{"sestatus"}								},
	{"apparmor.txt",	 {"aa-status"}							       },
};

static void join(char *out, size_t size, const char *const argv[])
{
	out[0] = '\0';
	for (size_t i = 0; argv[i]; i++) {
		size_t used = strlen(out);

		snprintf(out + used, size - used, "%s%s", i ? " " : "", argv[i]);
	}
}

static void add_program(struct bundle *bundle, const char *name, const char *const argv[])
{
	char source[512], trouble[400] = "";
	struct program_result result;
	int r = program_run(bundle->ctl->program_dir, argv, &result);

	join(source, sizeof(source), argv);
	source[159] = '\0';
	if (r == -ENOENT)
		snprintf(trouble, sizeof(trouble), "there is no program %s", argv[0]);
	else if (r < 0)
		snprintf(trouble, sizeof(trouble), "%s", strerror(-r));
	else if (result.status != 0)
		snprintf(trouble, sizeof(trouble), "exit status %d%s%s", result.status,
			*result.error ? ": " : "", result.error);
	else if (result.truncated)
		snprintf(trouble, sizeof(trouble), "cut: there was more");
	bundle_add(bundle, name, source, r < 0 ? NULL : result.output, result.length, trouble);
	program_clear(&result);
}

static void add_file(struct bundle *bundle, const char *name, const char *path, bool missing_ok)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = malloc(MAX_FILE);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0 && errno == ENOENT && missing_ok)
		return;
	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EINVAL;
	else if (fd >= 0 && text)
		n = read(fd, text, MAX_FILE);
	if (n < 0)
		bundle_add(bundle, name, path, NULL, 0, strerror(errno));
	else
		bundle_add(bundle, name, path, text, (size_t)n,
			n == MAX_FILE ? "cut: there was more" : "");
}

static int is_drop_in(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static void add_configuration(struct bundle *bundle, const char *path, const char *name)
{
	char folder[PATH_MAX], file[PATH_MAX + 256], in_bundle[128];
	struct dirent **entries = NULL;
	int n;

	snprintf(in_bundle, sizeof(in_bundle), "configuration/%s", name);
	add_file(bundle, in_bundle, path, true);
	snprintf(folder, sizeof(folder), "%s.d", path);
	n = scandir(folder, &entries, is_drop_in, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", folder, entries[i]->d_name);
		snprintf(in_bundle, sizeof(in_bundle), "configuration/%s.d/%.80s", name,
			entries[i]->d_name);
		if (i < MAX_DROP_INS)
			add_file(bundle, in_bundle, file, false);
		free(entries[i]);
	}
	free(entries);
}

static void add_json(struct bundle *bundle, const char *name, const char *source, json_t *object,
	const char *trouble)
{
	_cleanup_free_ char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;

	bundle_add(bundle, name, source, text, text ? strlen(text) : 0, text ? "" : trouble);
	json_decref(object);
}

static void add_answer(struct bundle *bundle, const char *name, const char *command)
{
	char source[64];
	json_t *result = NULL;

	snprintf(source, sizeof(source), "the daemon's answer to '%s'", command);
	if (!ctl_daemon_runs(bundle->ctl))
		add_json(bundle, name, source, NULL, "bmclinkd is not running");
	else if (ctl_ask(bundle->ctl, json_pack("{s:s}", "command", command), &result) == CTL_DONE)
		add_json(bundle, name, source, result, "");
	else
		add_json(bundle, name, source, NULL, "the daemon gave no answer");
}

static bool take_event(const json_t *line, enum ctl_exit *code, void *arg)
{
	if (json_object_get(line, "event"))
		json_array_append(arg, json_object_get(line, "event"));
	return !json_object_get(line, "result") && !json_object_get(line, "error");
}

static void add_events(struct bundle *bundle)
{
	json_t *events = json_array();

	if (ctl_daemon_runs(bundle->ctl) &&
		ctl_stream(bundle->ctl, json_pack("{s:s}", "command", "events"), take_event,
			events) == CTL_DONE)
		add_json(bundle, "events.json", "the daemon's events", events, "");
	else {
		json_decref(events);
		add_json(bundle, "events.json", "the daemon's events", NULL,
			"bmclinkd is not running, or gave no answer");
	}
}

static void add_discovery(struct bundle *bundle)
{
	const struct ctl *ctl = bundle->ctl;
	const struct facts_roots roots = {ctl->roots.sys, ctl->roots.dmi, ctl->roots.run};
	_cleanup_free_ char *error = NULL;
	struct settings settings;

	if (settings_load(ctl->config, !ctl->config_given, &settings, &error) < 0)
		(void)settings_init(&settings);
	add_json(bundle, "discovery.json", "bmclinkctl discover, by its own eyes",
		discover_run(&roots, &settings), "no memory");
}

static void replace(struct bundle *bundle, uint8_t *data, size_t length, const void *what, size_t n)
{
	unsigned char other[256];
	uint8_t *at = data;

	if (n < 4 || n > sizeof(other))
		return;
	redact_make_bytes(bundle->redact, what, n, other);
	while ((at = memmem(at, length - (size_t)(at - data), what, n)) != NULL) {
		memcpy(at, other, n);
		at += n;
	}
}

/* UUIDs stand in the structure with their first three fields turned around, or not (DSP0134 7.2.1)
 */
static void replace_uuid(
	struct bundle *bundle, uint8_t *data, size_t length, const uint8_t uuid[16])
{
	static const uint8_t none[16],
		order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t turned[16];

	if (memcmp(uuid, none, 16) == 0)
		return;
	for (size_t i = 0; i < 16; i++)
		turned[i] = uuid[order[i]];
	replace(bundle, data, length, uuid, 16);
	replace(bundle, data, length, turned, 16);
}

static void replace_addresses(
	struct bundle *bundle, uint8_t *data, size_t length, const struct smbios42_address *address)
{
	_cleanup_free_ char *redacted = NULL;
	char text[INET6_ADDRSTRLEN];
	size_t n;

	if (!address->present)
		return;
	inet_ntop(address->family,
		address->family == AF_INET ? (const void *)&address->ipv4 : &address->ipv6, text,
		sizeof(text));
	/* the one rule which addresses stay is that of the texts */
	if (redact_text(bundle->redact, text, strlen(text), &redacted, &n) < 0 ||
		strcmp(redacted, text) == 0)
		return;
	if (address->family == AF_INET)
		replace(bundle, data, length, &address->ipv4, 4);
	else
		replace(bundle, data, length, &address->ipv6, 16);
}

static void redact_structure(
	struct bundle *bundle, uint8_t *data, size_t length, const struct smbios42 *found)
{
	replace(bundle, data, length, found->serial, strlen(found->serial));
	replace(bundle, data, length, found->hostname, strlen(found->hostname));
	replace_uuid(bundle, data, length, found->uuid);
	if (found->has_mac)
		replace(bundle, data, length, found->mac, sizeof(found->mac));
	replace_addresses(bundle, data, length, &found->host);
	replace_addresses(bundle, data, length, &found->service);
}

static void add_hex(struct bundle *bundle, const char *name, const uint8_t *data, size_t length)
{
	_cleanup_free_ char *text = malloc(3 * length + 1);

	if (text)
		text_make_hex(data, length, ' ', text);
	for (size_t i = 16; text && i < length; i += 16)
		text[3 * i - 1] = '\n';
	bundle_add_bytes(bundle, name, "SMBIOS type 42, raw", text, text ? strlen(text) : 0,
		text ? "" : "no memory");
}

static void add_structure(struct bundle *bundle, unsigned int i, uint8_t *data, size_t length)
{
	struct smbios42 found[SMBIOS42_MAX_FOUND];
	char name[64];
	const char *why = "of another interface type";
	int n = smbios42_decode_all(data, length, found, SMBIOS42_MAX_FOUND, &why);

	snprintf(name, sizeof(name), "smbios42/%u.hex", i);
	/* what cannot be decoded cannot be redacted */
	if (n < 0 && !redact_keeps_identifiers(bundle->redact)) {
		char trouble[200];

		snprintf(trouble, sizeof(trouble),
			"not decoded (%s), hence not redacted: only with --keep-identifiers", why);
		bundle_add_bytes(bundle, name, "SMBIOS type 42, raw", NULL, 0, trouble);
		return;
	}
	for (int k = 0; k < n && !redact_keeps_identifiers(bundle->redact); k++)
		redact_structure(bundle, data, length, &found[k]);
	add_hex(bundle, name, data, length);
}

static void add_smbios(struct bundle *bundle)
{
	const struct ctl *ctl = bundle->ctl;
	const struct facts_roots roots = {ctl->roots.sys, ctl->roots.dmi, ctl->roots.run};

	for (unsigned int i = 0; i < FACTS_MAX_DMI; i++) {
		_cleanup_free_ uint8_t *data = NULL;
		bool whole_table = false;
		size_t length = 0;
		int r = dmi_read_entry(&roots, i, &data, &length, &whole_table);

		if (r == 0 && !whole_table) {
			add_structure(bundle, i, data, length);
			continue;
		}
		/* a whole table has the serial numbers of every part: not for a bundle */
		if (r < 0 && i == 0)
			bundle_add(bundle, "smbios42", "SMBIOS type 42, raw", NULL, 0,
				r == -ENOENT ? "there is no such structure" : strerror(-r));
		else if (whole_table)
			bundle_add(bundle, "smbios42", "SMBIOS type 42, raw", NULL, 0,
				"this kernel has the whole table only (no dmi-sysfs); "
				"discovery.json has what is in it");
		return;
	}
}

static void add_report(struct bundle *bundle)
{
	struct ctl ctl = *bundle->ctl;

	ctl.bundle = NULL;
	add_json(bundle, "report.json", "bmclinkctl report --json", report_make(&ctl), "no memory");
}

static void add_endpoint_configuration(struct bundle *bundle)
{
	char path[PATH_MAX], *slash;

	snprintf(path, sizeof(path), "%s", bundle->ctl->config);
	slash = strrchr(path, '/');
	if (!slash)
		return;
	snprintf(slash, sizeof(path) - (size_t)(slash - path), "/endpoint.conf");
	add_configuration(bundle, path, "endpoint.conf");
}

void bundle_collect(struct bundle *bundle)
{
	add_report(bundle);
	add_answer(bundle, "status.json", "status");
	add_answer(bundle, "trust.json", "trust-show");
	add_answer(bundle, "certificate.json", "certificate-show");
	add_events(bundle);
	add_discovery(bundle);
	add_smbios(bundle);
	add_configuration(bundle, bundle->ctl->config, "bmclinkd.conf");
	add_endpoint_configuration(bundle);
	add_file(bundle, "os-release.txt", "/etc/os-release", true);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		add_program(bundle, programs[i].name, programs[i].argv);
}
