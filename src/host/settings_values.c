/* SPDX-License-Identifier: Apache-2.0 */
#include "host/settings_values.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cert.h"
#include "base/text.h"
#include "base/tls.h"
#include "host/relay/sources.h"

const char *const settings_tls_names[] = {[TLS_NONE] = "",
	[TLS_1_0] = "",
	[TLS_1_1] = "1.1",
	[TLS_1_2] = "1.2",
	[TLS_1_3] = "1.3",
	NULL};

/* As dev_valid_name() of the kernel, and printable. ':' is not allowed in names, so that "usb:"
 * cannot be one. */
static bool is_nic_name(const char *s)
{
	size_t length = strlen(s);

	return length > 0 && length < IF_NAMESIZE && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
	       s[strcspn(s, "/: \t\n\v\f\r")] == '\0' && text_is_printable(s, length);
}

static bool is_usb_id(const char *s)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	return strlen(s) == strlen("usb:VVVV:PPPP") && strncmp(s, "usb:", 4) == 0 &&
	       strspn(s + 4, hex) == 4 && s[8] == ':' && strspn(s + 9, hex) == 4;
}

int settings_parse_interface(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	if (!is_nic_name(value) && !is_usb_id(value)) {
		*expected = "auto, the name of a NIC, or usb:VVVV:PPPP";
		return -EINVAL;
	}
	return config_parse_string(key, value, target, expected);
}

int settings_parse_port(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	const struct config_key bounds = {.minimum = 1, .maximum = 65535};

	if (*value == '\0') {
		*(long *)target = 0;
		return 0;
	}
	if (config_parse_number(&bounds, value, target, expected) == 0)
		return 0;
	*expected = "a port number from 1 to 65535, or nothing";
	return -EINVAL;
}

int settings_parse_pin(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	unsigned char bytes[CERT_FINGERPRINT_SIZE];
	char hex[3 * CERT_FINGERPRINT_SIZE] = "";

	if (*value && text_parse_hex(value, bytes, sizeof(bytes)) < 0) {
		*expected = "the SHA-256 fingerprint of a certificate, 64 hex digits with or "
			    "without ':'";
		return -EINVAL;
	}
	if (*value)
		text_make_hex(bytes, sizeof(bytes), ':', hex);
	return config_parse_string(key, hex, target, expected);
}

int settings_parse_user(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	size_t length = strlen(value);

	/* ':' ends the user in HTTP's Basic scheme (RFC 7617), and no BMC has it in a name. */
	if (length >= key->size || !text_is_printable(value, length) ||
		strpbrk(value, " \t:") != NULL) {
		*expected = "the name of an account of the BMC, at most 64 bytes, without blanks "
			    "and ':'";
		return -EINVAL;
	}
	return config_parse_string(key, value, target, expected);
}

int settings_parse_path(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	if (*value && (*value != '/' || !text_is_printable(value, strlen(value)))) {
		*expected = "an absolute path, or nothing";
		return -EINVAL;
	}
	return config_parse_string(key, value, target, expected);
}

/* RFC 952 and 1123; a name that is all digits and dots would be an address. */
static bool is_host_name(const char *name, size_t length)
{
	size_t label = 0;
	bool letter = false;

	for (size_t i = 0; i <= length; i++) {
		char c = i < length ? name[i] : '.';

		if (c == '.') {
			if (label == 0 || label > 63 || name[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)c) && (c != '-' || label == 0))
			return false;
		letter |= isalpha((unsigned char)c) != 0;
		label++;
	}
	return letter && length <= 253;
}

/* Names that mean this host, or a net, to every program. */
static bool is_reserved(const char *name, size_t length)
{
	static const char *const reserved[] = {"localhost", "localhost.localdomain",
		"ip6-localhost", "ip6-loopback", "ip6-allnodes", "ip6-allrouters", "broadcasthost"};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strlen(reserved[i]) == length && strncasecmp(reserved[i], name, length) == 0)
			return true;
	}
	return length > 10 && strncasecmp(name + length - 10, ".localhost", 10) == 0;
}

int settings_parse_names(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	static const char blanks[] = " \t,";
	char list[256] = "";
	size_t used = 0;
	unsigned int count = 0;

	*expected = "1 to 8 host names, together at most 255 bytes, none of them localhost";
	for (const char *at = value + strspn(value, blanks); *at != '\0';) {
		size_t n = strcspn(at, blanks);

		if (!is_host_name(at, n) || is_reserved(at, n) || ++count > 8 ||
			used + n + 2 > sizeof(list) || used + n + 2 > key->size)
			return -EINVAL;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.*s",
			used > 0 ? " " : "", (int)n, at);
		at += n;
		at += strspn(at, blanks);
	}
	return count > 0 ? config_parse_string(key, list, target, expected) : -EINVAL;
}

int settings_parse_sources(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	struct relay_sources sources;

	if (relay_sources_parse(value, &sources, expected) < 0)
		return -EINVAL;
	return config_parse_string(key, value, target, expected);
}

/* They become words of another program's configuration: nothing that ends a word or a line. */
static bool is_word(const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)word[i]) && (i == 0 || !strchr("._-", word[i])))
			return false;
	}
	return length > 0 && length <= 32;
}

int settings_parse_words(
	const struct config_key *key, const char *value, void *target, const char **expected)
{
	static const char blanks[] = " \t,";
	char list[256] = "";
	size_t used = 0;
	unsigned int count = 0;

	*expected =
		"up to 7 words of at most 32 letters, digits, '.', '_' and '-', which begin with "
		"a letter or digit";
	for (const char *at = value + strspn(value, blanks); *at != '\0';) {
		size_t n = strcspn(at, blanks);

		if (!is_word(at, n) || ++count > 7 || used + n + 2 > sizeof(list))
			return -EINVAL;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.*s",
			used > 0 ? " " : "", (int)n, at);
		at += n;
		at += strspn(at, blanks);
	}
	return config_parse_string(key, list, target, expected);
}
