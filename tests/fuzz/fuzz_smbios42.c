/* SPDX-License-Identifier: Apache-2.0 */
/* One SMBIOS type 42 structure: the decoder, and the monitor's own look at two ids. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "host/discover/smbios42.h"
#include "host/monitor/facts.h"

#define MARK 0xa5

static void check(const struct smbios42 *record)
{
	FUZZ_CHECK(text_is_printable(record->hostname, sizeof(record->hostname) - 1));
	FUZZ_CHECK(text_is_printable(record->serial, sizeof(record->serial) - 1));
	FUZZ_CHECK(record->host.prefix <= 128 && record->service.prefix <= 128);
	FUZZ_CHECK(!record->host.present || record->host.family != AF_UNSPEC);
	FUZZ_CHECK(!record->service.present || record->service.family != AF_UNSPEC);
	FUZZ_CHECK(smbios42_assignment_name(record->host.assignment) != NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smbios42 one, all[3], untouched;
	struct facts_device device;
	const char *why = NULL;
	int r, n;

	memset(&one, MARK, sizeof(one));
	memset(&untouched, MARK, sizeof(untouched));
	r = smbios42_decode(data, size, &one, &why);
	n = smbios42_decode_all(data, size, all, 3, &why);
	if (r < 0) {
		FUZZ_CHECK(r == -ENOTSUP || (r == -EBADMSG && why != NULL));
		FUZZ_CHECK(memcmp(&one, &untouched, sizeof(one)) == 0);
		FUZZ_CHECK(n == r);
	} else {
		check(&one);
		FUZZ_CHECK(n >= 1 && n <= 3);
		for (int i = 0; i < n; i++)
			check(&all[i]);
	}
	/* What the monitor allows a claim by is what the worker reads. */
	if (facts_get_device(data, size, &device) == 0 && r == 0 &&
		(one.device == SMBIOS42_USB_V2 || one.device == SMBIOS42_PCI_V2))
		FUZZ_CHECK(device.vendor == one.vendor && device.product == one.product);
	return 0;
}
