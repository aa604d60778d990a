/* SPDX-License-Identifier: Apache-2.0 */
/* A resource that a BMC answers with, as the agent's readers see it. */
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "host/link/channel_internal.h"

static void try_link(const json_t *object, const char *member)
{
	char path[CHANNEL_MAX_PATH], small[32];

	if (resource_get_link(object, member, path, sizeof(path)) == 0)
		FUZZ_CHECK(path[0] == '/' && path[1] != '/' && !strpbrk(path, " \r\n\t"));
	if (resource_get_link(object, member, small, sizeof(small)) == 0)
		FUZZ_CHECK(strcmp(small, path) == 0);
}

static void try_text(const json_t *object, const char *member)
{
	char text[64] = "";

	resource_copy_text(object, member, text, sizeof(text));
	FUZZ_CHECK(text_is_printable(text, sizeof(text) - 1));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *object = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	char path[CHANNEL_MAX_PATH];

	resource_is_service_root(object);
	try_link(object, "Managers");
	try_link(object, "EventService");
	try_link(object, "ServerSentEventUri");
	try_link(json_object_get(object, "Links"), "ManagerProvidingService");
	try_link(json_object_get(json_object_get(object, "Oem"), "Bmclink"), "HostAccount");
	if (resource_get_first_member(object, path, sizeof(path)) == 0)
		FUZZ_CHECK(resource_path_is_safe(path));
	try_text(object, "Vendor");
	try_text(object, "Model");
	try_text(object, "FirmwareVersion");
	json_decref(object);
	return 0;
}
