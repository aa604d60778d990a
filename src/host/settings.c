/* SPDX-License-Identifier: Apache-2.0 */
#include "host/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/text.h"
#include "base/util.h"
#include "host/relay/admission.h"
#include "host/settings_values.h"

#define MEMBER(m) offsetof(struct settings, m), sizeof(((struct settings *)0)->m)

static const char *const configure_names[] = {
	[CONFIGURE_ONCE] = "once", [CONFIGURE_NEVER] = "never", NULL};
static const char *const filter_names[] = {
	[FILTER_REPLIES] = "replies", [FILTER_OFF] = "off", NULL};
static const char *const trust_names[] = {[TRUST_KCS] = "kcs",
	[TRUST_FIRST_USE] = "first-use",
	[TRUST_PINNED] = "pinned",
	[TRUST_AUTO] = "auto",
	NULL};
static const char *const update_names[] = {"off", "notify", "install", NULL};

/* clang-format off */
static const struct config_key keys[] = {
	{"Link", "interface", settings_parse_interface, MEMBER(interface), .fallback = "auto"},
	{"Link", "ipv4", config_parse_onoff, MEMBER(ipv4), .fallback = "on"},
	{"Link", "ipv6", config_parse_onoff, MEMBER(ipv6), .fallback = "on"},
	{"Link", "host_ipv4", config_parse_ipv4, MEMBER(host_ipv4), .fallback = ""},
	{"Link", "bmc_ipv4", config_parse_ipv4, MEMBER(bmc_ipv4), .fallback = ""},
	{"Link", "host_ipv6", config_parse_ipv6, MEMBER(host_ipv6), .fallback = ""},
	{"Link", "bmc_ipv6", config_parse_ipv6, MEMBER(bmc_ipv6), .fallback = ""},
	{"Link", "port", settings_parse_port, MEMBER(port), .fallback = ""},
	{"Link", "plain_port", settings_parse_port, MEMBER(plain_port), .fallback = ""},
	{"Link", "configure", config_parse_enum, MEMBER(configure), .names = configure_names,
		.fallback = "once"},
	{"Link", "nic_filter", config_parse_enum, MEMBER(nic_filter), .names = filter_names,
		.fallback = "replies"},
	{"Tls", "tls", config_parse_onoff, MEMBER(tls), .fallback = "on"},
	{"Tls", "plain", config_parse_onoff, MEMBER(plain), .fallback = "on"},
	{"Tls", "tls_min_version", config_parse_enum, MEMBER(tls_min_version),
		.names = settings_tls_names, .fallback = "1.1"},
	{"Tls", "tls_max_version", config_parse_enum, MEMBER(tls_max_version),
		.names = settings_tls_names, .fallback = "1.3"},
	{"Tls", "trust", config_parse_enum, MEMBER(trust), .names = trust_names,
		.fallback = "auto"},
	{"Tls", "pin", settings_parse_pin, MEMBER(pin), .fallback = ""},
	{"Tls", "renewal", config_parse_onoff, MEMBER(renewal), .fallback = "on"},
	{"Login", "user", settings_parse_user, MEMBER(login_user), .fallback = ""},
	{"Login", "password_file", settings_parse_path, MEMBER(login_password_file),
		.fallback = ""},
	{"InbandAccess", "enabled", config_parse_onoff, MEMBER(inband_access), .fallback = "off"},
	{"InbandAccess", "port", config_parse_number, MEMBER(access_port), .minimum = 1024,
		.maximum = 65535, .fallback = "1266"},
	{"InbandAccess", "allow", settings_parse_sources, MEMBER(access_allow), .fallback = ""},
	{"InbandAccess", "max_connections", config_parse_number, MEMBER(access_max), .minimum = 1,
		.maximum = RELAY_MAX_CONNECTIONS, .fallback = "64"},
	{"InbandAccess", "max_connections_per_source", config_parse_number,
		MEMBER(access_max_per_source), .minimum = 1, .maximum = RELAY_MAX_CONNECTIONS,
		.fallback = "32"},
	{"InbandAccess", "idle_timeout", config_parse_number, MEMBER(access_idle), .minimum = 1,
		.maximum = 86400, .fallback = "600"},
	{"SnmpGet", "enabled", config_parse_onoff, MEMBER(snmp_get), .fallback = "off"},
	{"SnmpGet", "communities", settings_parse_words, MEMBER(snmp_communities), .fallback = ""},
	{"SnmpGet", "users", settings_parse_words, MEMBER(snmp_users), .fallback = ""},
	{"SnmpGet", "subtree", config_parse_oid, MEMBER(snmp_subtree), .fallback = ""},
	{"LocalNames", "enabled", config_parse_onoff, MEMBER(local_names), .fallback = "on"},
	{"LocalNames", "names", settings_parse_names, MEMBER(local_names_list),
		.fallback = "idrac.local drac.local bmc.local"},
	{"AutoUpdate", "mode", config_parse_enum, MEMBER(auto_update), .names = update_names,
		.fallback = "notify"},
};
/* clang-format on */

