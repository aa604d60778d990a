/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ctl/ctl.h"
#include "ctl/print.h"

static bool is_connected(const json_t *status)
{
	return strcmp(print_string(status, "state", ""), "connected") == 0;
}

static enum print_color state_color(const json_t *status)
{
	const char *state = print_string(status, "state", "");

	if (strcmp(state, "connected") == 0)
		return PRINT_GREEN;
	return strcmp(state, "connecting") == 0 ? PRINT_YELLOW : PRINT_RED;
}

static const char *protocol_name(const json_t *status)
{
	const char *protocol = print_string(status, "protocol", NULL);

	if (!protocol)
		return "none";
	if (strcmp(protocol, "ipv4") == 0)
		return "IPv4";
	return strcmp(protocol, "ipv6") == 0 ? "IPv6" : protocol;
}

static void print_reason(const json_t *status)
{
	const json_t *reason = json_object_get(status, "reason");
	const char *mend = print_string(status, "mend", NULL);

	if (json_is_object(reason))
		print_field(0, "Reason", PRINT_YELLOW, "%s (%s)", print_string(reason, "text", "?"),
			print_string(reason, "id", "?"));
	if (mend)
		print_field(0, "To mend it", PRINT_BOLD, "%s", mend);
}

static void print_encryption(const json_t *status)
{
	const json_t *encrypted = json_object_get(status, "encrypted");
	const char *fingerprint = print_string(status, "bmc_fingerprint", NULL);

	if (json_is_true(encrypted))
		print_field(0, "Encryption", PRINT_PLAIN, "%s, %s",
			print_string(status, "tls_version", "?"),
			print_string(status, "tls_cipher", "?"));
	else if (json_is_false(encrypted) && is_connected(status))
		print_field(0, "Encryption", PRINT_YELLOW, "none: this BMC has no TLS");
	if (fingerprint)
		print_fingerprint(0, "Fingerprint", fingerprint);
}

static void print_bmc(const json_t *status)
{
	const json_t *bmc = json_object_get(status, "bmc");
	char text[2048] = "";
	static const char *const keys[] = {"vendor", "model", "firmware_version"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = print_string(bmc, keys[i], NULL);
		size_t used = strlen(text);

		if (value && *value)
			snprintf(text + used, sizeof(text) - used, "%s%s%s", used ? ", " : "",
				i == 2 ? "firmware " : "", value);
	}
	if (*text)
		print_field(0, "BMC", PRINT_PLAIN, "%s", text);
}

static void print_login(const json_t *status)
{
	const json_t *events = json_object_get(status, "events");
	const char *login = print_string(status, "login", NULL);
	const char *by = print_string(events, "by", NULL);
	const char *reason = print_string(events, "reason", NULL);

	if (login)
		print_field(0, "Logged in", PRINT_PLAIN, "by %s", login);
	if (by)
		print_field(0, "Events", PRINT_PLAIN, "by %s%s%s", by, reason ? ": " : "",
			reason ? reason : "");
}

static void print_log(const json_t *status)
{
	const json_t *log = json_object_get(status, "log");
	const char *service = print_string(log, "service", NULL);
	const char *last = print_string(log, "last", NULL);

	if (!json_is_object(log) || !is_connected(status))
		return;
	if (json_is_true(json_object_get(log, "available")))
		print_field(0, "BMC's log", PRINT_PLAIN, "%s by %s, up to entry %s",
			service ? service : "?", print_string(log, "by", "?"),
			last ? last : "none");
	else
		print_field(0, "BMC's log", PRINT_PLAIN, "unavailable: %s",
			print_string(log, "reason", "no reason given"));
}

static void print_connection(const json_t *status)
{
	const char *local = print_string(status, "local_address", NULL);
	const char *bmc = print_string(status, "bmc_address", NULL);

	if (local && bmc)
		print_field(0, "Protocol", PRINT_PLAIN, "%s, host %s, BMC %s",
			protocol_name(status), local, bmc);
	else
		print_field(0, "Protocol", PRINT_PLAIN, "%s", protocol_name(status));
	print_encryption(status);
	print_login(status);
	print_bmc(status);
	print_log(status);
}

static void print_unprotected(const json_t *status)
{
	const char *why = print_string(status, "unprotected", NULL);

	if (why)
		print_field(0, "Unprotected", PRINT_YELLOW,
			"the NIC, in part: %s (it is tried again)", why);
}

static void print_previous(const json_t *status)
{
	const json_t *previous = json_object_get(status, "previous");
	char when[64];

	if (!json_is_object(previous))
		return;
	print_field(0, "Before", PRINT_PLAIN, "the connection with %s ended %s: %s",
		print_string(previous, "bmc_address", "?"),
		print_time(print_string(previous, "ended", "?"), when, sizeof(when)),
		print_string(previous, "reason", "?"));
}

