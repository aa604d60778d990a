/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/ctl.h"
#include "ctl/print.h"
#include "host/discover/discover.h"
#include "host/settings.h"

static void print_addresses(const json_t *plan)
{
	const json_t *ipv4 = json_object_get(plan, "ipv4"), *ipv6 = json_object_get(plan, "ipv6");
	const json_t *candidate;
	size_t i;

	json_array_foreach(json_object_get(ipv4, "candidates"), i, candidate)
		print_field(0, i == 0 ? "IPv4" : "  or", PRINT_PLAIN, "BMC %s, host %s (%s)",
			print_string(candidate, "bmc", "?"), print_string(candidate, "host", "?"),
			print_string(ipv4, "source", "?"));
	if (json_array_size(json_object_get(ipv4, "candidates")) == 0)
		print_field(0, "IPv4", PRINT_PLAIN, "none");
	print_field(0, "IPv6", PRINT_PLAIN, "BMC %s (%s)",
		print_string(ipv6, "bmc", "by its link-local address, once it is seen"),
		print_string(ipv6, "source", "?"));
}

static void print_plan(const json_t *plan)
{
	const json_t *nic = json_object_get(plan, "nic");

	if (!json_is_true(json_object_get(plan, "found"))) {
		print_field(0, "NIC", PRINT_RED, "not found: %s",
			print_string(plan, "why_not", "no reason given"));
		return;
	}
	print_field(0, "NIC", PRINT_GREEN, "%s (%s)%s", print_string(nic, "name", "?"),
		print_string(plan, "nic_source", "?"),
		json_is_true(json_object_get(nic, "udev_ready"))
			? ""
			: ", udev is not done with it yet");
	if (json_integer_value(json_object_get(plan, "others")) > 0)
		print_field(0, "", PRINT_YELLOW,
			"%" JSON_INTEGER_FORMAT
			" more fit as well: name the right one with 'interface'",
			json_integer_value(json_object_get(plan, "others")));
	print_addresses(plan);
	print_field(0, "Ports", PRINT_PLAIN,
		"%" JSON_INTEGER_FORMAT ", without TLS %" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(plan, "port")),
		json_integer_value(json_object_get(plan, "plain_port")));
	if (*print_string(plan, "hostname", ""))
		print_field(0, "BMC's name", PRINT_PLAIN, "%s", print_string(plan, "hostname", ""));
}

static void print_record(const json_t *record)
{
	const json_t *host = json_object_get(record, "host");
	const json_t *service = json_object_get(record, "service");

	print_field(1, print_string(record, "handle", "?"), PRINT_PLAIN, "%s %s%s",
		print_string(record, "device", "?"), print_string(record, "ids", ""),
		json_is_true(json_object_get(record, "used")) ? ", used" : "");
	if (!json_is_object(service))
		return;
	print_field(1, "", PRINT_PLAIN, "host %s %s, BMC %s %s, port %" JSON_INTEGER_FORMAT,
		print_string(host, "assignment", "?"), print_string(host, "address", "none"),
		print_string(service, "assignment", "?"), print_string(service, "address", "none"),
		json_integer_value(json_object_get(record, "port")));
}

static void print_nic(const json_t *nic)
{
	print_field(1, print_string(nic, "name", "?"), PRINT_PLAIN,
		"ifindex %" JSON_INTEGER_FORMAT ", %s %s%s%s",
		json_integer_value(json_object_get(nic, "ifindex")), print_string(nic, "bus", "?"),
		print_string(nic, "ids", ""), *print_string(nic, "known_as", "") ? ", " : "",
		print_string(nic, "known_as", ""));
}

static void print_discovery(const json_t *found)
{
	const json_t *item;
	size_t i;

	const char *trouble = print_string(json_object_get(found, "smbios"), "error", "");

	print_plan(json_object_get(found, "plan"));
	if (*trouble)
		print_field(0, "SMBIOS", PRINT_YELLOW, "%s", trouble);
	if (json_array_size(json_object_get(found, "records")) > 0)
		print_heading("SMBIOS type 42");
	json_array_foreach(json_object_get(found, "records"), i, item) print_record(item);
	if (json_array_size(json_object_get(found, "nics")) > 0)
		print_heading("NICs");
	json_array_foreach(json_object_get(found, "nics"), i, item) print_nic(item);
}

/* By our own eyes: no daemon, or other roots than the daemon's. */
static enum ctl_exit discover_here(const struct ctl *ctl, json_t **found)
{
	const struct facts_roots roots = {ctl->roots.sys, ctl->roots.dmi, ctl->roots.run};
	_cleanup_free_ char *error = NULL;
	struct settings settings;

	if (settings_load(ctl->config, !ctl->config_given, &settings, &error) < 0) {
		fprintf(stderr, "%s\n", error ? error : "no memory");
		return CTL_FAILED;
	}
	*found = discover_run(&roots, &settings);
	return *found ? CTL_DONE : CTL_FAILED;
}

enum ctl_exit ctl_run_discover(const struct ctl *ctl, const struct ctl_command *self)
{
	bool here = ctl->roots.sys || ctl->roots.dmi || ctl->roots.run || !ctl_daemon_runs(ctl);
	json_t *found = NULL;
	enum ctl_exit code = here ? discover_here(ctl, &found)
				  : ctl_ask(ctl, json_pack("{s:s}", "command", "discover"), &found);

	if (code != CTL_DONE)
		return code;
	if (ctl->json)
		print_json(found, false);
	else
		print_discovery(found);
	json_decref(found);
	return CTL_DONE;
}
