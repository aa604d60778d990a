/* SPDX-License-Identifier: Apache-2.0 */
#include "host/link/kcs.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What stands behind completion code and group; KCS_OK when there is something. */
static enum kcs_status open_answer(
	const uint8_t *bytes, size_t length, const uint8_t **data, size_t *n)
{
	if (length < 1)
		return KCS_BROKEN;
	switch (bytes[0]) {
	case IPMI_OK:
		break;
	case IPMI_DISABLED:
		return KCS_DISABLED;
	case IPMI_CERTIFICATE_NONE:
		return KCS_NO_CERTIFICATE;
	case IPMI_INVALID_COMMAND:
	case IPMI_INVALID_LUN:
	case IPMI_INVALID_FIELD: /* of firmware that knows NetFn 2Ch, and not this group */
		return KCS_NOT_THERE;
	default:
		return KCS_REFUSED;
	}
	if (length < 2 || bytes[1] != IPMI_GROUP_REDFISH)
		return KCS_BROKEN;
	*data = bytes + 2;
	*n = length - 2;
	return KCS_OK;
}

enum kcs_status kcs_read_fingerprint(
	const uint8_t *bytes, size_t length, unsigned char fingerprint[CERT_FINGERPRINT_SIZE])
{
	const uint8_t *data;
	size_t n;
	enum kcs_status status = open_answer(bytes, length, &data, &n);

	if (status != KCS_OK)
		return status;
	if (n != 1 + CERT_FINGERPRINT_SIZE || data[0] != IPMI_HASH_SHA256)
		return KCS_BROKEN;
	memcpy(fingerprint, data + 1, CERT_FINGERPRINT_SIZE);
	return KCS_OK;
}

/* DSP0270: printable UTF-8, no quote, backslash or white space; up to 16 bytes. */
static bool is_word(const char *s)
{
	size_t length = strlen(s);

	return length > 0 && length <= IPMI_FIELD && text_is_printable(s, length) &&
	       !strpbrk(s, "'\"\\ ");
}

/* A field of this size into out: padded with 00h, or full and without one. */
static bool take_field(const uint8_t *field, size_t size, char out[IPMI_FIELD + 1])
{
	size_t length = strnlen((const char *)field, size);

	for (size_t i = length; i < size; i++) {
		if (field[i] != 0)
			return false;
	}
	if (length > IPMI_FIELD)
		return false;
	memcpy(out, field, length);
	out[length] = '\0';
	return is_word(out);
}

static bool take_fields(const uint8_t *data, size_t size, struct kcs_credentials *out)
{
	return take_field(data, size, out->user) && take_field(data + size, size, out->password);
}

/* Two words, each with a 00h behind it (the last one perhaps without), and no padding: what the
 * handler of Ampere and of OpenBMC's review answers. */
static bool take_words(const uint8_t *data, size_t n, struct kcs_credentials *out)
{
	size_t first = strnlen((const char *)data, n);

	if (first == n || first > IPMI_FIELD)
		return false;
	return take_field(data, first, out->user) &&
	       take_field(data + first + 1, n - first - 1, out->password);
}

enum kcs_status kcs_read_credentials(
	const uint8_t *bytes, size_t length, struct kcs_credentials *credentials)
{
	const uint8_t *data;
	size_t n;
	struct kcs_credentials read = {0};
	enum kcs_status status = open_answer(bytes, length, &data, &n);
	bool ok;

	if (status != KCS_OK)
		return status;
	/* By the standard; with a terminator for each; or neither padded nor fixed. */
	ok = (n == 2 * IPMI_FIELD && take_fields(data, IPMI_FIELD, &read)) ||
	     (n == 2 * (IPMI_FIELD + 1) && take_fields(data, IPMI_FIELD + 1, &read)) ||
	     (n <= 2 * (IPMI_FIELD + 1) && take_words(data, n, &read));
	if (ok)
		*credentials = read;
	explicit_bzero(&read, sizeof(read));
	return ok ? KCS_OK : KCS_BROKEN;
}

void kcs_explain(
	enum kcs_status status, const uint8_t *bytes, size_t length, char *out, size_t size)
{
	unsigned int code = length > 0 ? bytes[0] : 0;

	switch (status) {
	case KCS_OK:
		snprintf(out, size, "the BMC answered");
		break;
	case KCS_DISABLED:
		snprintf(out, size,
			"credential bootstrapping is disabled on the BMC, or the host's firmware "
			"used it first (80h)");
		break;
	case KCS_NOT_THERE:
		snprintf(out, size, "the BMC does not know the IPMI command (%02Xh)", code);
		break;
	case KCS_NO_CERTIFICATE:
		snprintf(out, size, "the BMC names no certificate (CBh)");
		break;
	case KCS_REFUSED:
		snprintf(out, size, "the BMC refused the IPMI command (%02Xh)", code);
		break;
	case KCS_BROKEN:
		snprintf(out, size, "the BMC's answer over IPMI, %zu bytes, is not one", length);
		break;
	}
}