static void print_feature(const char *name, const json_t *feature)
{
	bool enabled = json_is_true(json_object_get(feature, "enabled"));
	const char *on = enabled ? "on" : "off";
	const char *reason = print_string(feature, "reason", NULL);

	if (!json_is_true(json_object_get(feature, "available")))
		print_field(1, name, PRINT_PLAIN, "%-3s  unavailable: %s", on,
			reason ? reason : "no reason given");
	else if (json_is_true(json_object_get(feature, "active")))
		print_field(1, name, PRINT_PLAIN, "%-3s  at work", on);
	else if (enabled && reason)
		print_field(1, name, PRINT_YELLOW, "%-3s  not at work: %s", on, reason);
	else if (reason)
		print_field(1, name, PRINT_PLAIN, "%-3s  %s", on, reason);
	else
		print_field(1, name, PRINT_PLAIN, "%-3s  available", on);
}

static void print_features(const json_t *status)
{
	const json_t *feature;
	const char *name;

	if (json_object_size(json_object_get(status, "features")) == 0)
		return;
	print_heading("Features");
	json_object_foreach(json_object_get(status, "features"), name, feature)
		print_feature(name, feature);
}

/* What the BMC cannot do, whatever is switched on here. */
static void print_unavailable(const json_t *status)
{
	const json_t *list = json_object_get(status, "unavailable"), *item;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	print_heading("Not with this BMC");
	json_array_foreach(list, i, item) print_field(1, print_string(item, "name", "?"),
		PRINT_PLAIN, "unavailable: %s", print_string(item, "reason", "no reason given"));
}

static void print_status(const json_t *status)
{
	const char *since = print_string(status, "since", NULL);
	char when[64];

	print_field(0, "State", state_color(status), "%s%s%s", print_string(status, "state", "?"),
		since ? " since " : "", since ? print_time(since, when, sizeof(when)) : "");
	print_reason(status);
	print_field(0, "Interface", PRINT_PLAIN, "%s", print_string(status, "interface", "none"));
	print_unprotected(status);
	print_connection(status);
	print_field(0, "Configured", PRINT_PLAIN, "%s",
		json_is_true(json_object_get(status, "configured_once"))
			? "yes: the one-time configuration is spent"
			: "not yet: the one-time configuration is armed");
	print_previous(status);
	print_features(status);
	print_unavailable(status);
	fflush(stdout);
}

/* One change in one line, as the watcher sees it. */
static void print_change(const json_t *status)
{
	const json_t *reason = json_object_get(status, "reason");
	const char *since = print_string(status, "since", "");
	static char previous[2048], previous_when[64];
	char when[64], text[2048];

	print_time(since, when, sizeof(when));
	if (is_connected(status))
		snprintf(text, sizeof(text), "connected over %s, host %s, BMC %s, %s",
			protocol_name(status), print_string(status, "local_address", "?"),
			print_string(status, "bmc_address", "?"),
			print_string(status, "tls_version", "not encrypted"));
	else
		snprintf(text, sizeof(text), "%s%s%s", print_string(status, "state", "?"),
			reason && !json_is_null(reason) ? ": " : "",
			print_string(reason, "text", ""));
	/* What changed may be nothing of what the line says: a counter. */
	if (strcmp(previous, text) == 0 && strcmp(previous_when, when) == 0)
		return;
	snprintf(previous, sizeof(previous), "%s", text);
	snprintf(previous_when, sizeof(previous_when), "%s", when);
	printf("%s  ", when);
	print_wrapped(strlen(when) + 2, state_color(status), text);
	fflush(stdout);
}

static bool take_change(const json_t *line, enum ctl_exit *code, void *arg)
{
	const struct ctl *ctl = arg;
	const json_t *error = json_object_get(line, "error");
	const json_t *status = json_object_get(line, "result");

	if (error) {
		*code = ctl_report_error(error);
		return false;
	}
	if (ctl->json)
		print_json(status, true);
	else
		print_change(status);
	return !ferror(stdout);
}

enum ctl_exit ctl_run_status(const struct ctl *ctl, const struct ctl_command *self)
{
	json_t *status = NULL, *request = json_pack("{s:s}", "command", "status");
	enum ctl_exit code;

	if (ctl->watch) {
		json_object_set_new(request, "watch", json_true());
		return ctl_stream(ctl, request, take_change, (void *)ctl);
	}
	code = ctl_ask(ctl, request, &status);
	if (code != CTL_DONE)
		return code;
	if (ctl->json)
		print_json(status, false);
	else
		print_status(status);
	code = is_connected(status) ? CTL_DONE : CTL_NOT_CONNECTED;
	json_decref(status);
	return code;
}
