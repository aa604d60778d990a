/* SPDX-License-Identifier: Apache-2.0 */
#include "host/settings_values.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/cert.h"
#include "base/text.h"
#include "base/tls.h"

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
