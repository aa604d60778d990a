/* SPDX-License-Identifier: Apache-2.0 */
/* Strings in SMBIOS structures and in the USB descriptors that type 42 quotes. Pure. */
#ifndef BMCLINK_HOST_SMBIOS_STRING_H
#define BMCLINK_HOST_SMBIOS_STRING_H

#include <stddef.h>
#include <stdint.h>

/*
 * The index-th string (from 1; 0 is none) of a structure's set of strings, printable. Empty when
 * there is no such string, or when it does not end within length.
 */
void smbios_get_string(
	const uint8_t *strings, size_t length, unsigned int index, char *out, size_t size);

/*
 * UTF-16LE to UTF-8, without a NUL; half a surrogate pair becomes '?'. out needs length / 2 * 3
 * bytes. Returns the bytes written.
 */
size_t smbios_utf16_to_utf8(const uint8_t *in, size_t length, char *out);

#endif
