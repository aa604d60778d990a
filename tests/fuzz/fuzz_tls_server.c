/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes on the endpoint's TLS port: TLS, or plain HTTP that is to get its 426. */
#include <string.h>

#include "endpoint_service.h"

static struct service *service;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	service = endpoint_service_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[32768];
	struct fuzz_input in = {data, size};
	uint32_t seed = fuzz_take_byte(&in);
	bool plain = in.left >= 5 && in.data[0] >= 'A' && in.data[0] <= 'Z';

	endpoint_service_reset(service, PRINCIPAL_HANDSHAKE);
	endpoint_service_talk(service, PRINCIPAL_HANDSHAKE, &in, seed, answer, sizeof(answer));
	FUZZ_CHECK(endpoint_service_is_untouched(service));
	FUZZ_CHECK(plain == (strncmp(answer, "HTTP/1.1 426 ", 13) == 0));
	return 0;
}
