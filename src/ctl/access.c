/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/access.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/feature.h"
#include "ctl/firewall.h"
#include "ctl/print.h"
#include "host/relay/sources.h"
#include "host/settings.h"

struct wish {
	unsigned int port;
	char port_text[8];
	char allow[RELAY_MAX_TEXT + 1];
	struct relay_sources sources;
};

static enum ctl_exit take_port(const struct ctl *ctl, struct wish *wish)
{
	char *end = NULL;
	unsigned long port = 0;

	if (ctl->port == NULL)
		return CTL_DONE;
	if (*ctl->port >= '0' && *ctl->port <= '9')
		port = strtoul(ctl->port, &end, 10);
	if (port < 1024 || port > 65535 || *end != '\0') {
		ctl_complain(
			"--port: expected a port number from 1024 to 65535, found '%s'. Nothing "
			"was changed.",
			ctl->port);
		return CTL_USAGE;
	}
	wish->port = (unsigned int)port;
	snprintf(wish->port_text, sizeof(wish->port_text), "%lu", port);
	return CTL_DONE;
}

static enum ctl_exit take_allow(const struct ctl *ctl, struct wish *wish)
{
	const char *expected = "networks";
	size_t used = 0;

	if (ctl->n_allow == 0) {
		ctl_complain("--allow is missing: the networks that clients may come from, such as "
			     "192.0.2.0/24 or 2001:db8::/32. Nothing was changed.");
		return CTL_USAGE;
	}
	for (unsigned int i = 0; i < ctl->n_allow; i++) {
		struct relay_sources one;

		if (relay_sources_parse(ctl->allow[i], &one, &expected) < 0 || one.n == 0) {
			ctl_complain("--allow: expected %s, found '%s'. Nothing was changed.",
				expected, ctl->allow[i]);
			return CTL_USAGE;
		}
		used += (size_t)snprintf(wish->allow + used, sizeof(wish->allow) - used, "%s%s",
			i > 0 ? " " : "", ctl->allow[i]);
		if (used >= sizeof(wish->allow))
			used = sizeof(wish->allow);
	}
	if (used == sizeof(wish->allow) ||
		relay_sources_parse(wish->allow, &wish->sources, &expected) < 0) {
		ctl_complain("--allow: expected at most 32 networks. Nothing was changed.");
		return CTL_USAGE;
	}
	return CTL_DONE;
}

/* Negative errno of what the relay will do with the port; 0: it could. */
static int try_port(int family, unsigned int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	_cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	const int on = 1;
	int r;

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		(family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0))
		return -errno;
	if (family == AF_INET)
		r = bind(fd, (const struct sockaddr *)&in, sizeof(in));
	else
		r = bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
	/* of two that may share a port it is the second listen() that fails */
	return r < 0 || listen(fd, 1) < 0 ? -errno : 0;
}

/* Our own relay has it already? */
static bool is_ours(const struct ctl *ctl, unsigned int port)
{
	json_t *status = NULL;
	const json_t *access;
	bool ours;

	if (!ctl_daemon_runs(ctl) ||
		ctl_ask(ctl, json_pack("{s:s}", "command", "status"), &status) != CTL_DONE)
		return false;
	access = json_object_get(json_object_get(status, "features"), "inband-access");
	ours = json_is_true(json_object_get(access, "active")) &&
	       json_integer_value(json_object_get(access, "port")) == port;
	json_decref(status);
	return ours;
}

static enum ctl_exit check_port(const struct ctl *ctl, struct wish *wish)
{
	_cleanup_free_ char *error = NULL;
	struct settings settings;
	int r;

	if (wish->port == 0 &&
		settings_load(ctl->config, !ctl->config_given, &settings, &error) < 0) {
		fprintf(stderr, "%s\n", error != NULL ? error : "no memory");
		return CTL_FAILED;
	}
	if (wish->port == 0)
		wish->port = (unsigned int)settings.access_port;
	if (is_ours(ctl, wish->port))
		return CTL_DONE;
	r = try_port(AF_INET, wish->port);
	if (r == 0)
		r = try_port(AF_INET6, wish->port);
	if (r == 0)
		return CTL_DONE;
	ctl_complain("TCP port %u cannot be used: %s. Nothing was changed.", wish->port,
		r == -EADDRINUSE ? "another program listens at it" : strerror(-r));
	return CTL_FAILED;
}

