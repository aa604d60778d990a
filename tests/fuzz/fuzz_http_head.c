/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request to the endpoint. */
#include <stdlib.h>
#include <string.h>

#include "endpoint/http.h"
#include "fuzz.h"

static void check(const struct http_request *request)
{
	FUZZ_CHECK(request->method != 0 && strlen(request->method_text) <= HTTP_MAX_METHOD);
	FUZZ_CHECK(request->path[0] == '/' ||
		   (request->method == HTTP_OPTIONS && strcmp(request->path, "*") == 0));
	FUZZ_CHECK(strlen(request->path) + strlen(request->query) <= HTTP_MAX_TARGET);
	FUZZ_CHECK(request->n_fields <= HTTP_MAX_FIELDS);
	FUZZ_CHECK(!(request->chunked && request->has_length));
	for (unsigned int i = 0; i < request->n_fields; i++) {
		const struct http_field *field = &request->fields[i];

		FUZZ_CHECK(field->name[0] && !strpbrk(field->name, " \t\r\n:"));
		FUZZ_CHECK(!strpbrk(field->value, "\r\n"));
		FUZZ_CHECK(http_get_field(request, field->name) != NULL);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request request;
	char *head = malloc(size ? size : 1);
	int status;

	if (size > 0)
		memcpy(head, data, size);
	status = http_parse_head(head, size, &request);
	if (status == 0) {
		check(&request);
		/* Nothing that is decoded can end or split a path. */
		if (http_decode_path(request.path))
			FUZZ_CHECK(!strpbrk(request.path, "\r\n"));
	} else {
		FUZZ_CHECK(status >= 400 && status < 600);
		FUZZ_CHECK(strcmp(http_status_text(status), "Unknown") != 0);
	}
	free(head);
	return 0;
}
