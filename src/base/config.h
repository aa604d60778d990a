/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: systemd-style INI ("[Section]", "Key = value", '#' and ';' comments), FILE
 * and then FILE's directory of drop-ins (FILE with ".d" added, *.conf in strcmp order; a later
 * value replaces an earlier one, an empty value restores the default).
 *
 * Keys are a table. An error names the file, the line, and what was expected; nothing is taken from
 * a set of files with an error in it. Unknown sections and keys are errors: a typing mistake must
 * not pass in silence.
 */
#ifndef BMCLINK_BASE_CONFIG_H
#define BMCLINK_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_MAX_FILE 65536 /* bytes; a longer file is an error */
#define CONFIG_MAX_LINE 1024

struct config_key;

/*
 * Parse value into the member at target (its type is the parser's business). Return 0 or -EINVAL,
 * then with *expected set to a static text: "on or off", "a port number from 1 to 65535".
 */
typedef int (*config_parse_fn)(
	const struct config_key *key, const char *value, void *target, const char **expected);

struct config_key {
	const char *section;
	const char *name;
	config_parse_fn parse;
	size_t offset;		  /* of the member in the settings structure */
	size_t size;		  /* of the member: bound for strings */
	long minimum, maximum;	  /* for config_parse_number */
	const char *const *names; /* for config_parse_enum: value i is names[i]; NULL ends; "" is a
				   number without a name */
	const char *
		fallback; /* not NULL; default, as it would be written; parsed by the same parser */
};

struct config_table {
	const struct config_key *keys;
	size_t n_keys, settings_size;
	/* What is right key by key and wrong together: a static text for the administrator, or
	 * NULL. May be NULL itself. */
	const char *(*find_contradiction)(const void *settings);
};

int config_parse_onoff(const struct config_key *, const char *, void *,
	const char **); /* bool; on, off and systemd's other words */
int config_parse_enum(const struct config_key *, const char *, void *, const char **);	 /* int */
int config_parse_number(const struct config_key *, const char *, void *, const char **); /* long */
int config_parse_string(
	const struct config_key *, const char *, void *, const char **); /* char[size] */
/* char[size]: an object identifier in numbers, 3 to 32 of them, without a dot before; or "" */
int config_parse_oid(const struct config_key *, const char *, void *, const char **);
int config_parse_ipv4(const struct config_key *, const char *, void *,
	const char **); /* struct in_addr; "" = 0 */
int config_parse_ipv6(
	const struct config_key *, const char *, void *, const char **); /* struct in6_addr */

/*
 * Blanks around names and values do not count; there are no quotes, no continuation lines, and no
 * comments behind a value. A byte order mark at the start and CR at the end of lines are let pass.
 *
 * Fill settings from the defaults, the file and its drop-ins. A missing file is an error unless
 * missing_ok; a missing drop-in directory never is. On error returns negative errno (-EINVAL for
 * content) and *error is a text for the administrator (caller frees): "FILE:LINE: Key 'x' in
 * [Section]: expected ..., found '...'", or the file and the contradiction. settings is untouched
 * on failure; members that no key fills are kept.
 */
int config_load(const char *path, bool missing_ok, const struct config_table *table, void *settings,
	char **error);

/*
 * The same as if the drop-in of this name (without a folder) had this text, whatever there is: what
 * is about to be written can be looked at before. text NULL: as if it were not there.
 */
struct config_candidate {
	const char *name;
	const char *text;
	size_t length;
};
int config_load_with(const char *path, bool missing_ok, const struct config_candidate *candidate,
	const struct config_table *table, void *settings, char **error);

/* The same from memory (one file's content); name is used in error texts. For tests and fuzzers. */
int config_load_text(const char *text, size_t length, const char *name,
	const struct config_table *table, void *settings, char **error);

#endif