static void warn(const struct ctl *ctl, const struct wish *wish)
{
	char text[256];

	if (relay_sources_have_anyone(&wish->sources))
		ctl_complain("warning: every address may come (%s): whoever reaches TCP port %u of "
			     "this host reaches the BMC's log-in",
			wish->allow, wish->port);
	if (firewall_look(ctl->program_dir, wish->port, text, sizeof(text)) == FIREWALL_CLOSED)
		ctl_complain("warning: the port looks closed: %s", text);
}

enum ctl_exit ctl_run_access_enable(const struct ctl *ctl, const struct ctl_command *self)
{
	struct wish wish = {.port = 0};
	enum ctl_exit code = take_port(ctl, &wish);

	if (code == CTL_DONE)
		code = take_allow(ctl, &wish);
	if (code == CTL_DONE)
		code = check_port(ctl, &wish);
	if (code != CTL_DONE)
		return code;
	const struct ctl_feature_key keys[] = {
		{"enabled", "on"		},
		{"allow",	  wish.allow    },
		{"port",	 wish.port_text},
	};
	const struct ctl_feature_change change = {.feature = "inband-access",
		.section = "InbandAccess",
		.keys = keys,
		.n_keys = ctl->port != NULL ? 3 : 2};

	code = ctl_feature_apply(ctl, &change, true);
	if (code == CTL_DONE)
		warn(ctl, &wish);
	return code;
}

void ctl_access_add(const struct ctl *ctl, json_t *feature)
{
	static const char *const answers[] = {[FIREWALL_UNKNOWN] = "unknown",
		[FIREWALL_OPEN] = "open",
		[FIREWALL_CLOSED] = "closed"};
	unsigned int port = (unsigned int)json_integer_value(json_object_get(feature, "port"));
	enum firewall_answer answer;
	char text[256];

	if (!json_is_true(json_object_get(feature, "enabled_by_host")) || port == 0)
		return;
	answer = firewall_look(ctl->program_dir, port, text, sizeof(text));
	json_object_set_new(feature, "firewall",
		json_pack("{s:s, s:s}", "port", answers[answer], "text", text));
}

static json_int_t get(const json_t *counts, const char *name)
{
	return json_integer_value(json_object_get(counts, name));
}

void ctl_access_print(const json_t *feature)
{
	const json_t *counts = json_object_get(feature, "connections");
	const json_t *firewall = json_object_get(feature, "firewall");
	bool closed = firewall != NULL && strcmp(print_string(firewall, "port", ""), "closed") == 0;

	print_field(0, "TCP port", PRINT_PLAIN, "%" JSON_INTEGER_FORMAT, get(feature, "port"));
	print_field(0, "Allowed", PRINT_PLAIN, "%s", print_string(feature, "allow", "nobody"));
	if (firewall)
		print_field(0, "Firewall", closed ? PRINT_YELLOW : PRINT_PLAIN, "%s%s",
			closed ? "the port looks closed: " : "",
			print_string(firewall, "text", ""));
	print_field(0, "Connections", PRINT_PLAIN,
		"%" JSON_INTEGER_FORMAT " now, %" JSON_INTEGER_FORMAT " in all", get(counts, "now"),
		get(counts, "total"));
	print_field(1, "refused", PRINT_PLAIN,
		"%" JSON_INTEGER_FORMAT ", of these %" JSON_INTEGER_FORMAT " not allowed",
		get(counts, "refused"), get(counts, "not_allowed"));
	print_field(1, "bytes", PRINT_PLAIN,
		"%" JSON_INTEGER_FORMAT " to the BMC, %" JSON_INTEGER_FORMAT " from it",
		get(counts, "bytes_to_bmc"), get(counts, "bytes_from_bmc"));
}