/* What is right key by key and wrong together; static text or NULL. */
static const char *find_contradiction(const void *settings)
{
	const struct settings *s = settings;

	if (s->host_ipv4.s_addr && s->host_ipv4.s_addr == s->bmc_ipv4.s_addr)
		return "host_ipv4 and bmc_ipv4 in [Link]: expected two different addresses";
	if (!IN6_IS_ADDR_UNSPECIFIED(&s->host_ipv6) &&
		IN6_ARE_ADDR_EQUAL(&s->host_ipv6, &s->bmc_ipv6))
		return "host_ipv6 and bmc_ipv6 in [Link]: expected two different addresses";
	if (s->port && s->port == s->plain_port)
		return "port and plain_port in [Link]: expected two different ports";
	if (s->tls_min_version > s->tls_max_version)
		return "tls_min_version in [Tls]: expected at most tls_max_version";
	if (s->pin[0] && !s->tls)
		return "pin in [Tls]: expected tls = on, for without TLS nothing shows who the BMC "
		       "is";
	if (s->login_password_file[0] && !s->login_user[0])
		return "password_file in [Login]: expected user beside it";
	if (s->login_password_file[0] && !s->tls)
		return "password_file in [Login]: expected tls = on, for a password never goes "
		       "over a connection without TLS";
	return NULL;
}

static const struct config_table table = {
	keys, ARRAY_SIZE(keys), sizeof(struct settings), find_contradiction};

int settings_load_with(const char *path, bool missing_ok, const struct config_candidate *candidate,
	struct settings *settings, char **error)
{
	struct settings loaded = {0};
	int r = config_load_with(path, missing_ok, candidate, &table, &loaded, error);

	if (r == 0)
		*settings = loaded;
	return r;
}

int settings_load(const char *path, bool missing_ok, struct settings *settings, char **error)
{
	return settings_load_with(path, missing_ok, NULL, settings, error);
}

bool settings_are_equal(
	const struct settings *a, const struct settings *b, const char *section, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct config_key *key = &keys[i];

		if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
			return memcmp((const char *)a + key->offset, (const char *)b + key->offset,
				       key->size) == 0;
	}
	return false;
}

int settings_parse(
	const char *text, size_t length, const char *name, struct settings *settings, char **error)
{
	struct settings parsed = {0};
	int r = config_load_text(text, length, name, &table, &parsed, error);

	if (r == 0)
		*settings = parsed;
	return r;
}

int settings_init(struct settings *settings)
{
	_cleanup_free_ char *error = NULL;

	/* The defaults are right by themselves (test_settings): this fails for want of memory. */
	memset(settings, 0, sizeof(*settings));
	return settings_parse("", 0, "default", settings, &error) < 0 ? -ENOMEM : 0;
}

bool settings_allow_plain(const struct settings *settings)
{
	return settings->plain && settings->tls_min_version <= TLS_1_1;
}

/* The value as it would be written. */
static void format_value(
	const struct config_key *key, const struct settings *settings, char *out, size_t size)
{
	const void *member = (const char *)settings + key->offset;

	if (key->parse == config_parse_onoff)
		snprintf(out, size, "%s", *(const bool *)member ? "on" : "off");
	else if (key->parse == config_parse_enum)
		snprintf(out, size, "%s", key->names[*(const int *)member]);
	else if (key->parse == settings_parse_port || key->parse == config_parse_number)
		snprintf(out, size, "%ld", *(const long *)member);
	else if (key->parse == config_parse_ipv4)
		inet_ntop(AF_INET, member, out, (socklen_t)size);
	else if (key->parse == config_parse_ipv6)
		inet_ntop(AF_INET6, member, out, (socklen_t)size);
	else
		snprintf(out, size, "%s", (const char *)member);
}

int settings_to_text(const struct settings *settings, char **text)
{
	struct settings defaults;
	char *made = NULL; /* stays so where there was no memory, whatever fclose() says */
	const char *section = "";
	char value[RELAY_MAX_TEXT + 1];
	size_t length;
	FILE *f;

	if (settings_init(&defaults) < 0)
		return -ENOMEM;
	f = open_memstream(&made, &length);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct config_key *key = &keys[i];

		if (memcmp((const char *)settings + key->offset,
			    (const char *)&defaults + key->offset, key->size) == 0)
			continue;
		if (strcmp(section, key->section) != 0)
			fprintf(f, "[%s]\n", key->section);
		section = key->section;
		format_value(key, settings, value, sizeof(value));
		fprintf(f, "%s = %s\n", key->name, value);
	}
	if (fclose(f) != 0 || !made) {
		free(made);
		return -ENOMEM;
	}
	*text = made;
	return 0;
}
