/* SPDX-License-Identifier: Apache-2.0 */
/* Type 42 structures as machines publish them: tests/data/smbios42. */
#ifndef BMCLINK_TESTS_SMBIOS_SAMPLE_H
#define BMCLINK_TESTS_SMBIOS_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define SMBIOS_SAMPLES 4
extern const char *const smbios_samples[SMBIOS_SAMPLES]; /* names */

/* Returns the length; the sample must be there, and be shorter than the buffer. */
size_t smbios_sample_read(const char *name, uint8_t *data, size_t size);

#endif
