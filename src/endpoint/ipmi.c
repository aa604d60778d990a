/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ipmi.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

/* request[0..3]: network function, command, group, and the one byte of data of both commands. */
#define REQUEST_SIZE 4

static unsigned char get_fingerprint(
	unsigned char number, const struct ipmi_acts *acts, struct ipmi_answer *answer)
{
	int r = acts->get_fingerprint(number, answer->data + 2, acts->arg);

	if (r < 0)
		return r == -ENOENT ? IPMI_CERTIFICATE_NONE : IPMI_UNSPECIFIED;
	answer->data[0] = IPMI_GROUP_REDFISH;
	answer->data[1] = IPMI_HASH_SHA256;
	answer->length = 2 + 32;
	return IPMI_OK;
}

static unsigned char get_credentials(
	unsigned char control, const struct ipmi_acts *acts, struct ipmi_answer *answer)
{
	char user[IPMI_FIELD + 1] = "", password[IPMI_FIELD + 1] = "";

	if (acts->make_account(control == IPMI_KEEP_ENABLED, user, password, acts->arg) < 0)
		return IPMI_UNSPECIFIED;
	/* Padded with 00h to 16 bytes each; with 16 characters there is no 00h behind. */
	answer->data[0] = IPMI_GROUP_REDFISH;
	memcpy(answer->data + 1, user, IPMI_FIELD);
	memcpy(answer->data + 1 + IPMI_FIELD, password, IPMI_FIELD);
	answer->length = 1 + 2 * IPMI_FIELD;
	OPENSSL_cleanse(password, sizeof(password));
	return IPMI_OK;
}

static unsigned char answer_command(const unsigned char *request, size_t length,
	const struct ipmi_acts *acts, struct ipmi_answer *answer)
{
	if (length < 3 || request[0] != IPMI_NETFN_GROUP || request[2] != IPMI_GROUP_REDFISH ||
		(request[1] != IPMI_CMD_FINGERPRINT && request[1] != IPMI_CMD_CREDENTIALS) ||
		!acts->is_offered(acts->arg))
		return IPMI_INVALID_COMMAND;
	if (length != REQUEST_SIZE)
		return IPMI_INVALID_LENGTH;
	if (!acts->is_enabled(acts->arg))
		return IPMI_DISABLED;
	if (request[1] == IPMI_CMD_FINGERPRINT)
		return get_fingerprint(request[3], acts, answer);
	return get_credentials(request[3], acts, answer);
}

void ipmi_answer(const unsigned char *request, size_t length, const struct ipmi_acts *acts,
	struct ipmi_answer *answer)
{
	*answer = (struct ipmi_answer){0};
	answer->completion = answer_command(request, length, acts, answer);
}
