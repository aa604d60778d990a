/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the platform and the administrator bring: the hook's inventory, destinations of push
 * subscriptions, and certificates with their keys. The first byte chooses.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "endpoint/certificate_request.h"
#include "endpoint/inventory.h"
#include "endpoint/push_url.h"
#include "fuzz.h"

static void try_inventory(const char *text, size_t size)
{
	json_t *inventory = NULL, *values, *value;
	const char *section, *name;
	unsigned int ignored = 0;
	char why[160] = "";

	if (inventory_read(text, size, &inventory, &ignored, why, sizeof(why)) < 0) {
		FUZZ_CHECK(inventory == NULL && text_is_printable(why, sizeof(why)));
		return;
	}
	json_object_foreach(inventory, section, values)
	{
		FUZZ_CHECK(strcmp(section, "System") == 0 || strcmp(section, "Chassis") == 0 ||
			   strcmp(section, "Manager") == 0);
		json_object_foreach(values, name, value)
		{
			FUZZ_CHECK(json_is_number(value) ||
				   text_is_printable(json_string_value(value), INVENTORY_MAX_TEXT));
		}
	}
	json_decref(inventory);
}

/* Nothing gets through that would write a second line, or lead to ourselves. */
static void try_url(const char *text)
{
	struct push_url url;
	const char *why = NULL;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&url.address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&url.address;

	if (push_url_parse(text, &url, &why) < 0) {
		FUZZ_CHECK(why && *why);
		return;
	}
	FUZZ_CHECK(url.path[0] == '/' && !strpbrk(url.path, " \t\r\n#"));
	FUZZ_CHECK(strspn(url.authority, "0123456789abcdefABCDEF.:[]") == strlen(url.authority));
	if (url.address.ss_family == AF_INET)
		FUZZ_CHECK(in->sin_port && ntohl(in->sin_addr.s_addr) >> 24 != 127);
	else
		FUZZ_CHECK(in6->sin6_port && !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) &&
			   !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr));
}

static void try_certificate(const char *text, size_t size)
{
	struct cert_pair pair = {0};
	const char *why = NULL;

	if (certificate_read(text, size, NULL, 0, &pair, &why) < 0) {
		FUZZ_CHECK(!pair.key && !pair.certificate && why && *why);
		return;
	}
	FUZZ_CHECK(X509_check_private_key(pair.certificate, pair.key) == 1);
	cert_pair_clear(&pair);
}

static void try_subject(const char *text)
{
	struct certificate_subject subject = {.common_name = text, .names = {text}, .n_names = 1};
	EVP_PKEY *key = NULL;
	char *pem = NULL;

	if (certificate_request_make(&subject, &key, &pem) < 0) {
		FUZZ_CHECK(!key && !pem);
		return;
	}
	FUZZ_CHECK(text_is_printable(text, CERTIFICATE_REQUEST_MAX_NAME) && strstr(pem, "REQUEST"));
	EVP_PKEY_free(key);
	free(pem);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1 || size > 65536)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (!text)
		return 0;
	switch (data[0] & 3) {
	case 0:
		try_inventory((const char *)data + 1, size - 1);
		break;
	case 1:
		try_url(text);
		break;
	case 2:
		try_certificate((const char *)data + 1, size - 1);
		break;
	default:
		try_subject(text);
	}
	free(text);
	return 0;
}
