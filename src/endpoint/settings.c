/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/text.h"
#include "base/util.h"

#define MEMBER(m) offsetof(struct endpoint_settings, m), sizeof(((struct endpoint_settings *)0)->m)

static const char *const tls_names[] = {[TLS_NONE] = "",
	[TLS_1_0] = "",
	[TLS_1_1] = "1.1",
	[TLS_1_2] = "1.2",
	[TLS_1_3] = "1.3",
	NULL};
static const char *const profile_names[] = {"redfish", "idrac", NULL};
static const char *const enrolment_names[] = {"auto", "first-use", "kcs", NULL};

static int parse_interface(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	*expected = "the name of a NIC";
	if (*value == '\0' || strcmp(value, ".") == 0 || strcmp(value, "..") == 0 ||
		value[strcspn(value, "/: \t\v\f")])
		return -EINVAL;
	return config_parse_string(key, value, target, expected);
}

static int parse_uuid(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	char lower[sizeof(form)] = "";

	*expected = "a UUID such as 4c4c4544-0051-4810-8057-b9c04f4d3632";
	if (*value && strlen(value) != strlen(form))
		return -EINVAL;
	for (size_t i = 0; value[i]; i++) {
		char c = value[i];

		if (form[i] == '-' ? c != '-' : !strchr("0123456789abcdefABCDEF", c))
			return -EINVAL;
		lower[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
	}
	return config_parse_string(key, lower, target, expected);
}

/* Part of a URI and of log lines: no blanks, nothing to be escaped. */
static int parse_version(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	*expected = "a version of letters, digits, '.', '-', '_' and '+' that starts with a digit";
	if (value[0] < '0' || value[0] > '9')
		return -EINVAL;
	for (const char *c = value; *c; c++)
		if (!(*c >= '0' && *c <= '9') && !(*c >= 'a' && *c <= 'z') &&
			!(*c >= 'A' && *c <= 'Z') && !strchr(".-_+", *c))
			return -EINVAL;
	return config_parse_string(key, value, target, expected);
}

static int parse_folder(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	*expected = "an absolute path, or nothing";
	if (*value && *value != '/')
		return -EINVAL;
	return config_parse_string(key, value, target, expected);
}

/* clang-format off */
static const struct config_key keys[] = {
	{"Endpoint", "interface", parse_interface, MEMBER(interface), .fallback = "usb0"},
	{"Endpoint", "ipv4", config_parse_onoff, MEMBER(ipv4), .fallback = "on"},
	{"Endpoint", "ipv6", config_parse_onoff, MEMBER(ipv6), .fallback = "on"},
	{"Endpoint", "port", config_parse_number, MEMBER(port), .minimum = 1, .maximum = 65535,
		.fallback = "443"},
	{"Endpoint", "plain_port", config_parse_number, MEMBER(plain_port), .minimum = 1,
		.maximum = 65535, .fallback = "80"},
	{"Endpoint", "tls", config_parse_onoff, MEMBER(tls), .fallback = "on"},
	{"Endpoint", "tls_min_version", config_parse_enum, MEMBER(tls_min_version),
		.names = tls_names, .fallback = "1.1"},
	{"Endpoint", "tls_max_version", config_parse_enum, MEMBER(tls_max_version),
		.names = tls_names, .fallback = "1.3"},
	{"Endpoint", "profile", config_parse_enum, MEMBER(profile), .names = profile_names,
		.fallback = "redfish"},
	{"Endpoint", "firmware_version", parse_version, MEMBER(firmware_version),
		.fallback = "0.1.0"},
	{"Endpoint", "vendor", config_parse_string, MEMBER(vendor), .fallback = "bmclink"},
	{"Endpoint", "product", config_parse_string, MEMBER(product),
		.fallback = "bmclink endpoint"},
	{"Endpoint", "service_tag", config_parse_string, MEMBER(service_tag), .fallback = ""},
	{"Endpoint", "uuid", parse_uuid, MEMBER(uuid), .fallback = ""},
	{"Endpoint", "log_max_records", config_parse_number, MEMBER(log_max_records),
		.minimum = 100, .maximum = 10000000, .fallback = "100000"},
	{"Endpoint", "hooks", parse_folder, MEMBER(hooks), .fallback = ""},
	{"Endpoint", "enrolment", config_parse_enum, MEMBER(enrolment), .names = enrolment_names,
		.fallback = "auto"},
	{"Endpoint", "hook_seconds", config_parse_number, MEMBER(hook_seconds), .minimum = 1,
		.maximum = 45, .fallback = "10"},
	{"Endpoint", "enrolment_minutes", config_parse_number, MEMBER(enrolment_minutes),
		.minimum = 1, .maximum = 1440, .fallback = "10"},
	{"Endpoint", "renewal", config_parse_onoff, MEMBER(renewal), .fallback = "on"},
	{"Endpoint", "keep_alive_seconds", config_parse_number, MEMBER(keep_alive_seconds),
		.minimum = 0, .maximum = 3600, .fallback = "120"},
	{"Endpoint", "max_connections", config_parse_number, MEMBER(max_connections),
		.minimum = 16, .maximum = 1024, .fallback = "96"},
	{"Endpoint", "update_packages", config_parse_number, MEMBER(update_packages),
		.minimum = 0, .maximum = 32, .fallback = "8"},
	{"Endpoint", "update_megabytes", config_parse_number, MEMBER(update_megabytes),
		.minimum = 1, .maximum = 2048, .fallback = "128"},
	{"Endpoint", "snmp", config_parse_onoff, MEMBER(snmp), .fallback = "on"},
	{"Endpoint", "snmp_port", config_parse_number, MEMBER(snmp_port), .minimum = 1,
		.maximum = 65535, .fallback = "161"},
	{"Endpoint", "snmp_subtree", config_parse_oid, MEMBER(snmp_subtree), .fallback = ""},
};
/* clang-format on */

/* What is right key by key and wrong together; static text or NULL. */
static const char *find_contradiction(const void *settings)
{
	const struct endpoint_settings *s = settings;

	if (s->port == s->plain_port)
		return "port and plain_port in [Endpoint]: expected two different ports";
	if (s->tls_min_version > s->tls_max_version)
		return "tls_min_version in [Endpoint]: expected at most tls_max_version";
	if (!s->ipv4 && !s->ipv6)
		return "ipv4 and ipv6 in [Endpoint]: expected at least one of them on";
	return NULL;
}

static const struct config_table table = {
	keys, ARRAY_SIZE(keys), sizeof(struct endpoint_settings), find_contradiction};

int endpoint_settings_load(
	const char *path, bool missing_ok, struct endpoint_settings *settings, char **error)
{
	struct endpoint_settings loaded = {0};
	int r = config_load(path, missing_ok, &table, &loaded, error);

	if (r == 0)
		*settings = loaded;
	return r;
}

int endpoint_settings_parse(const char *text, size_t length, const char *name,
	struct endpoint_settings *settings, char **error)
{
	struct endpoint_settings parsed = {0};
	int r = config_load_text(text, length, name, &table, &parsed, error);

	if (r == 0)
		*settings = parsed;
	return r;
}
