/* SPDX-License-Identifier: Apache-2.0 */
/* `bmclink-endpoint ipmi ...`: a request to this BMC, as another program forwards it. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "endpoint/admin_family.h"
#include "endpoint/control.h"
#include "endpoint/ipmi.h"
#include "endpoint/service.h"

/* {"request": hex} -> {"completion": n, "data": hex}. */
static json_t *answer(struct service *service, const char *command, const json_t *request)
{
	const char *hex = json_string_value(json_object_get(request, "request")) ?: "";
	unsigned char bytes[IPMI_MAX_REQUEST];
	char data[3 * IPMI_MAX_DATA + 1];
	struct ipmi_answer reply;
	size_t length = strlen(hex) / 2;
	json_t *result;

	if (!length || length > sizeof(bytes) || text_parse_hex(hex, bytes, length) < 0)
		return control_make_error(CONTROL_EXIT_USAGE, "not the bytes of an IPMI request");
	service_answer_ipmi(service, bytes, length, &reply);
	text_make_hex(reply.data, reply.length, 0, data);
	result = json_pack("{s:i, s:s}", "completion", reply.completion, "data", data);
	OPENSSL_cleanse(data, sizeof(data));
	OPENSSL_cleanse(&reply, sizeof(reply));
	return admin_make_result(result);
}

/* "0x2c", "2c" or "5" to two digits; false: not a byte. */
static bool add_byte(const char *text, char out[3])
{
	const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
	size_t n = strspn(digits, "0123456789abcdefABCDEF");

	if (n < 1 || n > 2 || digits[n])
		return false;
	snprintf(out, 3, "%s%s", n == 1 ? "0" : "", digits);
	return true;
}

static json_t *make_raw(int n, char **bytes)
{
	char hex[2 * IPMI_MAX_REQUEST + 1] = "";

	for (int i = 0; i < n; i++) {
		if (i >= IPMI_MAX_REQUEST || !add_byte(bytes[i], hex + 2 * (size_t)i)) {
			fprintf(stderr, "%s: expected at most %d bytes in hex\n", bytes[i],
				IPMI_MAX_REQUEST);
			return NULL;
		}
	}
	return json_pack("{s:s, s:s}", "command", "ipmi", "request", hex);
}

static json_t *make_request(int n, char **a, int *exit_code)
{
	if (n < 2)
		return admin_say_usage(exit_code);
	*exit_code = CONTROL_EXIT_USAGE;
	return make_raw(n - 1, a + 1);
}

/* Completion code and data, as `ipmitool raw` shows them. */
static void print(const json_t *result)
{
	const char *data = json_string_value(json_object_get(result, "data"));

	printf("%02x", (unsigned int)json_integer_value(json_object_get(result, "completion")));
	for (; data && data[0] && data[1]; data += 2)
		printf(" %.2s", data);
	putchar('\n');
}

const struct admin_family admin_ipmi = {
	.word = "ipmi",
	.make_request = make_request,
	.answer = answer,
	.print = print,
};
