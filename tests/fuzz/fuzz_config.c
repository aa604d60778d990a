/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file, read as bmclinkd.conf and as endpoint.conf. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "endpoint/settings.h"
#include "fuzz.h"
#include "host/settings.h"

static void check_error(char *error)
{
	FUZZ_CHECK(error != NULL && text_is_printable(error, 4096));
	free(error);
}

/* What the monitor hands to the worker means the same there. */
static void check_round_trip(const struct settings *settings)
{
	struct settings again;
	char *first, *second, *error = NULL;

	FUZZ_CHECK(settings_to_text(settings, &first) == 0);
	FUZZ_CHECK(settings_parse(first, strlen(first), "again", &again, &error) == 0);
	FUZZ_CHECK(settings_to_text(&again, &second) == 0);
	FUZZ_CHECK(strcmp(first, second) == 0);
	free(first);
	free(second);
}

static void try_agent(const char *text, size_t size)
{
	struct settings settings, untouched;
	char *error = NULL;

	memset(&settings, 0x5a, sizeof(settings));
	memset(&untouched, 0x5a, sizeof(untouched));
	if (settings_parse(text, size, "bmclinkd.conf", &settings, &error) == 0) {
		FUZZ_CHECK(error == NULL);
		check_round_trip(&settings);
	} else {
		FUZZ_CHECK(memcmp(&settings, &untouched, sizeof(settings)) == 0);
		check_error(error);
	}
}

static void try_endpoint(const char *text, size_t size)
{
	struct endpoint_settings settings, untouched;
	char *error = NULL;

	memset(&settings, 0x5a, sizeof(settings));
	memset(&untouched, 0x5a, sizeof(untouched));
	if (endpoint_settings_parse(text, size, "endpoint.conf", &settings, &error) == 0) {
		FUZZ_CHECK(error == NULL && settings.port != settings.plain_port);
	} else {
		FUZZ_CHECK(memcmp(&settings, &untouched, sizeof(settings)) == 0);
		check_error(error);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_agent((const char *)data, size);
	try_endpoint((const char *)data, size);
	return 0;
}
