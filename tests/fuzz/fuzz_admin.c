/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator's command line asks of a running endpoint. */
#include "endpoint/admin.h"
#include "endpoint_service.h"

static struct service *service;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	service = endpoint_service_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *request = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	json_t *answer;

	if (json_is_object(request)) {
		endpoint_service_reset(service, PRINCIPAL_NOBODY);
		answer = admin_answer(request, service);
		FUZZ_CHECK(json_is_object(json_object_get(answer, "result")) ||
			   json_is_object(json_object_get(answer, "error")));
		json_decref(answer);
	}
	json_decref(request);
	return 0;
}
