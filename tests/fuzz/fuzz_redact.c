/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the host in a bundle: a known secret never, whatever stands around it. */
#include <stdlib.h>
#include <string.h>

#include "ctl/redact.h"
#include "fuzz.h"

#define SECRET "Hunter2!"
#define NAME   "server-seven"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	bool keep = fuzz_take_byte(&in) & 1;
	struct redact *redact = redact_new("0123456789abcdef", 16, keep);
	size_t length, n;
	char *out;

	FUZZ_CHECK(redact != NULL);
	FUZZ_CHECK(redact_add_secret(redact, SECRET, strlen(SECRET)) == 0);
	FUZZ_CHECK(redact_add_identifier(redact, "name", NAME) == 0);
	FUZZ_CHECK(redact_text(redact, (const char *)in.data, in.left, &out, &length) == 0);
	FUZZ_CHECK(out[length] == '\0');
	FUZZ_CHECK(memmem(out, length, SECRET, strlen(SECRET)) == NULL);
	/* what is between the marks is from the input: nothing grows without end */
	n = redact_get_counts(redact).secrets + redact_get_counts(redact).identifiers;
	FUZZ_CHECK(length <= in.left + n * REDACT_MAX_PSEUDONYM);
	free(out);
	redact_free(redact);
	return 0;
}
