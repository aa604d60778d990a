/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "smbios_sample.h"

const char *const smbios_samples[] = {"dell_r740", "lenovo_xcc", "supermicro", "usbv2_v13"};

size_t smbios_sample_read(const char *name, uint8_t *data, size_t size)
{
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), TEST_DATA "/smbios42/%s.raw", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(data, 1, size, f);
	fclose(f);
	assert_true(n > 0 && n < size);
	return n;
}
