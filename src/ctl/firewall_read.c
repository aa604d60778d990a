/* SPDX-License-Identifier: Apache-2.0 */
/* What firewall-cmd, ufw and nft print, read for one question: is the port let in? */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/firewall.h"

/* The next line without its end; NULL at the end of the text. */
static const char *next_line(const char **at, size_t *length)
{
	const char *line = *at;

	if (*line == '\0')
		return NULL;
	*length = strcspn(line, "\n");
	*at = line + *length + (line[*length] == '\n' ? 1 : 0);
	return line;
}

/* "1266/tcp", "1000-2000/tcp", "1266" (both protocols) */
static bool is_port_word(const char *word, size_t length, unsigned int port)
{
	char *end;
	unsigned long first = strtoul(word, &end, 10), last = first;

	if (end == word || *word < '0' || *word > '9')
		return false;
	if (*end == '-' || *end == ':')
		last = strtoul(end + 1, &end, 10);
	if (end != word + length && strncmp(end, "/tcp", 4) != 0)
		return false;
	return first <= port && port <= last;
}

static bool has_word(const char *text, size_t length, unsigned int port)
{
	size_t i = 0;

	while (i < length) {
		size_t n = 0;

		while (i < length && (text[i] == ' ' || text[i] == ','))
			i++;
		while (i + n < length && text[i + n] != ' ' && text[i + n] != ',')
			n++;
		if (n == 0)
			break;
		if (is_port_word(text + i, n, port))
			return true;
		if (port == FIREWALL_PORT && n == strlen(FIREWALL_SERVICE) &&
			strncmp(text + i, FIREWALL_SERVICE, n) == 0)
			return true;
		i += n;
	}
	return false;
}

static bool has_prefix(const char *line, size_t length, const char *prefix)
{
	return length >= strlen(prefix) && strncmp(line, prefix, strlen(prefix)) == 0;
}

static bool contains(const char *line, size_t length, const char *what)
{
	const char *found = strstr(line, what);

	return found != NULL && found + strlen(what) <= line + length;
}

/* "public (default, active)", then its settings, indented. */
enum firewall_answer firewall_read_zones(const char *list, unsigned int port)
{
	enum firewall_answer answer = FIREWALL_UNKNOWN;
	bool active = false;
	const char *line;
	size_t n;

	while ((line = next_line(&list, &n)) != NULL) {
		if (n > 0 && *line != ' ' && *line != '\t') {
			active = contains(line, n, "active)");
			if (active && answer == FIREWALL_UNKNOWN)
				answer = FIREWALL_CLOSED;
			continue;
		}
		while (n > 0 && (*line == ' ' || *line == '\t')) {
			line++;
			n--;
		}
		if (!active)
			continue;
		if (has_prefix(line, n, "target: ACCEPT") ||
			(has_prefix(line, n, "services:") && has_word(line + 9, n - 9, port)) ||
			(has_prefix(line, n, "ports:") && has_word(line + 6, n - 6, port)))
			return FIREWALL_OPEN;
	}
	return answer;
}

/* "Status: active", "Default: deny (incoming), ...", "1266/tcp   ALLOW IN   192.0.2.0/24" */
enum firewall_answer firewall_read_ufw(const char *list, unsigned int port)
{
	enum firewall_answer answer = FIREWALL_UNKNOWN;
	const char *line;
	size_t n;

	while ((line = next_line(&list, &n)) != NULL) {
		size_t first = strcspn(line, " \n");

		if (has_prefix(line, n, "Status: active"))
			answer = FIREWALL_CLOSED;
		else if (has_prefix(line, n, "Default: allow (incoming)"))
			answer = answer == FIREWALL_CLOSED ? FIREWALL_OPEN : answer;
		else if (answer == FIREWALL_CLOSED && contains(line, n, " ALLOW") &&
			 has_word(line, first, port))
			return FIREWALL_OPEN;
	}
	return answer;
}

