/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the endpoint, from the bytes to the resources and back. The first byte is who asks,
 * the second how the bytes are cut.
 */
#include <string.h>
#include <strings.h>

#include "endpoint_service.h"

static struct service *service;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	service = endpoint_service_start();
	return 0;
}

/* A service that answers at all answers in HTTP. */
static void check_answer(const char *answer)
{
	int status = 0;

	if (answer[0] == '\0')
		return;
	FUZZ_CHECK(strncmp(answer, "HTTP/1.1 ", 9) == 0);
	for (int i = 9; i < 12; i++)
		status = status * 10 + answer[i] - '0';
	FUZZ_CHECK(status == 100 || (status >= 200 && status < 600));
	FUZZ_CHECK(strstr(answer, "\r\n\r\n") != NULL);
}

static bool has_word(const struct fuzz_input *in, const char *word)
{
	size_t length = strlen(word);

	for (size_t at = 0; at + length <= in->left; at++) {
		if (strncasecmp((const char *)in->data + at, word, length) == 0)
			return true;
	}
	return false;
}

/* May it log in? What it takes must be right: that is not easy. Names of fields have no case, and
 * letters in JSON may be escaped. */
static bool has_login(const struct fuzz_input *in)
{
	return has_word(in, "authorization") || has_word(in, "x-auth-") ||
	       has_word(in, "password") || has_word(in, "\\u");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[262144];
	struct fuzz_input in = {data, size};
	enum principal principal = fuzz_take_byte(&in) % PRINCIPAL_HANDSHAKE;
	uint32_t seed = fuzz_take_byte(&in);
	bool may_change = principal == PRINCIPAL_HOST || principal == PRINCIPAL_GUEST ||
			  (principal == PRINCIPAL_NOBODY && has_login(&in));

	endpoint_service_reset(service, principal);
	endpoint_service_talk(service, principal, &in, seed, answer, sizeof(answer));
	check_answer(answer);
	FUZZ_CHECK(may_change || endpoint_service_is_untouched(service));
	if (principal == PRINCIPAL_REFUSED && answer[0])
		FUZZ_CHECK(answer[9] == '4' || answer[9] == '5');
	return 0;
}
