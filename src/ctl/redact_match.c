/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/redact_match.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define MAX_WORD 64

/* Any word with one of these in it names a secret; what ends with "file" names a file. */
static const char *const secret_words[] = {"communities", "password", "passwd", "passphrase", "pwd",
	"secret", "token", "authorization", "cookie", "credential", "community", "private_key",
	"private-key", "privatekey", "apikey", "api_key", "api-key", "authkey", "psk"};

static const char *const name_words[] = {
	"serial", "service_tag", "servicetag", "asset_tag", "assettag", "hostname", "host_name"};

static bool starts(const char *at, size_t length, const char *what)
{
	return length >= strlen(what) && memcmp(at, what, strlen(what)) == 0;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static size_t line_length(const char *at, size_t length)
{
	const char *end = memchr(at, '\n', length);

	return end ? (size_t)(end - at) : length;
}

size_t redact_match_pem(const char *at, size_t length)
{
	static const char mark[] = "PRIVATE KEY-----";
	const char *first, *end;

	if (!at || !starts(at, length, "-----BEGIN "))
		return 0;
	first = memmem(at, length, mark, strlen(mark));
	/* of this line: a certificate's may be followed by a key's */
	if (!first || memchr(at, '\n', (size_t)(first - at)) || first - at > MAX_WORD)
		return 0;
	first += strlen(mark);
	end = memmem(first, length - (size_t)(first - at), mark, strlen(mark));
	return end ? (size_t)(end - at) + strlen(mark) : length;
}

static size_t make_lower(const char *word, size_t length, char lower[MAX_WORD + 1])
{
	if (length > MAX_WORD) /* of a longer one its end counts: PREFIX_..._PASSWORD */
		word += length - MAX_WORD, length = MAX_WORD;
	for (size_t i = 0; i < length; i++)
		lower[i] = (char)tolower((unsigned char)word[i]);
	lower[length] = '\0';
	return length;
}

static bool names_secret(const char *word, size_t length, bool *is_pin)
{
	char lower[MAX_WORD + 1];

	length = make_lower(word, length, lower);
	*is_pin = strcmp(lower, "pin") == 0;
	if (length >= 4 && length <= MAX_WORD && strcmp(lower + length - 4, "file") == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(secret_words); i++)
		if (strstr(lower, secret_words[i]))
			return true;
	return *is_pin;
}

/* A quote, perhaps with the backslashes of JSON within JSON: its bytes, or 0. */
static size_t quote_length(const char *at, size_t length)
{
	size_t n = 0;

	while (n < length && at[n] == '\\')
		n++;
	return n < length && (at[n] == '"' || at[n] == '\'') ? n + 1 : 0;
}

static size_t skip_blanks(const char *at, size_t length)
{
	size_t n = 0;

	while (n < length && (at[n] == ' ' || at[n] == '\t'))
		n++;
	return n;
}

/* Up to the same quote again: with as many backslashes before it. */
static size_t quoted_length(const char *at, size_t length, const char *quote, size_t quote_size)
{
	for (size_t n = 0; n + quote_size <= length; n++) {
		size_t back = 0;

		if (at[n] != '\\' && at[n] != quote[quote_size - 1])
			continue;
		while (n + back < length && at[n + back] == '\\')
			back++;
		if (n + back < length && at[n + back] == quote[quote_size - 1] &&
			back == quote_size - 1)
			return n;
		n += back; /* an escaped character, or another quote */
	}
	return length;
}

/* A list or an object of JSON as a whole. */
static size_t bracket_length(const char *at, size_t length)
{
	size_t depth = 0;
	bool string = false;

	for (size_t n = 0; n < length; n++) {
		if (string && at[n] == '\\')
			n++;
		else if (at[n] == '"')
			string = !string;
		else if (!string && (at[n] == '[' || at[n] == '{'))
			depth++;
		else if (!string && (at[n] == ']' || at[n] == '}') && --depth == 0)
			return n + 1;
	}
	return length;
}

static size_t plain_json_length(const char *at, size_t length)
{
	static const char *const harmless[] = {"null", "true", "false"};
	size_t n = 0;

	while (n < length && !strchr(",}] \n", at[n]))
		n++;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (n == strlen(harmless[i]) && memcmp(at, harmless[i], n) == 0)
			return 0;
	return n;
}

static void measure_value(
	const char *at, size_t length, bool key_is_quoted, struct redact_value *value)
{
	const char *rest = at + value->before;
	size_t left = length - value->before, quote = quote_length(rest, left);

	if (quote > 0) {
		value->before += quote;
		value->secret = quoted_length(rest + quote, left - quote, rest, quote);
	} else if (left > 0 && key_is_quoted && (rest[0] == '[' || rest[0] == '{')) {
		value->secret = bracket_length(rest, left);
		value->quote = true;
	} else if (key_is_quoted) {
		value->secret = plain_json_length(rest, left);
		value->quote = true;
	} else {
		value->secret = line_length(rest, left);
	}
}

/* Sixty-four hex digits are a fingerprint: no secret, and redacted as what they are. */
static bool is_fingerprint(const char *at, size_t length)
{
	size_t digits = 0, n = 0;

	for (; n < length && (isxdigit((unsigned char)at[n]) || at[n] == ':'); n++)
		digits += at[n] != ':';
	return digits == 64 && (n == length || !is_word(at[n]));
}

/* "key = value" and its likes; of an option ("--key value") the blank is enough. word: bytes of the
 * key. */
static bool find_value(const char *at, size_t length, size_t word, struct redact_value *value)
{
	size_t key_quote = quote_length(at + word, length - word), n;
	bool is_option = at[0] == '-';

	n = word + key_quote;
	n += skip_blanks(at + n, length - n);
	if (n < length && (at[n] == ':' || at[n] == '=')) {
		while (n < length && strchr(":=>", at[n]))
			n++;
		n += skip_blanks(at + n, length - n);
	} else if (!is_option || n == word + key_quote) {
		return false;
	}
	*value = (struct redact_value){.before = n};
	measure_value(at, length, key_quote > 0, value);
	return true;
}

static size_t word_length(const char *at, size_t length)
{
	size_t n = 0;

	while (n < length && is_word(at[n]))
		n++;
	return n;
}

bool redact_match_key(const char *at, size_t length, struct redact_value *value)
{
	size_t word = word_length(at, length);
	bool is_pin;

	if (word == 0 || !names_secret(at, word, &is_pin) || !find_value(at, length, word, value))
		return false;
	return !is_pin || !is_fingerprint(at + value->before, length - value->before);
}

bool redact_match_name(const char *at, size_t length, struct redact_value *value)
{
	size_t word = word_length(at, length), n = 0;
	char lower[MAX_WORD + 1];
	bool names = false;

	make_lower(at, word, lower);
	for (size_t i = 0; i < ARRAY_SIZE(name_words); i++)
		names |= strstr(lower, name_words[i]) != NULL;
	if (!names || !find_value(at, length, word, value))
		return false;
	/* no more than the name: what follows it on its line is of use */
	while (n < value->secret && !strchr(" \t,;", at[value->before + n]))
		n++;
	if (quote_length(at + value->before - 1, 1) == 0)
		value->secret = n;
	return value->secret > 0 && !value->quote;
}

bool redact_match_scheme(const char *at, size_t length, struct redact_value *value)
{
	static const char *const schemes[] = {"basic ", "bearer "};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i]), secret = 0;

		if (length < n || strncasecmp(at, schemes[i], n) != 0)
			continue;
		while (n + secret < length &&
			(is_word(at[n + secret]) || strchr("+/=~", at[n + secret])) &&
			at[n + secret])
			secret++;
		*value = (struct redact_value){.before = n, .secret = secret};
		return secret >= 8;
	}
	return false;
}

bool redact_match_url(const char *at, size_t length, struct redact_value *value)
{
	size_t n;

	if (!starts(at, length, "://"))
		return false;
	for (n = 3; n < length && !strchr("/ \t\n\"'<>", at[n]); n++)
		if (at[n] == '@') {
			*value = (struct redact_value){.before = 3, .secret = n - 3};
			return true;
		}
	return false;
}