/* Does a number of the rule, wherever it stands, name the port? */
static bool names_port(const json_t *value, unsigned int port)
{
	const json_t *range = json_object_get(value, "range"), *item;
	const char *key;
	size_t i;

	if (json_is_integer(value))
		return json_integer_value(value) == port;
	if (json_array_size(range) == 2)
		return json_integer_value(json_array_get(range, 0)) <= port &&
		       port <= json_integer_value(json_array_get(range, 1));
	if (json_is_array(value)) {
		json_array_foreach(value, i, item) if (names_port(item, port)) return true;
	} else if (json_is_object(value)) {
		/* jansson's macro wants what is not constant */
		json_object_foreach((json_t *)value, key, item)
		{
			if (names_port(item, port))
				return true;
		}
	}
	return false;
}

/* In [{"match": {...}}, ..., {"accept": null}]: a condition that has the port in it, or nothing
 * but the verdict. */
static bool is_about(const json_t *expressions, unsigned int port)
{
	const json_t *expression;
	size_t i;

	json_array_foreach(expressions, i, expression)
	{
		const json_t *match = json_object_get(expression, "match");

		if (match != NULL && names_port(json_object_get(match, "right"), port))
			return true;
	}
	return false;
}

static bool is_plain_drop(const json_t *expressions)
{
	const json_t *expression;
	bool drops = false;
	size_t i;

	json_array_foreach(expressions, i, expression)
	{
		if (json_object_get(expression, "match") != NULL)
			return false;
		drops |= json_object_get(expression, "drop") != NULL ||
			 json_object_get(expression, "reject") != NULL;
	}
	return drops;
}

static bool is_string(const json_t *object, const char *key, const char *value)
{
	const char *is = json_string_value(json_object_get(object, key));

	return is != NULL && strcmp(is, value) == 0;
}

/* A table of ours is about one NIC. */
static bool is_ours(const json_t *object)
{
	const char *table = json_string_value(json_object_get(object, "table"));

	return table != NULL && strncmp(table, "bmclink_", 8) == 0;
}

static bool is_input_chain(const json_t *chain)
{
	return is_string(chain, "type", "filter") && is_string(chain, "hook", "input") &&
	       !is_string(chain, "family", "arp") && !is_string(chain, "family", "bridge");
}

/* Is this rule's chain one that filters what comes in? */
static bool is_of_input_chain(const json_t *items, const json_t *rule)
{
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		const json_t *chain = json_object_get(item, "chain");

		if (chain != NULL && is_input_chain(chain) &&
			json_equal(
				json_object_get(chain, "name"), json_object_get(rule, "chain")) &&
			json_equal(
				json_object_get(chain, "table"), json_object_get(rule, "table")) &&
			json_equal(
				json_object_get(chain, "family"), json_object_get(rule, "family")))
			return true;
	}
	return false;
}

enum firewall_answer firewall_read_nft(const char *json, size_t length, unsigned int port)
{
	json_t *ruleset = json_loadb(json, length, 0, NULL);
	const json_t *items = json_object_get(ruleset, "nftables"), *item;
	bool closes = false, names = false;
	size_t i;

	if (!json_is_array(items)) {
		json_decref(ruleset);
		return FIREWALL_UNKNOWN;
	}
	json_array_foreach(items, i, item)
	{
		const json_t *chain = json_object_get(item, "chain");
		const json_t *rule = json_object_get(item, "rule");
		const json_t *set = json_object_get(item, "set");

		if (chain != NULL && is_input_chain(chain) && !is_ours(chain))
			closes |= is_string(chain, "policy", "drop");
		if (rule != NULL && !is_ours(rule)) {
			names |= is_about(json_object_get(rule, "expr"), port);
			closes |= is_plain_drop(json_object_get(rule, "expr")) &&
				  is_of_input_chain(items, rule);
		}
		names |= set != NULL && names_port(json_object_get(set, "elem"), port);
	}
	json_decref(ruleset);
	return !closes || names ? FIREWALL_OPEN : FIREWALL_CLOSED;
}
