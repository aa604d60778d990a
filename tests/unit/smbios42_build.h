/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Type 42 structures made for the tests of the decoder. It decodes from buffers of the exact size,
 * so that the address sanitizer sees any read beyond them.
 */
#ifndef BMCLINK_TESTS_SMBIOS42_BUILD_H
#define BMCLINK_TESTS_SMBIOS42_BUILD_H

#include "host/discover/smbios42.h"

/* smbios42_decode() from a buffer that ends where the data ends. */
int decode_exact(const uint8_t *data, size_t length, struct smbios42 *out, const char **why);
void check_address(const struct smbios42_address *address, enum smbios42_assignment assignment,
	const char *text, unsigned int prefix);

struct build {
	uint8_t data[600];
	size_t length;
};

struct address { /* as DSP0270 numbers assignment and format */
	uint8_t assignment, format;
	const char *text, *mask;
};

extern const uint8_t usb_v1[7]; /* a device descriptor */
extern const struct address host4, service4;

/* A structure: begin, n_records times add or add_redfish, finish; strings with their NULs. */
void begin(struct build *b, const void *device, size_t length, uint8_t n_records);
void add(struct build *b, const void *bytes, size_t length);
void add_redfish(struct build *b, const struct address *host, const struct address *service,
	uint16_t port, uint32_t vlan, const char *name);
void finish(struct build *b, const char *strings, size_t length);
void decode_build(const struct build *b, struct smbios42 *out); /* which must be possible */

#endif
