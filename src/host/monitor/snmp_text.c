/* SPDX-License-Identifier: Apache-2.0 */
#include "host/monitor/snmp_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/util.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define BLANKS	" \t\r"

bool snmp_text_is_word(const char *word, size_t length)
{
	if (length == 0 || length > SNMP_MAX_WORD || !strchr(LETTERS, word[0]))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (word[i] == '\0' || !strchr(LETTERS "._-", word[i]))
			return false;
	}
	return true;
}

static bool is_key(const char *key)
{
	size_t length = strlen(key);

	return length >= SNMP_MIN_KEY && length <= SNMP_MAX_KEY && strspn(key, LETTERS) == length;
}

static bool is_subtree(const char *subtree)
{
	return subtree[0] >= '0' && subtree[0] <= '9' &&
	       subtree[strspn(subtree, "0123456789.")] == '\0';
}

static bool are_words(const char *list)
{
	while (*list != '\0') {
		size_t n = strcspn(list, " ");

		if (!snmp_text_is_word(list, n))
			return false;
		list += n + (list[n] == ' ');
	}
	return true;
}

bool snmp_text_is_access(const struct snmp_access *access)
{
	return access->port != 0 && access->bmc.s_addr != 0 &&
	       snmp_text_is_word(access->user, strlen(access->user)) && is_key(access->auth_key) &&
	       is_key(access->priv_key) && access->engine_length >= SNMP_MIN_ENGINE &&
	       access->engine_length <= SNMP_MAX_ENGINE;
}

/*
 * The engine is named, so that snmpd need not ask the BMC for it while it reads its configuration:
 * it would stand still for as long as the BMC does not answer.
 */
static void put_proxy(FILE *out, const struct snmp_access *access, const char *subtree)
{
	char engine[3 * SNMP_MAX_ENGINE], address[INET_ADDRSTRLEN];

	text_make_hex(access->engine, access->engine_length, '\0', engine);
	inet_ntop(AF_INET, &access->bmc, address, sizeof(address));
	fprintf(out,
		"proxy -Cn " SNMP_CONTEXT " -v 3 -t 1 -r 2 -l authPriv -u %s -a %s -A %s -x AES -X "
		"%s -e 0x%s udp:%s:%u .%s\n",
		access->user, access->sha1 ? "SHA" : "SHA-256", access->auth_key, access->priv_key,
		engine, address, access->port, subtree);
}

static void put_communities(FILE *out, const char *list)
{
	for (unsigned int i = 0; *list != '\0'; i++) {
		int n = (int)strcspn(list, " ");

		fprintf(out,
			"com2sec -Cn " SNMP_CONTEXT " bmclink%u default %.*s\n"
			"com2sec6 -Cn " SNMP_CONTEXT " bmclink%u default %.*s\n"
			"group bmclink v1 bmclink%u\n"
			"group bmclink v2c bmclink%u\n",
			i, n, list, i, n, list, i, i);
		list += n + (list[n] == ' ');
	}
	fputs("access bmclink " SNMP_CONTEXT " any noauth exact bmclink none none\n", out);
}

static void put_users(FILE *out, const char *list)
{
	while (*list != '\0') {
		int n = (int)strcspn(list, " ");

		fprintf(out, "rouser -s usm %.*s auth -V bmclink " SNMP_CONTEXT "\n", n, list);
		list += n + (list[n] == ' ');
	}
}

char *snmp_text_make(const struct snmp_access *access, const struct snmp_clients *clients)
{
	char *text = NULL;
	size_t length;
	FILE *out;

	if (!snmp_text_is_access(access) || !is_subtree(clients->subtree) ||
		!are_words(clients->communities) || !are_words(clients->users))
		return NULL;
	out = open_memstream(&text, &length);
	if (out == NULL)
		return NULL;
	fputs(SNMP_TEXT_MARK " 'bmclinkctl snmp disable'\n", out);
	put_proxy(out, access, clients->subtree);
	fprintf(out, "view bmclink included .%s\n", clients->subtree);
	if (clients->communities[0] != '\0')
		put_communities(out, clients->communities);
	put_users(out, clients->users);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* --- the administrator's files --- */

/* The next word of a line, without its quotes; NULL: there is none. */
static const char *next_word(const char **at, const char *end, size_t *length)
{
	const char *word;

	while (*at < end && strchr(BLANKS, **at))
		(*at)++;
	if (*at >= end || **at == '#')
		return NULL;
	word = *at;
	if (*word == '"' || *word == '\'') {
		const char *close = memchr(word + 1, *word, (size_t)(end - word - 1));

		close = close != NULL ? close : end;
		*length = (size_t)(close - word - 1);
		*at = close < end ? close + 1 : end;
		return word + 1;
	}
	while (*at < end && !strchr(BLANKS, **at))
		(*at)++;
	*length = (size_t)(*at - word);
	return word;
}

static bool is_same(const char *word, size_t length, const char *other)
{
	return strlen(other) == length && strncasecmp(word, other, length) == 0;
}

static bool line_includes(const char *at, const char *end, const char *folder)
{
	size_t length, wanted = strlen(folder);
	const char *word = next_word(&at, end, &length);

	if (word == NULL || !is_same(word, length, "includeDir"))
		return false;
	word = next_word(&at, end, &length);
	if (word == NULL)
		return false;
	while (length > 1 && word[length - 1] == '/')
		length--;
	return length == wanted && strncmp(word, folder, length) == 0;
}

static bool is_listed(const char *word, size_t length, const char *list)
{
	while (*list != '\0') {
		size_t n = strcspn(list, " ");

		if (n == length && strncmp(word, list, n) == 0)
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

static bool line_has_community(const char *at, const char *end, const char *list)
{
	static const char *const tokens[] = {"rocommunity", "rwcommunity", "rocommunity6",
		"rwcommunity6", "authcommunity", "com2sec", "com2sec6", "com2secunix"};
	size_t length;
	const char *word = next_word(&at, end, &length);
	bool ours = false;

	for (size_t i = 0; word != NULL && i < ARRAY_SIZE(tokens); i++)
		ours |= is_same(word, length, tokens[i]);
	while (ours && (word = next_word(&at, end, &length)) != NULL) {
		if (is_listed(word, length, list))
			return true;
	}
	return false;
}

static bool any_line(const char *text, const char *what,
	bool (*fits)(const char *at, const char *end, const char *what))
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (fits(text, text + n, what))
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}

bool snmp_text_includes(const char *text, const char *folder)
{
	return any_line(text, folder, line_includes);
}

bool snmp_text_has_community(const char *text, const char *communities)
{
	return any_line(text, communities, line_has_community);
}

bool snmp_text_is_ours(const char *text)
{
	return strncmp(text, SNMP_TEXT_MARK, strlen(SNMP_TEXT_MARK)) == 0;
}
